"""How a screen of a guided form looks in a chat, and what its buttons send.

A button's data holds the version and the step that it belongs to, so that an old one is recognised, and at most
Telegram's 64 bytes: a value that is longer goes as a digest, never through a table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from channels.base import Reply
from channels.forms import Action, AnswerKind, Letter, Screen
from channels.telegram.formatting import (
    MOST,
    TICK,
    Key,
    Outgoing,
    Rows,
    direct,
    key_rows,
    length,
    link_lines,
    render,
    split,
)
from channels.telegram.state import MOST_BYTES
from core.texts import Texts

MARK = ":"
"""The first character of every button of a form."""
OPEN, GO_ON, PAUSE, BACK, WITHDRAW = ":open", ":on", ":pause", ":back", ":withdraw"
DELETE, DELETE_YES, DELETE_NO = ":delete", ":delete-yes", ":delete-no"
"""Delete this one message from the chat."""
_LETTER = {
    Action.ANSWER: "a",
    Action.TOGGLE: "t",
    Action.NEXT: "n",
    Action.SKIP: "s",
    Action.BACK: "b",
    Action.PAUSE: "p",
    Action.WITHDRAW: "w",
    Action.CHANGE: "c",
    Action.SEND: "d",
    Action.REMOVE_FILE: "r",
}
_ACTION = {letter: action for action, letter in _LETTER.items()}
_DIGEST = "#"
MOST_NAME = 30
"""Characters of a file's name on a button."""
MOST_SAID = 500
"""Characters of an earlier answer that are shown again beside its question."""
LEFT_MARK = "\u200e"


@dataclass(frozen=True)
class Press:
    """A button of a form that was pressed."""

    version: int
    action: Action
    step: str
    value: str = ""

    def write(self) -> str:
        """The button's data."""
        data = f"{MARK}{self.version}{MARK}{_LETTER[self.action]}{MARK}{self.step}{MARK}"
        if len((data + self.value).encode()) <= MOST_BYTES:
            return data + self.value
        return data + digest(self.value)

    @classmethod
    def read(cls, data: str) -> Press | None:
        """The press, or None where the data is no form's."""
        parts = data.split(MARK, 4)
        if len(parts) != 5 or parts[0] or not parts[1].isascii() or not parts[1].isdigit() or parts[2] not in _ACTION:
            return None
        return cls(int(parts[1]), _ACTION[parts[2]], parts[3], parts[4])

    @property
    def is_digest(self) -> bool:
        return self.value.startswith(_DIGEST)

    def find_value(self, screen: Screen) -> str | None:
        """The whole value behind a digest, among what the screen offers."""
        offered = [choice.value for choice in screen.choices] + [file.id for file in screen.files]
        return next((value for value in offered if digest(value) == self.value), None)


def digest(value: str) -> str:
    return _DIGEST + hashlib.sha256(value.encode()).hexdigest()[:12]


def render_screen(screen: Screen, texts: Texts, *, public_url: str | None) -> list[Outgoing]:
    """The messages of a screen, its buttons under the last. A receipt or a letter it carries is not among them."""
    language = screen.language
    blocks = say(screen.error, language, "b") if screen.error else []
    if screen.progress:
        blocks += say(screen.progress, language, "i")
    title, notes = say(screen.title, language, "b"), [part for note in screen.notes for part in say(note, language)]
    rows: Rows = []
    for reply in screen.replies:
        html, reply_rows = _reply(reply, texts, public_url)
        notes += html
        rows += reply_rows
    # A question stands last, beside its answers; what asks nothing is a heading.
    blocks += title + notes if screen.kind is AnswerKind.DONE else notes + title
    blocks += say(screen.hint, language) if screen.hint else []
    for choice in screen.choices:
        # What a choice means or promises, where its title does not say it all.
        blocks += under(say(choice.title, language, "b"), say(choice.note, language)) if choice.note else []
    blocks += _given(screen, texts)
    blocks += link_lines(screen.links, language, public_url)
    messages = [Outgoing(html) for html in pack(blocks)]
    messages[-1].rows = rows + screen_rows(screen, texts)
    return messages


def render_receipt(receipt: str, texts: Texts, language: str) -> Outgoing:
    """The code alone, to be copied with one tap. The mark keeps the groups in their order between Arabic words."""
    rows = [[Key(texts.get("telegram.form.delete", language), DELETE)]]
    return Outgoing(f"{LEFT_MARK}<code>{escape(receipt)}</code>", rows)


def render_letter(letter: Letter, texts: Texts, language: str) -> list[Outgoing]:
    """The letter in each of its languages, to be kept or sent on, each part with its own way to delete it."""
    rows = [[Key(texts.get("telegram.form.delete", language), DELETE)]]
    return [
        Outgoing(escape(part, quote=False), [*rows])
        for code, text in letter.texts.items()
        for part in split("\n".join(direct(line, code) for line in text.split("\n")))
    ]


def screen_rows(screen: Screen, texts: Texts) -> Rows:
    """The keyboard: what can be answered, then the ways on and out."""

    def key(word: str, action: Action, value: str = "", **values: object) -> Key:
        title = texts.get(f"telegram.form.{word}", screen.language, **values)
        return Key(title, Press(screen.version, action, screen.step, value).write())

    if screen.kind is AnswerKind.DONE:
        return []
    rows = _choice_rows(screen)
    if screen.step == Action.WITHDRAW:
        return rows
    for file in screen.files:
        rows.append([key("remove", Action.REMOVE_FILE, file.id, name=_shorten(file.name))])
    changes = [
        key("change", Action.CHANGE, line.step, number=number) for number, line in enumerate(screen.review, start=1)
    ]
    rows += [changes[start : start + 3] for start in range(0, len(changes), 3)]
    if screen.kind in {AnswerKind.SEVERAL, AnswerKind.REVIEW} or screen.text or screen.files:
        rows.append([key("next", Action.NEXT)])
    if screen.kind is AnswerKind.TEXT and screen.text and screen.can_skip:
        # What is written in a chat is added; an answer without a value begins anew.
        rows.append([key("anew", Action.ANSWER)])
    match screen.kind:
        case AnswerKind.RECEIPT if not screen.choices:
            rows.append([key("kept", Action.NEXT)])
        case AnswerKind.SEND:
            rows.append([key("send", Action.SEND)])
    ways = [key("back", Action.BACK)] if screen.can_go_back else []
    ways += [key("skip", Action.SKIP)] if screen.can_skip else []
    return [*rows, *([ways] if ways else []), [key("pause", Action.PAUSE), key("withdraw", Action.WITHDRAW)]]


def _choice_rows(screen: Screen) -> Rows:
    action = Action.TOGGLE if screen.kind is AnswerKind.SEVERAL else Action.ANSWER
    return key_rows(
        [
            Key(
                (TICK if choice.is_chosen else "") + choice.title,
                Press(screen.version, action, screen.step, choice.value).write(),
            )
            for choice in screen.choices
        ]
    )


def _given(screen: Screen, texts: Texts) -> list[str]:
    """What was said before: here, as files, or in the whole report."""
    language = screen.language
    blocks = []
    if screen.text:
        # The whole of a long story stands above in the chat, and in the review.
        shown = screen.text if len(screen.text) <= MOST_SAID else "… " + screen.text[-MOST_SAID:]
        blocks += under(say(texts.get("telegram.form.said", language), language), quote(shown))
    if screen.files:
        names = "\n".join(f"• {file.name}" for file in screen.files)
        blocks += under(say(texts.get("telegram.form.files", language), language), quote(names))
    for number, line in enumerate(screen.review, start=1):
        blocks += under(say(f"{number}. {line.question}", language, "b"), quote(line.answer))
    return blocks


def _reply(reply: Reply, texts: Texts, public_url: str | None) -> tuple[list[str], Rows]:
    messages = render(reply, texts, public_url=public_url, thumbs=False)
    rows = [[key for key in row if len(key.data.encode()) <= MOST_BYTES] for row in messages[-1].rows]
    return [message.html for message in messages], [row for row in rows if row]


def _shorten(name: str) -> str:
    return name if len(name) <= MOST_NAME else name[: MOST_NAME - 1] + "…"


def say(text: str, language: str, tag: str = "") -> list[str]:
    """A text of ours as HTML, each line in the direction of its language, in parts that fit into a message."""
    directed = "\n".join(direct(line, language) for line in text.split("\n"))
    parts = [escape(part, quote=False) for part in split(directed)]
    return [f"<{tag}>{part}</{tag}>" for part in parts] if tag else parts


def quote(text: str) -> list[str]:
    """Words of a person as they are; their lines run as their own letters do."""
    return [f"<blockquote>{escape(part, quote=False)}</blockquote>" for part in split(text)]


def under(heading: list[str], body: list[str]) -> list[str]:
    """A heading with what stands right below it, in one block where they fit into a message."""
    if length(heading[-1]) + length(body[0]) < MOST:
        return [*heading[:-1], f"{heading[-1]}\n{body[0]}", *body[1:]]
    return heading + body


def pack(blocks: Iterable[str]) -> list[str]:
    """Blocks of HTML in as few messages as they fit into."""
    messages: list[str] = []
    for block in blocks:
        if messages and length(messages[-1]) + length(block) + 2 <= MOST:
            messages[-1] += "\n\n" + block
        else:
            messages.append(block)
    return messages
