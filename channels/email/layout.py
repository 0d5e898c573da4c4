"""How a mail looks: one layout for all, as HTML with its styles in place and as text."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from channels.letter import Letter, Pattern
from core.languages import LANGUAGES
from core.markdown import to_html, to_text
from core.texts import colon

TEMPLATES = Path(__file__).resolve().parent / "templates"


class Layout:
    """The ``MailLayout`` of the mail channel."""

    def html(self, letter: Letter) -> Pattern:
        """The letter as a mail's HTML part."""
        html = _environment().get_template("letter.html").render(letter=letter)
        return Pattern(_inliner().inline(html), is_html=True)

    def text(self, letter: Letter) -> Pattern:
        """The letter as a mail's text part."""
        text = _environment().get_template("letter.txt").render(letter=letter)
        return Pattern(re.sub(r"\n{3,}", "\n\n", text).strip() + "\n", is_html=False)


def _direction(language: str) -> str:
    return LANGUAGES[language].direction if language in LANGUAGES else "ltr"


def _safe_html(markdown: str) -> Markup:
    # core/markdown.py cleaned it.
    return Markup(to_html(markdown))  # noqa: S704


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"direction": _direction, "to_html": _safe_html, "to_text": to_text, "colon": colon}
    return environment


@cache
def _inliner() -> CSSInliner:
    return CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
