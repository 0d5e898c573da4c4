"""What a desk is and promises, as a reporter reads it: where it is chosen, before consent, before a hand-over to it."""

from __future__ import annotations

from datetime import date

from babel import Locale
from babel.lists import format_list

from core.languages import format_day
from core.texts import Texts
from reports.desks import DeskChoice, PassesOn


class DeskWords:
    """Words what a desk says of itself. The same sentences stand wherever somebody has to decide."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def note(self, desk: DeskChoice, language: str) -> list[str]:
        """Beside its name: what it is, when it answers, and what the law demands of it."""
        lines = [*self._standing(desk, language), *self._answers(desk, language), *self._languages(desk, language)]
        return [*lines, *self.duties(desk, language)]

    def at_its_door(self, desk: DeskChoice, language: str) -> list[str]:
        """Before the first question, where the desk is known already: behind the code on its wall."""
        return [self._texts.get("report.consent.reader", language, desk=desk.name), *self.note(desk, language)]

    def promises(self, desk: DeskChoice, language: str) -> list[str]:
        """What a person agrees to: who reads it, who answers for the data, for how long, and what the law demands."""
        reader = self._texts.get("report.consent.reader", language, desk=desk.name)
        days = desk.statement.retention_days or 0
        kept = self._texts.get("report.consent.kept", language, count=days)
        data = [*self._data(desk, language), kept, self._texts.get("report.consent.longer", language)]
        return [reader, *data, *self._answers(desk, language), *self._demands(desk, language)]

    def before_hand_over(self, desk: DeskChoice, language: str, *, delete_on: date) -> list[str]:
        """All of it for whoever may agree to another desk; the time is counted anew there, so the day is said."""
        kept = self._texts.get("case.asked_kept", language, day=format_day(delete_on, language))
        standing = self._standing(desk, language, accused="case.asked_accused")
        lines = [*standing, *self._answers(desk, language), *self._languages(desk, language)]
        data = [*self._data(desk, language), kept, self._texts.get("report.consent.longer", language)]
        return [*lines, *data, *self._demands(desk, language)]

    def duties(self, desk: DeskChoice, language: str) -> list[str]:
        """What a law makes the desk pass on, in plain words, with the law; or that there is none."""
        if desk.has_no_duty:
            return [self._texts.get("report.desk.no_duty", language)]
        return [self._duty(duty, language) for duty in desk.statement.passes_on]

    def _duty(self, duty: PassesOn, language: str) -> str:
        text = duty.texts.get(language) or duty.texts.get("en", "")
        return self._texts.get("report.desk.duty", language, text=text, law=duty.law)

    def _standing(self, desk: DeskChoice, language: str, *, accused: str = "report.desk.accused") -> list[str]:
        doubts = {accused: desk.is_of_the_accused, "report.desk.away": desk.is_away}
        keys = [f"report.desk.kind.{desk.kind}", *(key for key, applies in doubts.items() if applies)]
        return [self._texts.get(key, language) for key in keys]

    def _answers(self, desk: DeskChoice, language: str) -> list[str]:
        days = desk.statement.answer_within_days
        return [self._texts.get("report.desk.answers", language, count=days)] if days else []

    def _languages(self, desk: DeskChoice, language: str) -> list[str]:
        names = [str(Locale.parse(code.replace("-", "_")).get_display_name(language)) for code in desk.languages]
        listed = format_list(names, style="standard", locale=language)
        return [self._texts.get("report.desk.languages", language, languages=listed)] if names else []

    def _data(self, desk: DeskChoice, language: str) -> list[str]:
        said = desk.statement
        values = {
            "controller": said.controller or desk.name,
            "contact": said.data_protection_contact or desk.name,
            "basis": said.legal_basis or "",
        }
        return [self._texts.get("report.consent.data", language, **values)]

    def _demands(self, desk: DeskChoice, language: str) -> list[str]:
        private = self._texts.get("report.consent.private", language)
        return [*self.duties(desk, language), *private.splitlines()]
