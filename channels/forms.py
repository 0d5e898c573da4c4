"""A guided form as a channel shows it: one screen at a time, whose answer is committed before the next is shown.

A channel draws a ``Screen`` in its own way (buttons, a page) and hands back a ``FormInput``. All sentences in a screen
are in its language already; a channel adds only the words of its own controls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from channels.base import Link, Reply

COPIES = ("cleaned", "original", "both")
"""Which form of a file a desk may get: without hidden data, as it came, or both. The first one unless something else is
chosen. Their words are ``report.choice.copies``, wherever a file is given."""
NEWEST_NEWS = 2
"""So many of ``ReporterCase.news`` are shown at once, the others one press away."""


class AnswerKind(StrEnum):
    """What a screen asks for. Text is taken on every screen where ``takes_text`` is set, also beside choices."""

    ONE = "one"
    """One of the choices; choosing goes on."""
    SEVERAL = "several"
    """Any of the choices: ``Action.TOGGLE`` switches one and stays, ``Action.NEXT`` goes on with what is chosen;
    ``Action.ANSWER`` gives all choices at once and goes on."""
    TEXT = "text"
    """A text; ``Action.NEXT`` goes on with what stands in ``Screen.text``."""
    FILES = "files"
    RECEIPT = "receipt"
    """The code is shown; the person types its last five digits, or says that it is kept."""
    REVIEW = "review"
    """Everything said, each with a way to change it; ``Action.NEXT`` goes on. Nothing is sent yet."""
    SEND = "send"
    """The last question; only ``Action.SEND`` sends."""
    DONE = "done"
    """Nothing is asked any more: sent, withdrawn, paused, or handed to the person as a letter."""


class Action(StrEnum):
    """What a person does on a screen."""

    ANSWER = "answer"
    """The whole answer: ``values``, ``text`` or ``file``. A text without a version (typed in a chat) leaves the choices
    as they are, and where people write in several messages it is added to what was said, until ``NEXT``."""
    TOGGLE = "toggle"
    """Choose the one value in ``values``, or no longer; the screen stays."""
    NEXT = "next"
    """Go on with what stands here."""
    SKIP = "skip"
    """Leave the question without an answer, also where one was given before."""
    BACK = "back"
    PAUSE = "pause"
    WITHDRAW = "withdraw"
    """Asks once whether to delete everything (a screen with the step ``withdraw``); there it deletes."""
    CHANGE = "change"
    """Go to the step named in ``values``, from the review."""
    SEND = "send"
    REMOVE_FILE = "remove_file"
    """Take the file whose id is in ``values`` away again; the screen stays."""


@dataclass(frozen=True)
class Choice:
    """One thing to choose."""

    value: str
    title: str
    note: str | None = None
    is_chosen: bool = False


@dataclass(frozen=True)
class ShownFile:
    """A file that was taken."""

    id: str
    name: str
    size: int


@dataclass(frozen=True)
class ReviewLine:
    """What was said to one question."""

    step: str
    question: str
    answer: str


@dataclass(frozen=True)
class Letter:
    """The report as a letter of the person's own, in their language and in the body's."""

    to: str
    texts: dict[str, str]
    """By language; the person's first."""


@dataclass(frozen=True)
class Screen:
    """One step of a form."""

    step: str
    version: int
    """Grows with every answer. A press that carries another one is old and changes nothing."""
    language: str
    kind: AnswerKind
    title: str
    notes: list[str] = field(default_factory=list)
    """Paragraphs that come before the question."""
    replies: list[Reply] = field(default_factory=list)
    """Emergency numbers and services, as the chat shows them."""
    links: list[Link] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    takes_text: bool = False
    takes_files: bool = False
    takes_voice: bool = False
    """May be answered by a voice message, also where no other files are taken."""
    text: str = ""
    """What was said here before."""
    hint: str | None = None
    can_skip: bool = False
    can_go_back: bool = False
    is_private: bool = True
    """The answer belongs to the report: a chat channel deletes it from the chat when the form ends."""
    number: int = 0
    total: int = 0
    progress: str = ""
    """Where this step stands, and how many of those left need an answer."""
    error: str | None = None
    """Why the last answer was not taken; the screen is the same one again."""
    files: list[ShownFile] = field(default_factory=list)
    review: list[ReviewLine] = field(default_factory=list)
    receipt: str | None = None
    """25 digits in groups of five. Shown until the person has kept it; never stored."""
    letter: Letter | None = None
    again: str | None = None
    """Of a report that was sent: what ``GuidedForm.show_again`` writes this screen from. It opens nothing."""


@dataclass(frozen=True)
class IncomingFile:
    """A file that a person sent; the name and the kind are theirs and not to be trusted."""

    name: str
    media_type: str
    content: bytes
    is_voice: bool = False


@dataclass(frozen=True)
class FormInput:
    """What a person did on a screen. ``version`` None: the channel cannot know it (a text typed in a chat)."""

    action: Action
    step: str | None = None
    version: int | None = None
    values: tuple[str, ...] = ()
    text: str | None = None
    file: IncomingFile | None = None
    source: str | None = None
    """Who sends, as the channel knows it (an address): many reports from one source are set apart, never refused.
    Only a salted hash of it is kept, in memory, for an hour."""
    receipt: str | None = field(default=None, repr=False)
    """The code that the page showed, from its body: it stays on the screen as long as it is the draft's."""


class GuidedForm(Protocol):
    """The intake as a channel uses it. ``key`` names the conversation that fills the form in; it is not stored.

    On Telegram the key is the chat's id: where the person asks to be told of replies, and only then, it goes into the
    sealed report.
    """

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
        """Begin, or go on where it was left. ``words``: what the person wrote already, offered as the first words.

        ``city``: where they are, as the page that they came from says. ``place``: what the conversation understood as
        the place of it; offered first where it is asked, and never taken for where they are now. ``desk``: whose QR
        code was read; that desk is offered first.
        """
        ...

    async def show(self, key: str, *, language: str | None = None, receipt: str | None = None) -> Screen | None:
        """The screen that waits for an answer, in a language chosen anew if given; None when nothing is begun.

        ``receipt``: the code that the page showed; without it, a screen that shows the code shows a new one.
        """
        ...

    async def find_country(self, key: str) -> str | None:
        """The country where the person is, by its code, as far as what they answered tells: numbers go by it."""
        ...

    async def show_again(self, kept: str, *, language: str) -> Screen:
        """The last screen of a report that was sent (``Screen.again``), in another language. Raises DraftGoneError."""
        ...

    async def take(self, key: str, given: FormInput) -> Screen:
        """Take an answer; it is committed when this returns. A bad one comes back as the same screen with an error.

        Raises DraftGoneError (core.errors.HubError, code ``draft_gone``).
        """
        ...


@dataclass(frozen=True)
class CaseMessage:
    """One message of a case as its reporter sees it."""

    from_desk: bool
    text: str
    language: str
    written_on: str
    """The day, written in the reader's language."""
    original: str | None = None
    """Where ``text`` is a machine translation: what was written."""
    file_names: list[str] = field(default_factory=list)
    """Files that the person sent."""
    files: list[ShownFile] = field(default_factory=list)
    """Files from the desk; ``CaseReturn.read_file`` hands them out."""


@dataclass(frozen=True)
class CaseFile:
    """A file from the desk. Its name says nothing, since it stays in the lists of whatever device saves it."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class CaseNews:
    """What people told the desk in a period, and what it changed."""

    period: str
    """In words."""
    text: str
    language: str


@dataclass(frozen=True)
class ReporterCase:
    """A case as its reporter sees it."""

    desk: str
    status: str
    """A sentence."""
    messages: list[CaseMessage]
    notes: list[str]
    """The deadline, what the desk promises, when the case will be deleted."""
    token: str
    """Opens the case again for a while, so that the code is not typed for each message. Never stored in clear. A case
    that was handed over comes back with another one."""
    asked: str | None = None
    """A question for the person's consent: whether another desk may have the case. ``CaseReturn.answer`` answers it."""
    asked_notes: list[str] = field(default_factory=list)
    """What they would agree to: who that is, what it promises, and what the law makes it pass on."""
    asked_mark: str = ""
    """Names exactly what is asked; comes back with the answer. A few letters and digits."""
    news: list[CaseNews] = field(default_factory=list)
    """What others' reports changed, the newest first."""


class CaseReturn(Protocol):
    """Coming back with a receipt. Raises HubError: ``receipt_unknown``, ``return_closed``, ``too_many_messages``."""

    async def open(self, receipt: str, *, source: str, language: str) -> ReporterCase:
        """``source`` names who tries, for the limit of attempts; it is kept as a salted hash in memory for an hour."""
        ...

    async def show(self, token: str, *, language: str) -> ReporterCase: ...

    async def add(
        self,
        token: str,
        *,
        language: str,
        text: str | None = None,
        file: IncomingFile | None = None,
        copies: str = "cleaned",
    ) -> ReporterCase:
        """``copies``: which form of the file the desk gets, as in the report itself: ``cleaned``, ``original`` or
        ``both``. Any other word means the one that tells least."""
        ...

    async def read_file(self, token: str, file_id: str) -> CaseFile:
        """A file that the desk sent. Raises also ``file_gone``."""
        ...

    async def answer(self, token: str, *, language: str, agrees: bool, asked: str) -> ReporterCase:
        """Agree or not to what ``ReporterCase.asked`` asked; ``asked`` is the mark that came with it.

        Raises ``hand_over_changed`` where something else is asked by now: then it is to be shown, and asked, anew.
        """
        ...

    async def close(self, token: str) -> None:
        """The token opens nothing any more. A second time is no error."""
        ...

    async def withdraw(self, token: str) -> None:
        """Delete the report and everything about it, at once."""
        ...
