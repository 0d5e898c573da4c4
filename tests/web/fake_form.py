"""In-memory stand-ins for the guided report and the return. They keep the promises of channels/forms.py, in few steps.

Each kind of screen is there once. ``taken`` is everything that was handed over, for tests to look at.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

from channels.base import Button, Contact, ContactKind, Link, Reply
from channels.forms import (
    Action,
    AnswerKind,
    CaseFile,
    CaseMessage,
    CaseNews,
    Choice,
    FormInput,
    IncomingFile,
    Letter,
    ReporterCase,
    ReviewLine,
    Screen,
    ShownFile,
)
from reports.errors import (
    DraftGoneError,
    FileGoneError,
    FileRefusedError,
    HandOverChangedError,
    ReceiptUnknownError,
    ReturnClosedError,
    TooManyAttemptsError,
)
from reports.receipts import is_end_of, new_receipt, read_receipt, show_receipt

EMERGENCY = Reply(
    text="If you are in danger, call now. Country: Italy.\nEmergency: 112",
    contacts=[Contact(kind=ContactKind.PHONE, label="Emergency", value="112", href="tel:112")],
    language="en",
)
ANYWHERE = Reply(
    text="If you are in danger, call now.",
    buttons=[Button(title="Italy", payload="/emergency/IT")],
    language="en",
)
SERVICE = Reply(
    text="UNAR\nThe national office against discrimination.\nPhone: 800 90 10 10",
    answer="service/it-unar",
    contacts=[Contact(kind=ContactKind.PHONE, label="Phone", value="800 90 10 10", href="tel:800901010")],
    links=[Link(title="Page of the service", url="https://www.unar.it/")],
    language="en",
)
YES_NO = [Choice("yes", "Yes"), Choice("no", "No")]
DESKS = [
    Choice("bologna", "City of Bologna, desk against discrimination", "Answers within 30 days.\nMust pass on crimes."),
    Choice("open-door", "Association Open Door", "Answers within 14 days. No law makes it pass anything on."),
]
STEPS = [
    Screen(
        "safe",
        1,
        "en",
        AnswerKind.ONE,
        "Are you safe now?",
        notes=["If you are not, call first."],
        replies=[ANYWHERE],
        choices=[*YES_NO, Choice("unsure", "I am not sure")],
        can_skip=True,
    ),
    Screen(
        "danger",
        1,
        "en",
        AnswerKind.ONE,
        "People who can help now",
        replies=[EMERGENCY, SERVICE],
        choices=[Choice("go_on", "Go on")],
    ),
    Screen(
        "where",
        1,
        "en",
        AnswerKind.ONE,
        "Where did it happen?",
        choices=[Choice("IT", "Italy")],
        takes_text=True,
        hint="A city or a country is enough.",
        can_skip=True,
    ),
    Screen(
        "desk",
        1,
        "en",
        AnswerKind.ONE,
        "Who should read it?",
        choices=DESKS,
        links=[Link(title="The law", url="https://www.gazzettaufficiale.it/")],
    ),
    Screen(
        "story",
        1,
        "en",
        AnswerKind.TEXT,
        "What happened?",
        takes_text=True,
        takes_files=True,
        can_skip=True,
        hint="Write as you like, in any language.",
    ),
    Screen(
        "grounds",
        1,
        "en",
        AnswerKind.SEVERAL,
        "Why were you treated worse?",
        takes_text=True,
        takes_voice=True,
        can_skip=True,
        choices=[
            Choice("origin", "Where I come from"),
            Choice("religion", "Religion"),
            Choice("prefer_not_to_say", "I prefer not to say"),
        ],
    ),
    Screen(
        "evidence",
        1,
        "en",
        AnswerKind.FILES,
        "Do you have photos, papers or recordings?",
        takes_files=True,
        can_skip=True,
    ),
    Screen("review", 1, "en", AnswerKind.REVIEW, "Is everything right?"),
    Screen(
        "receipt",
        1,
        "en",
        AnswerKind.RECEIPT,
        "Keep this code",
        notes=["It is shown only now."],
        takes_text=True,
        choices=[Choice("kept", "I have kept it"), Choice("new", "Show me a new code")],
    ),
    Screen("send", 1, "en", AnswerKind.SEND, "Send it now?", notes=["The City of Bologna will read it."]),
]
LETTER = Letter(
    "UNAR", {"ar": "إلى السيدة أو السيد\nما حدث لي", "it": "Gentile Signora o Signore,\nche cosa è successo"}
)


@dataclass
class FakeDraft:
    """One unfinished report."""

    language: str
    version: int = 1
    at: int = 0
    answers: dict[str, FormInput] = field(default_factory=dict)
    words: str = ""
    files: list[ShownFile] = field(default_factory=list)
    asks_to_withdraw: bool = False
    receipt: str = ""
    opened_with: dict[str, str | None] = field(default_factory=dict)


class FakeForm:
    """A guided report of ten steps."""

    def __init__(self) -> None:
        self.drafts: dict[str, FakeDraft] = {}
        self.sent: list[FakeDraft] = []
        self.taken: list[FormInput] = []
        self.shown_with: list[str | None] = []
        """The codes that pages brought back."""
        self.letter = False
        self.fails: Exception | None = None

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
        if key not in self.drafts:
            known = {"origin": origin, "words": words, "city": city, "place": place, "desk": desk}
            self.drafts[key] = FakeDraft(language, words=words or "", opened_with=known)
        return self._screen(self.drafts[key])

    async def show(self, key: str, *, language: str | None = None, receipt: str | None = None) -> Screen | None:
        self.shown_with.append(receipt)
        draft = self.drafts.get(key)
        if draft is None:
            return None
        draft.language = language or draft.language
        return self._screen(draft)

    async def find_country(self, key: str) -> str | None:
        return None

    async def show_again(self, kept: str, *, language: str) -> Screen:
        assert kept == "kept"
        return Screen("done", 0, language, AnswerKind.DONE, f"Sent, in {language}", again=kept)

    async def take(self, key: str, given: FormInput) -> Screen:
        if self.fails is not None:
            raise self.fails
        draft = self.drafts.get(key)
        if draft is None:
            raise DraftGoneError
        self.taken.append(given)
        step = STEPS[draft.at]
        shown = "withdraw" if draft.asks_to_withdraw else step.step
        if (given.step, given.version) != (shown, draft.version):
            return replace(self._screen(draft), error="That page is old.")
        if given.action is Action.WITHDRAW:
            if draft.asks_to_withdraw:
                del self.drafts[key]
                return Screen("withdrawn", draft.version, draft.language, AnswerKind.DONE, "Everything is deleted")
            draft.asks_to_withdraw = True
        elif given.action is Action.PAUSE:
            self._keep(draft, step, given)
            return Screen(
                "paused", draft.version, draft.language, AnswerKind.DONE, "Paused", notes=["Until tomorrow, 9:00."]
            )
        else:
            ended = self._press(key, draft, step, given)
            if ended is not None:
                return ended
        draft.version += 1
        return self._screen(draft)

    def _press(self, key: str, draft: FakeDraft, step: Screen, given: FormInput) -> Screen | None:
        """None when the draft moved on (or stays, for a file)."""
        match given.action:
            case Action.BACK:
                self._keep(draft, step, given)
                draft.at -= 0 if draft.asks_to_withdraw else 1
                draft.asks_to_withdraw = False
            case Action.CHANGE:
                draft.at = next(number for number, other in enumerate(STEPS) if other.step == given.values[0])
            case Action.REMOVE_FILE:
                draft.files = [file for file in draft.files if file.id not in given.values]
            case Action.SEND if self.letter:
                return Screen(
                    "send",
                    draft.version,
                    draft.language,
                    AnswerKind.DONE,
                    "Your letter",
                    letter=LETTER,
                    can_go_back=True,
                )
            case Action.SEND:
                del self.drafts[key]
                self.sent.append(draft)
                return Screen(
                    "done",
                    99,
                    draft.language,
                    AnswerKind.DONE,
                    "Your report is sent",
                    notes=["The deadline is 20 December."],
                    again="kept",
                )
            case Action.ANSWER if given.file is not None:
                if b"broken" in given.file.content:
                    return replace(self._screen(draft), error="The file is broken.")
                draft.files.append(ShownFile(secrets.token_hex(4), given.file.name, len(given.file.content)))
            case Action.SKIP:
                draft.at += 1
            case _:
                error = self._wrong(draft, step, given)
                if error:
                    return replace(self._screen(draft), error=error)
                if "new" not in given.values:
                    self._keep(draft, step, given)
                    draft.at += 1
        return None

    def _wrong(self, draft: FakeDraft, step: Screen, given: FormInput) -> str | None:
        if given.text and len(given.text) > 4000:
            return "That is too long."
        if step.kind is AnswerKind.ONE and not given.values and not given.text:
            return "Please choose one."
        if step.kind is AnswerKind.RECEIPT and not given.values and not is_end_of(draft.receipt, given.text or ""):
            return "These are not the last five digits."
        return None

    def _keep(self, draft: FakeDraft, step: Screen, given: FormInput) -> None:
        if given.values or given.text:
            draft.answers[step.step] = given

    def _screen(self, draft: FakeDraft) -> Screen:
        if draft.asks_to_withdraw:
            return Screen(
                "withdraw",
                draft.version,
                draft.language,
                AnswerKind.ONE,
                "Delete everything?",
                choices=[Choice("yes", "Yes")],
                can_go_back=True,
            )
        step = STEPS[draft.at]
        said = draft.answers.get(step.step)
        text = (said.text or "") if said else draft.words if step.step == "story" else ""
        receipt = None
        if step.kind is AnswerKind.RECEIPT:
            draft.receipt = new_receipt()
            receipt = show_receipt(draft.receipt)
        review = [
            ReviewLine(name, f"Question {name}", " ".join([*given.values, given.text or ""]).strip())
            for name, given in draft.answers.items()
        ]
        return replace(
            step,
            version=draft.version,
            language=draft.language,
            text=text,
            choices=[replace(choice, is_chosen=bool(said and choice.value in said.values)) for choice in step.choices],
            files=draft.files if step.takes_files or step.takes_voice else [],
            review=review if step.kind is AnswerKind.REVIEW else [],
            receipt=receipt,
            can_go_back=draft.at > 0,
            number=draft.at + 1,
            total=len(STEPS),
        )


class FakeCases:
    """One case behind one code."""

    def __init__(self) -> None:
        self.receipt = "1234567890123456789012345"
        self.token = "t" * 32
        self.is_open = False
        self.withdrawn = False
        self.asked: str | None = None
        self.asked_notes: list[str] = []
        self.asked_mark = ""
        self.news = [CaseNews("July to September 2026", "We made new forms in four languages.", "en")]
        self.agreed: bool | None = None
        self.sources: list[str] = []
        self.messages = [
            CaseMessage(
                True,
                "We have written to the landlord.",
                "en",
                "20 November 2026",
                original="Abbiamo scritto al proprietario.",
            ),
            CaseMessage(False, "شكرا لكم", "ar", "21 November 2026", file_names=["letter.pdf"]),
        ]

    async def open(self, receipt: str, *, source: str, language: str) -> ReporterCase:
        self.sources.append(source)
        digits = read_receipt(receipt)
        if len(self.sources) > 10:
            raise TooManyAttemptsError(seconds=360)
        if digits != self.receipt or self.withdrawn:
            raise ReceiptUnknownError
        self.is_open = True
        return self._case()

    async def show(self, token: str, *, language: str) -> ReporterCase:
        self._check(token)
        return self._case()

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
        if file is not None and b"broken" in file.content:
            raise FileRefusedError(reason="broken")
        self.messages.append(
            CaseMessage(False, text or "", language, "22 November 2026", file_names=[file.name] if file else [])
        )
        return self._case()

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
        return self._case()

    async def close(self, token: str) -> None:
        self.is_open = False

    async def withdraw(self, token: str) -> None:
        self._check(token)
        self.withdrawn, self.is_open = True, False

    def _check(self, token: str) -> None:
        if token != self.token or not self.is_open:
            raise ReturnClosedError

    def _case(self) -> ReporterCase:
        notes = ["The deadline is 20 December."]
        status = "The desk works on your report."
        messages = list(self.messages)
        return ReporterCase(
            "City of Bologna",
            status,
            messages,
            notes,
            self.token,
            self.asked,
            self.asked_notes,
            self.asked_mark,
            self.news,
        )
