"""The tiny packages, installed; a translator over them; a stand-in for the model that says what a test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from core.clock import FixedClock
from core.translation.translator import Translator
from tests.tiny_packages import install_tiny_packages


class Model:
    """In place of the process that translates."""

    def __init__(self, say: Callable[[str], str]) -> None:
        self.say = say
        self.asked: list[str] = []

    async def translate(self, sentences: Sequence[str], route: Sequence[str]) -> list[str]:
        self.asked += sentences
        return [self.say(sentence) for sentence in sentences]


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with French to English and English to Italian."""
    folder = tmp_path_factory.mktemp("translation")
    install_tiny_packages(folder)
    return folder


@pytest.fixture
async def translator(packages: Path, clock: FixedClock) -> AsyncIterator[Translator]:
    """Real models in a real process."""
    names = {"Anti-rumours handbook": "Manuale antirumori", "Geneva": "Ginevra"}
    translator = Translator(packages, clock=clock, names=lambda _source, _target: names)
    yield translator
    await translator.close()
