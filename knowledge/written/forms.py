"""The form of an answer: tidied, and checked. A draft may be unfinished; what people read may not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import HttpUrl, ValidationError

from core.normalise import clean, words

LONGEST_TITLE, LONGEST_TEXT, LONGEST_SOURCE, LONGEST_EXAMPLE = 160, 4000, 300, 300
SHORTEST_TEXT, SHORTEST_SOURCE, SHORTEST_EXAMPLE = 20, 3, 3
FEWEST_EXAMPLES, MOST_EXAMPLES, MOST_LINKS = 3, 60, 3

type Problem = tuple[str, dict[str, Any]]
"""A key below ``written_answers.wrong``, and the values of its sentence."""


@dataclass(frozen=True)
class AnswerForm:
    """What the form says: the answer's source, and its words in one language. ``seen``: which state it was shown."""

    language: str
    title: str
    text: str = ""
    links: tuple[tuple[str, str], ...] = ()
    """Title and address of official pages."""
    examples: tuple[str, ...] = ()
    source: str = ""
    source_url: str = ""
    as_of: str = ""
    is_machine_draft: bool = False
    seen: str = ""


def tidy(form: AnswerForm) -> AnswerForm:
    lines = (tidy_example(line) for line in form.examples)
    examples = {tuple(words(line)): line for line in lines if line}
    links = ((clean(title), clean(url)) for title, url in form.links)
    return AnswerForm(
        language=form.language,
        title=clean(form.title),
        text=re.sub(r"\n{3,}", "\n\n", clean(form.text)),
        links=tuple((title, url) for title, url in links if title or url),
        examples=tuple(examples.values()),
        source=clean(form.source),
        source_url=clean(form.source_url),
        as_of=clean(form.as_of),
        is_machine_draft=form.is_machine_draft,
        seen=form.seen,
    )


def tidy_example(text: str) -> str:
    return " ".join(clean(text).split())


def check_draft(form: AnswerForm) -> list[Problem]:
    """What no draft may be either."""
    problems: list[Problem] = []
    if not 2 <= len(form.title) <= LONGEST_TITLE:
        problems.append(("title", {"most": LONGEST_TITLE}))
    if len(form.text) > LONGEST_TEXT:
        problems.append(("text_long", {"most": LONGEST_TEXT}))
    if len(form.source) > LONGEST_SOURCE:
        problems.append(("source", {}))
    if form.source_url and not _is_address(form.source_url):
        problems.append(("source_url", {}))
    if form.as_of and not _is_day(form.as_of):
        problems.append(("as_of", {}))
    if len(form.links) > MOST_LINKS or not all(title and _is_address(url) for title, url in form.links):
        problems.append(("link", {}))
    if len(form.examples) > MOST_EXAMPLES:
        problems.append(("examples_many", {"most": MOST_EXAMPLES}))
    return problems + [problem for example in form.examples if (problem := check_example(example))]


def find_missing(form: AnswerForm, examples: int, *, is_original: bool) -> list[Problem]:
    """What is missing before people may read it."""
    problems: list[Problem] = []
    if len(form.text) < SHORTEST_TEXT:
        problems.append(("text", {"least": SHORTEST_TEXT}))
    if len(form.source) < SHORTEST_SOURCE:
        problems.append(("source", {}))
    if not form.as_of:
        problems.append(("as_of", {}))
    if is_original and examples < FEWEST_EXAMPLES:
        problems.append(("examples", {"least": FEWEST_EXAMPLES}))
    return problems


def check_example(text: str) -> Problem | None:
    if len(text) > LONGEST_EXAMPLE:
        return "example_long", {"most": LONGEST_EXAMPLE}
    return None if len("".join(words(text))) >= SHORTEST_EXAMPLE else ("example_short", {"example": text})


def _is_address(url: str) -> bool:
    try:
        return len(url) <= 500 and HttpUrl(url).scheme in {"http", "https"}
    except ValidationError:
        return False


def _is_day(text: str) -> bool:
    try:
        return 1990 <= date.fromisoformat(text).year <= 2100
    except ValueError:
        return False
