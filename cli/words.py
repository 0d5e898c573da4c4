"""The command line's sentences, in English."""

from __future__ import annotations

from functools import cache
from typing import Any

from core.languages import SOURCE_LANGUAGE
from core.settings import PROJECT_ROOT
from core.texts import Texts


@cache
def _texts() -> Texts:
    return Texts.load(PROJECT_ROOT / "locales")


def say(key: str, /, **values: Any) -> str:
    """The sentence ``cli.<key>``, else the one whose whole key it is."""
    own = f"cli.{key}"
    return _texts().get(own if _texts().has(own, SOURCE_LANGUAGE) else key, SOURCE_LANGUAGE, **values)
