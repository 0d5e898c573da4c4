"""How a case looks in a chat to its reporter: what was written, what others' reports changed, the forms of a file.

Blocks of HTML and buttons only; ``case.py`` sends them and does what the buttons say.
"""

from __future__ import annotations

from collections.abc import Iterable

from channels.forms import COPIES, NEWEST_NEWS, CaseMessage, CaseNews, ReporterCase, ShownFile
from channels.telegram.formatting import Key, Rows
from channels.telegram.screens import quote, say, under
from core.languages import SOURCE_LANGUAGE
from core.texts import Texts

MARK = ":case:"
"""How the data of a case's buttons begins."""
FILE, COPY = MARK + "file:", MARK + "copies:"
"""Get a file of the desk; pass a file on in a form."""
LONGEST_TITLE = 40
"""Characters of a file's name on a button."""


class CaseDrawing:
    """Words what stands in a case."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def case(self, found: ReporterCase, language: str) -> Iterable[str]:
        """The whole case; of what changed, the newest."""
        yield from say(self._texts.get("telegram.case.head", language, desk=found.desk), language, "b")
        yield from say(found.status, language)
        for note in found.notes:
            yield from say(note, language)
        if not found.messages:
            yield from say(self._texts.get("telegram.case.no_messages", language), language, "i")
        for message in found.messages:
            yield from self._message(message, found.desk, language)
        yield from self.news(found.news[:NEWEST_NEWS], language)
        if found.asked is not None:
            yield from say(found.asked, language, "b")
            for note in found.asked_notes:
                yield from say(f"• {note}", language)

    def news(self, told: list[CaseNews], language: str) -> Iterable[str]:
        """What others' reports changed, by period."""
        if told:
            yield from say(self._texts.get("case.news", language), language, "b")
        for news in told:
            yield from under(say(news.period, language, "b"), quote(news.text))

    def forms(self, language: str) -> Iterable[str]:
        """Which form of a file the desk may get, in the words of the report itself."""
        yield from say(self._texts.get("report.step.copies.note", language), language)
        yield from say(self._texts.get("report.step.copies.title", language), language, "b")
        for one in COPIES:
            key = f"report.choice.copies.{one}"
            if self._texts.has(f"{key}_note", SOURCE_LANGUAGE):
                note = self._texts.get(f"{key}_note", language)
                yield from under(say(self._texts.get(key, language), language, "b"), say(note, language))

    def form_keys(self, language: str) -> Rows:
        return [[Key(self._texts.get(f"report.choice.copies.{one}", language), COPY + one)] for one in COPIES]

    def file_key(self, file: ShownFile, language: str) -> Key:
        name = file.name if len(file.name) <= LONGEST_TITLE else file.name[: LONGEST_TITLE - 1] + "…"
        return Key(self._texts.get("telegram.case.get_file", language, name=name), FILE + file.id)

    def _message(self, message: CaseMessage, desk: str, language: str) -> Iterable[str]:
        who = "from_desk" if message.from_desk else "from_you"
        head = self._texts.get(f"telegram.case.{who}", language, desk=desk, date=message.written_on)
        yield from under(say(head, language, "b"), quote(message.text))
        if message.original is not None:
            original = self._texts.get("telegram.case.original", language)
            yield from under(say(original, language, "i"), quote(message.original))
        file_names = message.file_names + [file.name for file in message.files]
        if file_names:
            names = quote("\n".join(f"• {name}" for name in file_names))
            yield from under(say(self._texts.get("telegram.form.files", language), language), names)
