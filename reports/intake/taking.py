"""Reading what somebody did on a screen into an answer, or saying why it cannot be one. Touches no database."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from channels.forms import Action, AnswerKind, Choice, FormInput
from core.languages import SOURCE_LANGUAGE
from core.normalise import fold
from knowledge.places import PlaceKind
from reports.intake.errors import AnswerRefusedError
from reports.intake.routing import Routing
from reports.intake.steps import Answer, Step

COUNTRY_STEPS = frozenset({"danger_where", "minor_where", "where_country"})
"""Steps whose words must name a place that we know, since only its country counts."""
PLACE_STEPS = COUNTRY_STEPS | {"where"}
FEWEST_DIGITS_OF_A_PHONE = 5

_CONTROL = re.compile(r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f]")
_ISO_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_WRITTEN_DAY = re.compile(
    r"(?P<day>\d{1,2})\s?(?P<between>[./\u060d-])\s?(?P<month>\d{1,2})\s?(?P=between)\s?(?P<year>\d{4})"
)
FORMAT_MARK = "Cf"
"""Marks of direction, which keyboards put between Arabic digits."""


def tidy(text: str) -> str:
    """The person's words as they are: only what no text can hold (control characters, halves of letters) goes."""
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    return _CONTROL.sub("", text).strip()


def read_answer(
    step: Step,
    given: FormInput,
    *,
    before: Answer,
    choices: Sequence[Choice],
    routing: Routing,
    language: str,
    today: date,
    is_spoken: bool = False,
) -> Answer:
    """The whole answer that was given. ``is_spoken``: a voice message answers it already. Raises AnswerRefusedError."""
    text = tidy(given.text or "") or None
    values = list(dict.fromkeys(given.values))
    typed_in_chat = given.version is None and not values
    if text is not None and not values and (chosen := _by_title(text, choices)) is not None:
        values, text = [chosen], None
    _check_values(step, values, choices)
    if text is not None and not step.text:
        raise AnswerRefusedError("choose" if choices else "not_here")
    if step.kind is AnswerKind.SEVERAL and typed_in_chat:
        values = list(dict.fromkeys([*before.values, *values]))
        text = text or before.text
    if step.collects and typed_in_chat and text is not None and before.text:
        text = f"{before.text}\n{text}"
    if given.text is None and values and (step.collects or step.kind is AnswerKind.SEVERAL):
        # A press of a button says nothing about the words beside it.
        text = before.text
    if text is not None and len(text) > step.text:
        raise AnswerRefusedError("too_long", count=step.text, length=len(text))
    if step.kind is AnswerKind.ONE and not values and text is None and not is_spoken:
        raise AnswerRefusedError("nothing" if not step.required else "choose")
    answer = Answer(values=values, text=text)
    if step.id in PLACE_STEPS:
        return _read_place(step, answer, before, routing, language)
    if step.id == "when" and (day := read_day(text or "", language)) is not None and day > today:
        raise AnswerRefusedError("day_to_come")
    return answer


def read_toggle(step: Step, given: FormInput, *, before: Answer, choices: Sequence[Choice]) -> Answer:
    """The answer with one value switched. Raises AnswerRefusedError."""
    if step.kind is not AnswerKind.SEVERAL or len(given.values) != 1:
        raise AnswerRefusedError("choose")
    _check_values(step, list(given.values), choices)
    value = given.values[0]
    values = [other for other in before.values if other != value]
    return Answer(values=values if value in before.values else [*values, value], text=before.text)


def check_contact(kind: str | None, text: str | None) -> None:
    """Whether somebody can be reached so. Raises AnswerRefusedError."""
    if text is None:
        return
    if kind == "email" and not re.fullmatch(r"\S+@\S+\.\S+", text):
        raise AnswerRefusedError("not_an_email")
    if kind == "phone" and sum(char.isdecimal() for char in text) < FEWEST_DIGITS_OF_A_PHONE:
        raise AnswerRefusedError("not_a_phone")


def read_day(text: str, language: str = SOURCE_LANGUAGE) -> date | None:
    """The day that was written as people of the language write it; anything else stays words ('last spring').

    The day comes first in all of them but the English of some, so '03/04/2026' stays words there; '3.4.2026' does not.
    """
    digits = "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else char
        for char in text.strip()
        if unicodedata.category(char) != FORMAT_MARK
    )
    if match := _ISO_DAY.fullmatch(digits):
        year, month, day = map(int, match.groups())
    elif match := _WRITTEN_DAY.fullmatch(digits):
        day, month, year = int(match["day"]), int(match["month"]), int(match["year"])
        if language == SOURCE_LANGUAGE and match["between"] != "." and day <= 12 and day != month:
            return None
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def is_answer(given: FormInput) -> bool:
    """Whether an input carries an answer; a page may send its fields together with NEXT."""
    return given.action is Action.ANSWER or (
        given.action is Action.NEXT and (given.text is not None or bool(given.values) or given.file is not None)
    )


def _check_values(step: Step, values: Sequence[str], choices: Sequence[Choice]) -> None:
    known = {choice.value for choice in choices}
    if not set(values) <= known or (step.kind is not AnswerKind.SEVERAL and len(values) > 1):
        raise AnswerRefusedError("choose")


def _by_title(text: str, choices: Sequence[Choice]) -> str | None:
    """Somebody wrote a choice instead of pressing it."""
    folded = fold(text)
    return next((choice.value for choice in choices if fold(choice.title) == folded), None)


def _read_place(step: Step, answer: Answer, before: Answer, routing: Routing, language: str) -> Answer:
    """Words count more than a choice beside them: they are the narrower place. Not so the words of an earlier answer
    that a page still shows, once another place is chosen."""
    if answer.values and answer.values != before.values and answer.text == before.text:
        answer = Answer(values=answer.values)
    if answer.text is not None:
        place = routing.find_place(answer.text, language)
        if place is None and step.id in COUNTRY_STEPS:
            raise AnswerRefusedError("country_unknown")
        values = [] if place is None else [place.country if step.id in COUNTRY_STEPS else place.id]
        return Answer(values=values, text=None if step.id in COUNTRY_STEPS else answer.text)
    place = routing.get_place(answer.value)
    if place is not None and step.id in COUNTRY_STEPS and place.kind is not PlaceKind.COUNTRY:
        return Answer(values=[place.country])
    return answer
