"""Names of languages and countries as people write them in any of our languages, such as 'Français' or 'Marocco'."""

from __future__ import annotations

from functools import cache

from babel import Locale
from babel.core import get_global

from core.languages import LANGUAGES, match_language
from core.normalise import fold


def find_language(text: str) -> str | None:
    """The language of ours that a code or a name in any language means, or None."""
    text = text.strip()
    if named := _languages().get(fold(text)):
        return named
    try:
        return match_language(text)
    except ValueError:
        return None


def find_country(text: str) -> str | None:
    """The code of the country that a code or a name in any language means, or None."""
    text = text.strip()
    if text.upper() in get_global("territory_languages"):
        return text.upper()
    return _countries().get(fold(text))


@cache
def _languages() -> dict[str, str]:
    names = {fold(language.own_name): code for code, language in LANGUAGES.items()}
    for written_in in LANGUAGES:
        known = Locale.parse(written_in).languages
        names |= {fold(known[code]): code for code in LANGUAGES if code in known}
    return names | {fold("norsk"): "nb", fold("Norwegian"): "nb"}


@cache
def _countries() -> dict[str, str]:
    codes = get_global("territory_languages")
    names: dict[str, str] = {}
    for written_in in LANGUAGES:
        known = Locale.parse(written_in).territories
        names |= {fold(known[code]): code for code in codes if code in known}
    return names
