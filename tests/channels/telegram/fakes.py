"""In-memory stand-ins for the guided report and the return, with every kind of screen and nothing behind them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count

from channels.base import Contact, ContactKind, Link, Reply
from channels.forms import (
    Action,
    AnswerKind,
    CaseFile,
    CaseMessage,
    CaseNews,
    Choice,
    FormInput,
    IncomingFile,
    ReporterCase,
    ReviewLine,
    Screen,
    ShownFile,
)
from core.errors import HubError

LONG_DESK = "desk/" + "an-association-with-a-very-long-name-" * 2
RECEIPT = "12345 67890 12345 67890 {last}"
ORDER = ("safe", "desk", "story", "grounds", "evidence", "contact", "review", "receipt", "send")


class GoneError(HubError):
    """No draft."""

    code = "draft_gone"


class UnknownError(HubError):
    """No case answers to this code."""

    code = "receipt_unknown"


class ClosedError(HubError):
    """The case was left alone too long."""

    code = "return_closed"


class FileGoneError(HubError):
    """No such file."""

    code = "file_gone"


class HandOverChangedError(HubError):
    code = "hand_over_changed"


class ThrottledError(HubError):
    """Too many attempts."""

    code = "too_many_messages"


@dataclass
class Draft:
    """One unfinished report."""

    language: str
    version: int = 1
    at: int = 0
    words: str = ""
    desk: str | None = None
    place: str | None = None
    answers: dict[str, str] = field(default_factory=dict)
    grounds: set[str] = field(default_factory=set)
    files: list[IncomingFile] = field(default_factory=list)
    code: str | None = None
    withdrawing: bool = False


class FakeForm:
    """A ``channels.forms.GuidedForm``."""

    def __init__(self) -> None:
        self.drafts: dict[str, Draft] = {}
        self.sent: list[Draft] = []
        self.inputs: list[FormInput] = []
        self.country: str | None = None
        self._codes = count(11111)

    async def open(
        self,
        key: str,
        *,
        origin: str,
        language: str,
        words: str | None = None,
        city: str | None = None,
        place: str | None = None,
        desk: str | None = None,
    ) -> Screen:
        assert origin == "telegram"
        draft = self.drafts.setdefault(key, Draft(language, words=words or "", desk=desk, place=place))
        return self._draw(draft, new_code=True)

    async def show(self, key: str, *, language: str | None = None, receipt: str | None = None) -> Screen | None:
        draft = self.drafts.get(key)
        if draft is None:
            return None
        draft.language = language or draft.language
        return self._draw(draft, new_code=True)

    async def find_country(self, key: str) -> str | None:
        return self.country

    async def show_again(self, kept: str, *, language: str) -> Screen:
        assert kept == "kept"
        return Screen("done", 0, language, AnswerKind.DONE, f"Sent, in {language}", again=kept)

    async def take(self, key: str, given: FormInput) -> Screen:
        draft = self.drafts.get(key)
        if draft is None:
            raise GoneError
        self.inputs.append(given)
        if given.step == "withdraw":
            draft.withdrawing = False
            if given.values == ("delete",) or given.action is Action.WITHDRAW:
                del self.drafts[key]
                return replace(self._ending(draft, "withdrawn"), title="Everything is deleted")
            return self._draw(draft, new_code=True)
        if given.action is Action.WITHDRAW:
            draft.withdrawing = True
            return self._draw(draft)
        if given.version not in {None, draft.version} or given.step not in {None, ORDER[draft.at]}:
            return replace(self._draw(draft, new_code=True), error="This was answered already.")
        if given.action is Action.PAUSE:
            return self._ending(draft, "paused")
        error = self._change(draft, given)
        if error is not None:
            return replace(self._draw(draft), error=error)
        draft.version += 1
        if draft.at == len(ORDER):
            self.sent.append(self.drafts.pop(key))
            return self._ending(draft, "done")
        return self._draw(draft, new_code=True)

    def _change(self, draft: Draft, given: FormInput) -> str | None:
        step = ORDER[draft.at]
        match given.action:
            case Action.BACK:
                draft.at -= 1
            case Action.SKIP:
                draft.answers.pop(step, None)
                draft.at += 1
            case Action.CHANGE:
                draft.at = ORDER.index(given.values[0])
            case Action.SEND if step == "send":
                draft.at += 1
            case Action.NEXT if step in {"story", "grounds", "evidence", "review"}:
                draft.at += 1
            case Action.TOGGLE if step == "grounds":
                draft.grounds ^= set(given.values)
            case Action.REMOVE_FILE:
                draft.files = [file for file in draft.files if file.name != given.values[0]]
            case Action.ANSWER:
                return self._answer(draft, step, given)
            case _:
                return "That does not go here."
        return None

    def _answer(self, draft: Draft, step: str, given: FormInput) -> str | None:
        if given.file is not None:
            if step not in {"story", "evidence"}:
                return "No files here."
            if given.file.content.startswith(b"BAD"):
                return "This file cannot be read."
            draft.files.append(given.file)
        if given.values == ("new",):
            return None
        if step == "receipt":
            if given.values != ("kept",) and (given.text or "").replace(" ", "")[-5:] != draft.code:
                return "These are not the last five digits."
            draft.at += 1
        elif step == "story":
            if given.text:
                if len(given.text) > 4000:
                    return "This is too long."
                draft.answers[step] = "\n".join(part for part in (draft.answers.get(step), given.text) if part)
        elif given.values or (given.text and step in {"contact", "grounds"}):
            draft.answers[step] = given.values[0] if given.values else str(given.text)
            draft.at += 1
        elif given.file is None:
            return "Please choose."
        return None

    def _draw(self, draft: Draft, *, new_code: bool = False) -> Screen:
        if draft.withdrawing:
            choices = [Choice("stay", "No, go on"), Choice("delete", "Yes, everything")]
            return Screen(
                "withdraw", draft.version, draft.language, AnswerKind.ONE, "Sure?", choices=choices, is_private=False
            )
        step = ORDER[draft.at]
        screen = Screen(
            step,
            draft.version,
            draft.language,
            AnswerKind.ONE,
            f"The question {step}?",
            can_skip=step not in {"safe", "receipt", "send"},
            can_go_back=draft.at > 0,
            number=draft.at + 1,
            total=len(ORDER),
            progress=f"Step {draft.at + 1}. {len(ORDER) - draft.at} are left",
        )
        files = [ShownFile(file.name, file.name, len(file.content)) for file in draft.files]
        match step:
            case "safe":
                call = Contact(kind=ContactKind.PHONE, label="Emergency", value="112", href="tel:112")
                return replace(
                    screen,
                    notes=["Telegram is confidential at best."],
                    replies=[Reply(text="Call 112.", contacts=[call], language=draft.language)],
                    links=[Link(title="The web form", url="/report")],
                    choices=[Choice("yes", "Safe"), Choice("no", "Not safe")],
                )
            case "desk":
                long = Choice(LONG_DESK, "The association", note="It has no duty to pass anything on.")
                return replace(screen, choices=[Choice("city", "The city's desk"), long])
            case "story":
                text = draft.answers.get(step) or draft.words
                return replace(screen, kind=AnswerKind.TEXT, takes_text=True, takes_files=True, text=text, files=files)
            case "grounds":
                grounds = [Choice(name, name.title(), is_chosen=name in draft.grounds) for name in ("origin", "age")]
                return replace(screen, kind=AnswerKind.SEVERAL, choices=grounds, takes_text=True)
            case "evidence":
                return replace(screen, kind=AnswerKind.FILES, takes_files=True, files=files)
            case "contact":
                return replace(screen, takes_text=True, choices=[Choice("none", "None")])
            case "review":
                lines = [ReviewLine(name, f"The question {name}?", value) for name, value in draft.answers.items()]
                return replace(screen, kind=AnswerKind.REVIEW, review=lines)
            case "receipt":
                shown = None
                if new_code:
                    draft.code = str(next(self._codes))
                    shown = RECEIPT.format(last=draft.code)
                choices = [Choice("kept", "I have it"), Choice("new", "A new one")]
                return replace(screen, kind=AnswerKind.RECEIPT, takes_text=True, choices=choices, receipt=shown)
            case _:
                return replace(screen, kind=AnswerKind.SEND)

    def _ending(self, draft: Draft, step: str) -> Screen:
        return Screen(step, draft.version, draft.language, AnswerKind.DONE, f"The end: {step}.", is_private=False)


class FakeCases:
    """A ``channels.forms.CaseReturn`` with one case."""

    def __init__(self, receipt: str) -> None:
        self.receipt = "".join(receipt.split())
        self.messages = [CaseMessage(True, "Please call us.", "en", "3 November 2026", original="Chiamateci.")]
        self.files: list[IncomingFile] = []
        self.tries: list[str] = []
        self.tokens: set[str] = set()
        self.asked: str | None = None
        self.asked_notes: list[str] = []
        self.asked_mark = ""
        self.news: list[CaseNews] = []
        self.agreed: bool | None = None
        self.is_withdrawn = False
        self.is_throttled = False
        self._numbers = count(1)

    async def open(self, receipt: str, *, source: str, language: str) -> ReporterCase:
        self.tries.append(source)
        if self.is_throttled:
            raise ThrottledError(seconds=60)
        if "".join(filter(str.isdigit, receipt)) != self.receipt or self.is_withdrawn:
            raise UnknownError
        token = f"token-{next(self._numbers)}"
        self.tokens.add(token)
        return self._case(token)

    async def show(self, token: str, *, language: str) -> ReporterCase:
        self._check(token)
        return self._case(token)

    async def add(
        self,
        token: str,
        *,
        language: str,
        text: str | None = None,
        file: IncomingFile | None = None,
        copies: str = "cleaned",
    ) -> ReporterCase:
        self.copies = copies
        self._check(token)
        names = [file.name] if file else []
        self.messages.append(CaseMessage(False, text or "", language, "4 November 2026", file_names=names))
        self.files += [file] if file else []
        return self._case(token)

    async def read_file(self, token: str, file_id: str) -> CaseFile:
        self._check(token)
        if file_id != "f" * 32:
            raise FileGoneError
        return CaseFile("document-1.pdf", "application/pdf", b"%PDF-1.7 from the desk")

    async def answer(self, token: str, *, language: str, agrees: bool, asked: str) -> ReporterCase:
        self._check(token)
        if asked != self.asked_mark:
            raise HandOverChangedError
        self.agreed, self.asked = agrees, None
        return self._case(token)

    async def close(self, token: str) -> None:
        self.tokens.discard(token)

    async def withdraw(self, token: str) -> None:
        self._check(token)
        self.is_withdrawn = True

    def _check(self, token: str) -> None:
        if token not in self.tokens or self.is_withdrawn:
            raise ClosedError

    def _case(self, token: str) -> ReporterCase:
        return ReporterCase(
            desk="Desk of Bologna",
            status="Somebody reads it.",
            messages=self.messages,
            notes=["The deadline is in May."],
            token=token,
            asked=self.asked,
            asked_notes=self.asked_notes,
            asked_mark=self.asked_mark,
            news=self.news,
        )
