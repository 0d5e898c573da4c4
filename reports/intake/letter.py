"""Where no desk fits: the report as a letter of the person's own, in their language beside the body's.

The sentences are written by people in each language (report.letter in locales); the person's own words stay as they
are, in the language in which they were written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from babel import Locale

from channels.forms import Letter
from core.languages import LANGUAGES, SOURCE_LANGUAGE, detect_language, format_day
from core.texts import Texts
from knowledge.base import Entry
from reports.intake.drafts import Sheet
from reports.intake.routing import Routing
from reports.intake.saying import AnswerWords
from reports.intake.steps import Answer, Step, Steps

LINES = ("where", "when", "area", "grounds", "who", "witnesses", "wishes", "for_whom", "organisation", "same_event")
"""Steps that the letter tells, each under report.letter.<step>, in this order."""


class Letters:
    """Writes letters."""

    def __init__(self, texts: Texts, routing: Routing, steps: Steps) -> None:
        self._texts = texts
        self._routing = routing
        self._steps = steps
        self._words = AnswerWords(texts, routing)

    def write(self, sheet: Sheet, said: Mapping[str, Answer], body: Entry | None, *, today: date) -> Letter:
        """The letter; by language, the person's first."""
        languages = dict.fromkeys([sheet.language, self.second_language(body, sheet.language) or sheet.language])
        texts = {language: self._text(said, sheet, body, language, today) for language in languages}
        return Letter(to=self._recipient(body, sheet.language), texts=texts)

    def second_language(self, body: Entry | None, own: str) -> str | None:
        """A language of the body in which we have the letter, else English; None where ``own`` is enough."""
        if body is None:
            return None if own == SOURCE_LANGUAGE else SOURCE_LANGUAGE
        reads = self._routing.languages_of(body)
        if own == (reads[0] if reads else None):
            return None
        written = [code for code in reads if self.is_written_in(code)]
        second = next((code for code in written if code != own), SOURCE_LANGUAGE)
        return second if second != own else None

    def is_written_in(self, language: str) -> bool:
        """Whether the letter's sentences were written in the language."""
        return language in LANGUAGES and self._texts.has("report.letter.opening", language)

    def lacks_language_of(self, body: Entry) -> bool:
        """Whether the body's own language is one that the letter is not written in."""
        reads = self._routing.languages_of(body)
        return bool(reads) and not self.is_written_in(reads[0])

    def _recipient(self, body: Entry | None, language: str) -> str:
        if body is None:
            return self._texts.get("report.letter.to_anybody", language)
        return body.service.name_local

    def _text(self, said: Mapping[str, Answer], sheet: Sheet, body: Entry | None, language: str, today: date) -> str:
        day = format_day(today, language)
        lines = [
            self._texts.get("report.letter.to", language, name=self._recipient(body, language)),
            self._texts.get("report.letter.date", language, date=day),
            "",
            self._texts.get("report.letter.subject", language),
            "",
            self._texts.get("report.letter.opening", language),
        ]
        told = [self._line(self._steps.get(step), said, language, spoken=sheet.language) for step in LINES]
        lines += ["", *[line for line in told if line]]
        lines += self._story(said, language)
        lines += ["", self._texts.get("report.letter.asks", language), self._contact(said, language)]
        lines += [
            self._language_wish(sheet.language, language),
            "",
            self._texts.get("report.letter.made_with", language),
        ]
        return "\n".join(lines)

    def _line(self, step: Step, said: Mapping[str, Answer], language: str, *, spoken: str) -> str:
        answer = said.get(step.id, Answer())
        text = self._words.whole(step, answer, language, spoken=spoken)
        return self._texts.get(f"report.letter.{step.id}", language, text=text) if text else ""

    def _story(self, said: Mapping[str, Answer], language: str) -> list[str]:
        story = said.get("story", Answer()).text
        if not story:
            return []
        written = detect_language(story)
        head = self._texts.get("report.letter.story", language)
        if written.is_sure:
            name = _language_name(written.code, language)
            head = self._texts.get("report.letter.story_in", language, language=name)
        return ["", head, story]

    def _contact(self, said: Mapping[str, Answer], language: str) -> str:
        value = said.get("contact_value", Answer()).text
        if value is None:
            return self._texts.get("report.letter.no_contact", language)
        return self._texts.get("report.letter.contact", language, text=value)

    def _language_wish(self, own: str, language: str) -> str:
        return self._texts.get("report.letter.answer_in", language, language=_language_name(own, language))


def _language_name(code: str, language: str) -> str:
    return str(Locale.parse(code.replace("-", "_")).get_display_name(language) or code)
