"""Between a form's screen and a page: what a posted page means, and what a page shows of a screen."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

from babel.numbers import format_decimal
from markupsafe import Markup

from channels.forms import Action, AnswerKind, Choice, FormInput, IncomingFile, Screen
from reports.receipts import read_receipt
from web.chat import ShownReply
from web.memory_form import GivenForm
from web.qr import qr_drawing

WITHDRAW = "withdraw"
"""The step that asks whether to delete everything."""
ADD_FILES = "add"
"""The button that takes the chosen files and stays. Also pressing another button takes them first."""
ACCEPTED_FILES = "image/jpeg,image/png,image/webp,application/pdf,audio/*"
"""Without HEIC, and JPEG first: then an iPhone makes a JPEG of a photo by itself, before it leaves the phone."""
SHOWN_CODE = "shown"
"""The field with the code that the page shows. It goes back and forth in the body, and is kept nowhere."""
ACCEPTED_VOICE = "audio/*"
MOST_IN_ONE_COLUMN = 6
NO_VERSION = -1
"""A page without a readable version counts as an old one."""
PRIMARY = {
    AnswerKind.ONE: Action.ANSWER,
    AnswerKind.SEVERAL: Action.ANSWER,
    AnswerKind.TEXT: Action.ANSWER,
    AnswerKind.FILES: Action.NEXT,
    AnswerKind.RECEIPT: Action.ANSWER,
    AnswerKind.REVIEW: Action.NEXT,
    AnswerKind.SEND: Action.SEND,
    AnswerKind.DONE: Action.NEXT,
}
"""What going on means on each kind of screen."""
_KEEPS_WHAT_WAS_TYPED = frozenset({Action.ANSWER, Action.NEXT, Action.BACK, Action.PAUSE, Action.SEND})


@dataclass(frozen=True)
class Typed:
    """What stood in the fields of the page that came in, to be shown again when it was not taken."""

    text: str | None
    values: tuple[str, ...]

    @classmethod
    def of(cls, form: GivenForm) -> Self:
        return cls(form.get("text") if "text" in form.fields else None, form.all("values"))


@dataclass(frozen=True)
class Press:
    """One press of a button on a step's page."""

    action: Action | None
    """None: only look at the screen, or add files."""
    step: str
    version: int
    values: tuple[str, ...]
    text: str | None
    files: tuple[IncomingFile, ...]
    source: str | None
    receipt: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, form: GivenForm, *, source: str | None) -> Self:
        """Buttons that carry a value have names of their own (``change``, ``remove``, ``kept``)."""
        action, values = _action_of(form)
        keeps = action in _KEEPS_WHAT_WAS_TYPED
        return cls(
            action,
            form.get("step"),
            read_version(form),
            values,
            form.get("text").strip() if keeps and "text" in form.fields else None,
            tuple(_incoming(form)),
            source,
            read_shown(form),
        )

    def input(self) -> FormInput:
        """The press without its files."""
        assert self.action is not None
        return FormInput(
            self.action, self.step, self.version, self.values, self.text, source=self.source, receipt=self.receipt
        )

    def file_input(self, file: IncomingFile, version: int) -> FormInput:
        """One of its files."""
        return FormInput(Action.ANSWER, self.step, version, file=file, source=self.source)

    def is_old_for(self, screen: Screen, version: int) -> bool:
        """Whether the page was an old one, so that nothing was taken and the screen is where the form stands now."""
        return screen.error is not None and (screen.step, screen.version) != (self.step, version)


def _action_of(form: GivenForm) -> tuple[Action | None, tuple[str, ...]]:
    if "change" in form.fields:
        return Action.CHANGE, (form.get("change"),)
    if "remove" in form.fields:
        return Action.REMOVE_FILE, (form.get("remove"),)
    if "kept" in form.fields:
        kept = form.get("kept")
        return (Action.ANSWER, (kept,)) if kept else (Action.NEXT, ())
    name = form.get("action")
    action = Action(name) if name in _BY_NAME else None
    return action, form.all("values") if action in _KEEPS_WHAT_WAS_TYPED else ()


_BY_NAME = frozenset({"answer", "next", "skip", "back", "pause", "withdraw", "send"})


def _incoming(form: GivenForm) -> list[IncomingFile]:
    return [
        IncomingFile(file.name, file.media_type, file.content, is_voice=file.media_type.startswith("audio/"))
        for file in form.files
        if file.refusal is None
    ]


def read_version(form: GivenForm) -> int:
    """Which state of the form the page showed."""
    version = form.get("version")
    return int(version) if version.isdecimal() and len(version) < 10 else NO_VERSION


def read_shown(form: GivenForm) -> str | None:
    """The code that stood on the page, so that it stands there again."""
    return form.get(SHOWN_CODE) or None


def read_key(text: str) -> str | None:
    """The name of a draft as it stands in a page or was typed as a pause code. Raises ReceiptIncompleteError."""
    return read_receipt(text) if text.strip() else None


@dataclass(frozen=True)
class Option:
    """One choice as a page draws it."""

    id: str
    choice: Choice
    is_chosen: bool


@dataclass(frozen=True)
class Shown:
    """One step's page. ``typed`` is put back into the fields where the answer was not taken."""

    screen: Screen
    key: str
    errors: list[str] = field(default_factory=list)
    is_old_page: bool = False
    typed: Typed | None = None

    @property
    def primary(self) -> Action:
        """What Enter and the large button do."""
        return Action.BACK if self.asks_to_withdraw else PRIMARY[self.screen.kind]

    @property
    def asks_to_withdraw(self) -> bool:
        return self.screen.step == WITHDRAW and self.screen.kind is not AnswerKind.DONE

    @property
    def is_done(self) -> bool:
        return self.screen.kind is AnswerKind.DONE

    @property
    def has_form(self) -> bool:
        """Whether something can be pressed still. A letter stays until it is deleted, also by its writer."""
        return not self.is_done or self.screen.letter is not None

    @property
    def is_dense(self) -> bool:
        """Many short choices stand in columns."""
        return len(self.screen.choices) > MOST_IN_ONE_COLUMN and not any(choice.note for choice in self.screen.choices)

    @property
    def words_first(self) -> bool:
        """Where there are far more answers than choices, such as places, the field comes before the choices."""
        return self.has_options and self.is_dense and self.screen.takes_text and self.screen.kind is AnswerKind.ONE

    @property
    def has_options(self) -> bool:
        """Whether choices are drawn as options; a receipt's are buttons, and withdrawing has buttons of its own."""
        return bool(self.screen.choices) and self.screen.kind not in _WITHOUT_OPTIONS and not self.asks_to_withdraw

    @property
    def options(self) -> list[Option]:
        kept = self._kept
        return [
            Option(f"choice-{number}", choice, choice.value in kept.values if kept else choice.is_chosen)
            for number, choice in enumerate(self.screen.choices, start=1)
        ]

    @property
    def option_type(self) -> str:
        return "radio" if self.screen.kind is AnswerKind.ONE else "checkbox"

    @property
    def text(self) -> str:
        kept = self._kept
        return kept.text if kept is not None and kept.text is not None else self.screen.text

    @property
    def lost(self) -> str:
        """Words of an old page, which belong to no field of this one: shown, so that they can be copied."""
        return (self.typed.text or "").strip() if self.is_old_page and self.typed else ""

    @property
    def first_field(self) -> str:
        """Where the error summary leads to."""
        if self.has_options and not self.words_first:
            return "choice-1"
        if self.screen.takes_text or self.screen.kind is AnswerKind.RECEIPT:
            return "text"
        return "files" if self.takes_files else "question"

    @property
    def takes_files(self) -> bool:
        return self.screen.takes_files or self.screen.kind is AnswerKind.FILES

    @property
    def takes_only_voice(self) -> bool:
        """Whether the one file that fits is a voice message."""
        return self.screen.takes_voice and not self.takes_files

    @property
    def replies(self) -> list[ShownReply]:
        return [ShownReply.of(reply) for reply in self.screen.replies]

    @cached_property
    def drawing(self) -> Markup:
        """The receipt as a QR code of its digits alone."""
        return qr_drawing(read_receipt(self.screen.receipt or ""))

    @property
    def _kept(self) -> Typed | None:
        return None if self.is_old_page else self.typed


_WITHOUT_OPTIONS = frozenset({AnswerKind.RECEIPT, AnswerKind.DONE})


def megabytes(size: int, language: str) -> str:
    """A file's size in the way of the language: ``0.3``, ``0,3``."""
    return format_decimal(max(0.1, round(size / 1024 / 1024, 1)), locale=language)
