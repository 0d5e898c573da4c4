"""Running text, whatever marks stand in it: into sentences, through the model, through the checks, and together again.

A sentence that fails a check stays in its own language, where everybody sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from core.languages import count_letters
from core.translation.checking import Check, Problem, find_problem, name_lost
from core.translation.errors import TranslationError
from core.translation.protecting import (
    FORMS,
    HELD,
    Held,
    Names,
    decode,
    decode_words,
    encode,
    protect,
    with_words,
)
from core.translation.sentences import split_sentences

WITHOUT_SPACES = frozenset({"ja"})


class TranslatesSentences(Protocol):
    """What turns sentences of one language into another, as they come."""

    async def translate(self, sentences: Sequence[str], route: Sequence[str]) -> list[str]: ...


@dataclass
class Mark:
    """A part of a text that is set apart: a link, or something stressed. Its words are a passage of their own."""

    before: str
    inner: Passage
    after: str


@dataclass
class Passage:
    """Text without a break in it."""

    pieces: list[str | Mark] = field(default_factory=list)
    held: Held = field(default_factory=Held)
    sentences: list[str] = field(default_factory=list)
    marks: dict[str, Mark] = field(default_factory=dict)

    def prepare(self, *, source: str, target: str, names: Names) -> None:
        """Take out what must not be touched, and cut the rest into sentences."""
        text = ""
        for piece in self.pieces:
            if isinstance(piece, Mark):
                sign = self.held.hold("")
                self.marks[sign] = piece
                text += sign
            else:
                text += protect(HELD.sub("", piece), self.held, source=source, target=target, names=names)
        self.sentences = split_sentences(text, source)

    def inner(self) -> list[Passage]:
        """This passage and every one within it."""
        return [self, *(one for mark in self.pieces if isinstance(mark, Mark) for one in mark.inner.inner())]

    def written(self, escape: Callable[[str], str]) -> str:
        """The text as it stands now, with everything back in its place."""
        parts, start, text = [], 0, "".join(self.sentences)
        for found in HELD.finditer(text):
            parts.append(escape(text[start : found.start()]))
            mark = self.marks.get(found.group())
            if mark is None:
                kept = self.held[found.group()]
                parts.append(kept if "://" in kept or "@" in kept else escape(kept))
            else:
                parts.append(f"{mark.before}{mark.inner.written(escape)}{mark.after}")
            start = found.end()
        return "".join([*parts, escape(text[start:])])


@dataclass(frozen=True)
class Outcome:
    """What came of several passages."""

    problems: list[Problem]
    kept_letters: int
    """Letters of sentences that stayed in their own language."""
    letters: int


@dataclass
class _Sentence:
    passage: Passage
    position: int
    text: str
    space: str
    translated: str | None = None
    problem: Check = Check.NAMES


async def translate_passages(
    passages: Sequence[Passage], engine: TranslatesSentences, route: Sequence[str], *, names: Names
) -> Outcome:
    """Translate them in place. Raises what the engine raises, and TranslationError when nothing at all came out."""
    source, target = route[0], route[-1]
    everything = [one for passage in passages for one in passage.inner()]
    for passage in everything:
        passage.prepare(source=source, target=target, names=names)
    sentences = [
        _Sentence(passage, position, words := text.rstrip(), text[len(words) :])
        for passage in everything
        for position, text in enumerate(passage.sentences)
        if count_letters(HELD.sub("", text)) > 0
    ]
    for attempt in (*FORMS, None):
        waiting = [one for one in sentences if one.translated is None and _is_worth(one, attempt)]
        if waiting:
            await _attempt(waiting, engine, route, form=attempt)
    for one in sentences:
        if one.translated is not None:
            space = "" if target in WITHOUT_SPACES else one.space or (" " if _goes_on(one) else "")
            one.passage.sentences[one.position] = _leading(one.text) + one.translated + space
    failed = [one for one in sentences if one.translated is None]
    return Outcome(
        problems=[Problem(one.problem, _readable(one)) for one in failed],
        kept_letters=sum(count_letters(one.text) for one in failed),
        letters=sum(count_letters(one.text) for one in sentences),
    )


async def _attempt(
    sentences: Sequence[_Sentence], engine: TranslatesSentences, route: Sequence[str], *, form: str | None
) -> None:
    """One way of standing in for what is held; ``form`` None leaves the words themselves in the sentence."""
    source, target = route[0], route[-1]
    coded = [encode(one.text.strip(), form) if form else _worded(one) for one in sentences]
    answers = await engine.translate([text for text, _ in coded], route)
    if form == FORMS[0] and not any(answers):
        # Not these sentences: the model itself does not work.
        raise TranslationError
    for one, (_, signs), answer in zip(sentences, coded, answers, strict=True):
        said = answer.strip()
        back = decode(said, form, signs) if form else decode_words(said, signs, one.passage.held)
        if back is None:
            one.problem = name_lost([one.passage.held.literal.get(sign, "") for sign in signs])
            continue
        problem = find_problem(one.text, back, source=source, target=target)
        if problem is None:
            one.translated = back
        else:
            one.problem = problem


def _is_worth(one: _Sentence, form: str | None) -> bool:
    """Whether another try can change anything: only where something is held does the input differ."""
    if form == FORMS[0]:
        return True
    has_held = HELD.search(one.text) is not None
    return has_held and (form is not None or with_words(one.text, one.passage.held) is not None)


def _worded(one: _Sentence) -> tuple[str, list[str]]:
    text = with_words(one.text.strip(), one.passage.held)
    assert text is not None
    return text, list(dict.fromkeys(HELD.findall(one.text)))


def _leading(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]


def _goes_on(one: _Sentence) -> bool:
    return one.position + 1 < len(one.passage.sentences)


def _readable(one: _Sentence) -> str:
    held, marks = one.passage.held, one.passage.marks

    def words(sign: str) -> str:
        return held.literal.get(sign) or (marks[sign].inner.written(str) if sign in marks else "")

    return HELD.sub(lambda found: words(found.group()), one.text).strip()
