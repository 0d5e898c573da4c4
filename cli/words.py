"""The command line's sentences, in English."""

from __future__ import annotations

from functools import cache
from typing import Any

from core.languages import SOURCE_LANGUAGE
from core.settings import PROJECT_ROOT
from core.texts import Texts


@cache
def load_texts() -> Texts:
    """The catalogue in English: every command reads it, so the other languages stay on the disk."""
    return Texts.load(PROJECT_ROOT / "locales", languages={SOURCE_LANGUAGE})


def say(key: str, /, **values: Any) -> str:
    """The sentence ``cli.<key>``, else the one whose whole key it is."""
    own = f"cli.{key}"
    return load_texts().get(own if load_texts().has(own, SOURCE_LANGUAGE) else key, SOURCE_LANGUAGE, **values)
