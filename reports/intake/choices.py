"""What can be chosen on a screen: the choices of steps.yaml, and those that depend on what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.forms import Choice
from core.texts import Texts
from knowledge.schema import ServiceText
from reports.desk_words import DeskWords
from reports.desks import DeskChoice
from reports.intake.drafts import LETTER, Sheet
from reports.intake.routing import Routing
from reports.intake.steps import Answer, Step
from reports.intake.taking import COUNTRY_STEPS, PLACE_STEPS

DEFAULTS = {"copies": "cleaned", "notice": "no"}
"""What counts as chosen until the person says otherwise: the choice that tells least. Whether somebody may be contacted
is a wish, which nobody has who did not say so."""
OTHER_BODY = "somebody_else"
LETTER_CONSENT = "consent_letter"
"""The words of the choices of ``consent`` on the way to a letter."""


class Choices:
    """Finds and words the choices."""

    def __init__(self, texts: Texts, routing: Routing) -> None:
        self._texts = texts
        self._routing = routing
        self._desk_words = DeskWords(texts)

    async def of(self, session: AsyncSession, step: Step, sheet: Sheet) -> list[Choice]:
        """The choices of a step for this person."""
        chosen = _chosen(step, sheet)
        if step.id in PLACE_STEPS:
            return self._places(step, sheet, chosen)
        match step.id:
            case "desk":
                return self.desks(await self._routing.list_desks(session, sheet), sheet, chosen)
            case "keep_out":
                desk = await self._routing.find_desk(session, sheet)
                officers = desk.officers if desk else []
                return [Choice(officer, name, is_chosen=officer in chosen) for officer, name in officers]
            case "body":
                return self._bodies(sheet, chosen)
            case "consent" if sheet.facts["route"] == LETTER:
                # Nobody reads a letter of one's own, so there is no reader to agree to.
                return [self._static(LETTER_CONSENT, value, sheet.language, chosen) for value in step.choices]
        return [self._static(step.id, value, sheet.language, chosen) for value in step.choices]

    def desks(self, desks: Sequence[DeskChoice], sheet: Sheet, chosen: Sequence[str]) -> list[Choice]:
        """The desks, each with its promises and duties, and beside them the way that has no such duty."""
        offered = [
            Choice(desk.id, desk.name, "\n".join(self._desk_words.note(desk, sheet.language)), desk.id in chosen)
            for desk in desks
        ]
        letter = self._static("desk", LETTER, sheet.language, chosen)
        return (
            [*offered, letter]
            if offered
            else [replace(letter, title=self._texts.get("report.desk.only_letter", sheet.language))]
        )

    def _places(self, step: Step, sheet: Sheet, chosen: Sequence[str]) -> list[Choice]:
        """Countries, first of all the places that the conversation knows."""
        named: dict[str, str] = {}
        mentioned = self._routing.get_place(sheet.place)
        if step.id in COUNTRY_STEPS:
            known_here: tuple[str | None, ...] = (mentioned.country if mentioned else None,)
        else:
            known_here = (sheet.place, sheet.city, self._routing.country_here(sheet))
        for known in known_here:
            place = self._routing.get_place(known)
            if place is not None:
                named[place.id] = self._routing.place_name(place, sheet.language)
        for value in chosen:
            if (place := self._routing.get_place(value)) is not None:
                named.setdefault(value, self._routing.place_name(place, sheet.language))
        for code, name in self._routing.countries(sheet.language):
            named.setdefault(code, name)
        return [Choice(value, title, is_chosen=value in chosen) for value, title in named.items()]

    def _bodies(self, sheet: Sheet, chosen: Sequence[str]) -> list[Choice]:
        found = []
        for entry in self._routing.list_bodies(sheet):
            text = entry.text(sheet.language)
            note = text.summary if isinstance(text, ServiceText) else None
            found.append(Choice(entry.id, entry.title(sheet.language), note, entry.id in chosen))
        return [*found, self._static("body", OTHER_BODY, sheet.language, chosen)]

    def _static(self, step: str, value: str, language: str, chosen: Sequence[str]) -> Choice:
        key = f"report.choice.{step}.{value}"
        note = self._texts.get(f"{key}_note", language) if self._texts.has(f"{key}_note", "en") else None
        return Choice(value, self._texts.get(key, language), note, value in chosen)


def _chosen(step: Step, sheet: Sheet) -> list[str]:
    answer = sheet.answers.get(step.id)
    if answer is not None and answer != Answer():
        return answer.values
    if step.id == "desk" and sheet.desk:
        return [sheet.desk]
    return [DEFAULTS[step.id]] if step.id in DEFAULTS and step.id not in sheet.seen else []
