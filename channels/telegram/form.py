"""A guided report in a chat: each screen is a message, what is pressed or sent goes to the form and nowhere else.

The form commits every answer before it returns; this channel keeps only the numbers of its messages (form_state.py).
Once the report is sent, withdrawn or set aside, the answers are deleted from the chat; from one that is left in the
middle, after an hour of silence, as long as this process remembers the number of the chat: no table has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from telegram import Message

from channels.forms import Action, AnswerKind, FormInput, GuidedForm, IncomingFile, Screen
from channels.telegram.bot import Delivered, TelegramBot
from channels.telegram.codes import is_code, is_five_digits
from channels.telegram.contract import CHANNEL
from channels.telegram.files import MOST_MEGABYTES, FileTooLargeError, FileUnavailableError, fetch, find_attachment
from channels.telegram.form_state import FormState
from channels.telegram.formatting import Key, Outgoing, Rows
from channels.telegram.models import TelegramForm
from channels.telegram.recall import Recall
from channels.telegram.screens import (
    BACK,
    DELETE,
    DELETE_NO,
    DELETE_YES,
    GO_ON,
    MARK,
    OPEN,
    PAUSE,
    WITHDRAW,
    Press,
    render_letter,
    render_receipt,
    render_screen,
)
from channels.telegram.speaking import Chat, Speaker
from channels.telegram.tidying import Tidying
from core.clock import Clock
from core.errors import HubError

REMEMBER_WORDS = timedelta(hours=1)
SILENCE = timedelta(hours=1)
"""After so long without an answer, what was told is deleted from the chat. The report itself waits."""
_WAYS_ON = (("go_on", GO_ON), ("pause", PAUSE))
_FROM_LETTER = (("back", BACK), ("withdraw", WITHDRAW))
_BARE = {PAUSE: Action.PAUSE, BACK: Action.BACK, WITHDRAW: Action.WITHDRAW}
"""Buttons that mean the same at every step."""
GONE = "draft_gone"
"""The code of the error that says so."""
FILE_REFUSALS = {FileTooLargeError: "telegram.form.file_too_large", FileUnavailableError: "telegram.form.file_lost"}


@dataclass(frozen=True)
class FirstWords:
    """What a person wrote before the report began, and the number of that message."""

    text: str = field(repr=False)
    number: int
    place: str | None = None
    """What was understood as the place of it."""


class FormFlow:
    """The report of every chat."""

    def __init__(
        self,
        *,
        form: GuidedForm,
        bot: TelegramBot,
        speaker: Speaker,
        state: FormState,
        tidying: Tidying,
        clock: Clock,
    ) -> None:
        self._form = form
        self._bot = bot
        self._speaker = speaker
        self._state = state
        self._tidying = tidying
        self._words: Recall[FirstWords] = Recall(clock, REMEMBER_WORDS)
        self._open: Recall[Chat] = Recall(clock, SILENCE)

    # The way in

    def remember(self, chat: Chat, words: str, number: int, place: str | None = None) -> None:
        """Keep the sentence that told of discrimination, to offer it as the report's first words."""
        self._words.put(chat.id, FirstWords(words, number, place))

    def remember_place(self, chat: Chat, place: str) -> None:
        """A place that was chosen after the sentence."""
        first = self._words.find(chat.id)
        if first is not None:
            self._words.put(chat.id, replace(first, place=place))

    def offer(self, chat: Chat) -> Rows:
        return [[self._speaker.button(chat, "telegram.form.offer", OPEN)]]

    async def open(self, chat: Chat, *, desk: str | None = None) -> None:
        """Begin, or go on where it was left."""
        first = self._words.find(chat.id)
        words = first.text if first is not None else None
        place = first.place if first is not None else None
        async with self._bot.typing(chat.id):
            screen = await self._form.open(
                str(chat.id), origin=CHANNEL, language=chat.language, words=words, place=place, desk=desk
            )
        if first is not None:
            await self._state.track(chat.form_key, first.number)
        await self._show(chat, await self._state.get(chat.form_key), screen)
        self._words.drop(chat.id)

    async def remind(self, chat: Chat) -> None:
        """After something else was said: what is written now still goes into the report."""
        row = await self._state.find(chat.form_key)
        if row is None or row.version is None:
            return
        [message] = self._speaker.sentence(chat, "telegram.form.still_open", self._ways_on(chat))
        await self.say_beside(chat, message)

    async def say_beside(self, chat: Chat, message: Outgoing) -> None:
        """Say something else while the report is open."""
        await self._tidying.say(chat, message)
        await self.note_other(chat)

    async def note_unread(self, chat: Chat, number: int) -> None:
        """A message that nobody reads is deleted from the chat with the others."""
        await self._state.track(chat.form_key, number)

    async def note_other(self, chat: Chat) -> None:
        """Something else was written below the screen."""
        row = await self._state.find(chat.form_key)
        if row is not None and row.is_last:
            row.is_last = False
            await self._state.save(row)

    async def is_open(self, chat: Chat) -> bool:
        row = await self._state.find(chat.form_key)
        return row is not None and row.version is not None

    async def find_country(self, chat: Chat) -> str | None:
        """Where the person is, as far as the report tells."""
        return await self._form.find_country(str(chat.id))

    async def forget(self, chat: Chat) -> None:
        """Withdraw what was begun, and delete it from the chat."""
        self._words.drop(chat.id)
        self._open.drop(chat.id)
        try:
            # From the screen that asks whether to: the person was asked already.
            await self._form.take(str(chat.id), FormInput(Action.WITHDRAW, step=Action.WITHDRAW))
        except HubError as error:
            if error.code != GONE:
                raise
        await self._tidying.drop_receipt(chat)
        await self._tidying.tidy(chat, of_return=False)
        await self._state.drop(chat.form_key)

    def sweep(self) -> None:
        """Forget what was remembered for long enough."""
        self._words.sweep()

    def list_silent(self) -> list[Chat]:
        """Chats where nothing was heard for an hour, as far as this process knows; see ``clear``."""
        return self._open.sweep()

    async def clear(self, chat: Chat) -> None:
        """Delete from a silent chat what was told there. The report waits, and what is written next goes into it.

        The place of the last question says so: a change makes no sound on a telephone that others may look at.
        """
        row = await self._state.find(chat.form_key)
        if row is None or row.version is None or row.screen_id is None:
            return
        # Looked at again in an hour where it does not go now, or where another process heard of it meanwhile.
        self._open.put(chat.id, chat)
        if self._state.silent_for(row) < SILENCE:
            return
        if row.screen_at is not None:
            [message] = self._speaker.sentence(chat, "telegram.form.cleared", self._ways_on(chat))
            shown = await self._bot.change(chat.id, row.screen_id, message)
            if shown is not None:
                await self._state.untrack(chat.form_key, [row.screen_id])
            left = await self._tidying.tidy(chat, of_return=False, is_over=False)
            if shown is None:
                shown = await self._tidying.say(chat, message)
            await self._state.track(chat.form_key, shown.number)
            # Without a time, since nothing asks there any more.
            row.screen_id, row.screen_at, row.is_single, row.is_last = shown.number, None, True, False
            await self._state.save(row)
            if left:
                await self._speaker.say(chat, "telegram.form.tidied_partly", count=left)
        self._open.drop(chat.id)

    # What comes in

    async def take_message(self, chat: Chat, message: Message) -> bool:
        """Whether a form is open here; then the message was its answer."""
        row = await self._state.find(chat.form_key)
        if row is None or row.version is None:
            return False
        if row.turn == chat.turn:
            return True
        self._open.put(chat.id, chat)
        is_new = await self._state.track(chat.form_key, message.message_id)
        if not is_new and await self._was_taken(chat, row):
            return True
        attachment = find_attachment(message)
        if attachment is None and message.text is None:
            await self._refuse(chat, row, "telegram.form.kinds")
            return True
        file = None
        if attachment is not None:
            try:
                async with self._bot.typing(chat.id):
                    file = await fetch(self._bot, attachment)
            except (FileTooLargeError, FileUnavailableError) as error:
                await self._refuse(chat, row, FILE_REFUSALS[type(error)])
                return True
        await self._answer(chat, row, message, file)
        return True

    async def take_press(self, chat: Chat, message_id: int, rows: Rows, data: str) -> None:
        """A button of a form."""
        if data == OPEN:
            await self._speaker.tick(chat, message_id, rows, data)
            await self.open(chat)
        elif data == GO_ON:
            await self._go_on(chat)
        elif data in _BARE:
            row = await self._state.get(chat.form_key)
            await self._take(chat, row, FormInput(_BARE[data]), is_below=False)
        elif data in {DELETE, DELETE_YES, DELETE_NO}:
            await self._delete_one(chat, message_id, data)
        else:
            await self._press(chat, message_id, rows, Press.read(data))

    async def _press(self, chat: Chat, message_id: int, rows: Rows, press: Press | None) -> None:
        row = await self._state.find(chat.form_key)
        if row is not None and row.turn == chat.turn:
            return
        if press is None or row is None or row.version is None or not row.since <= press.version <= row.version:
            await self._answer_old(chat, row, message_id, rows)
            return
        is_below = message_id == row.screen_id and row.is_last
        if press.action is Action.ANSWER and not press.value:
            await self._begin_anew(chat, row, press.step, is_below=is_below)
            return
        value: str | None = press.value
        if press.is_digest:
            screen = await self._form.show(str(chat.id))
            value = press.find_value(screen) if screen is not None else None
            if value is None:
                await self._answer_old(chat, row, message_id, rows)
                return
        given = FormInput(
            press.action,
            step=press.step,
            # Ticking one choice makes a new version of the same screen; a quick second press carries the one before.
            version=row.version,
            values=(value,) if value else (),
            source=chat.form_key if press.action is Action.SEND else None,
        )
        await self._take(chat, row, given, is_below=is_below)

    async def _begin_anew(self, chat: Chat, row: TelegramForm, step: str, *, is_below: bool) -> None:
        """Empty a text: past the question without an answer, and back to it."""
        try:
            skipped = await self._form.take(str(chat.id), FormInput(Action.SKIP, step=step, version=row.version))
        except HubError as error:
            if error.code != GONE:
                raise
            await self._close_gone(chat, row)
            return
        if skipped.error:
            await self._show(chat, row, skipped, is_below=is_below)
        else:
            await self._take(chat, row, FormInput(Action.BACK, version=skipped.version), is_below=is_below)

    async def _answer(self, chat: Chat, row: TelegramForm, message: Message, file: IncomingFile | None) -> None:
        # Sent before the screen was shown (the rest of an album, of a long text): then the screen stands below it.
        is_below = row.is_last and row.screen_at is not None and message.date <= row.screen_at
        text = message.text or message.caption
        if text and (is_five_digits(text) or is_code(text)) and await self._tidying.has_receipt(chat):
            await self._tidying.delete_now(chat, message.message_id)
        if file is not None:
            given = FormInput(Action.ANSWER, version=row.version, text=message.caption, file=file)
        else:
            given = FormInput(Action.ANSWER, text=text)
        await self._take(chat, row, given, is_below=is_below)

    async def _take(self, chat: Chat, row: TelegramForm, given: FormInput, *, is_below: bool) -> None:
        try:
            async with self._bot.typing(chat.id):
                screen = await self._form.take(str(chat.id), given)
        except HubError as error:
            if error.code != GONE:
                raise
            await self._close_gone(chat, row)
            return
        if screen.kind is AnswerKind.DONE and not screen.error:
            await self._close(chat, row, screen, given.action)
        else:
            await self._show(chat, row, screen, same_step=given.step == screen.step, is_below=is_below)

    async def _was_taken(self, chat: Chat, row: TelegramForm) -> bool:
        """A message came again, since a crash or Telegram broke off its turn: whether its answer was taken already."""
        screen = await self._form.show(str(chat.id))
        if screen is None:
            await self._close_gone(chat, row)
            return True
        if screen.version == row.version:
            return False
        await self._show(chat, row, screen)
        return True

    # What goes out

    async def _show(
        self, chat: Chat, row: TelegramForm, screen: Screen, *, same_step: bool = False, is_below: bool = False
    ) -> None:
        """Draw the screen; in the place of the one before, where nothing stands below it."""
        if screen.kind is AnswerKind.DONE:
            await self._close(chat, row, screen, None)
            return
        messages = render_screen(screen, self._speaker.texts, public_url=self._speaker.public_url)
        before, shown = row.screen_id, None
        if screen.receipt:
            await self._tidying.drop_receipt(chat)
            code = render_receipt(screen.receipt, self._speaker.texts, screen.language)
            await self._tidying.say(chat, code, is_kept=True)
        elif before is not None and is_below and row.is_single and len(messages) == 1:
            shown = await self._bot.change(chat.id, before, messages[0])
            if shown is not None and not screen.is_private:
                await self._state.untrack(chat.form_key, [before])
            elif shown is not None:
                await self._state.track(chat.form_key, before)
        if shown is None:
            for message in messages:
                shown = await self._write(chat, message, is_private=screen.is_private)
            if before is not None:
                await self._bot.change_keyboard(chat.id, before, [])
        assert shown is not None
        row.since = row.since if same_step and row.version is not None else screen.version
        row.version, row.screen_id, row.screen_at = screen.version, shown.number, shown.at
        row.is_single, row.is_last, row.turn = len(messages) == 1, True, chat.turn
        await self._state.save(row)
        self._open.put(chat.id, chat)

    async def _write(self, chat: Chat, message: Outgoing, *, is_private: bool) -> Delivered:
        return await (self._tidying.say(chat, message) if is_private else self._bot.say(chat.id, message))

    async def _close(self, chat: Chat, row: TelegramForm, screen: Screen, action: Action | None) -> None:
        """Show the last screen, which stays, and delete what led to it."""
        texts, before = self._speaker.texts, row.screen_id
        messages = render_screen(screen, texts, public_url=self._speaker.public_url)
        if screen.letter is not None:
            # Nothing is asked any more, but the letter can be written anew, or deleted.
            messages[-1].rows = [
                [self._speaker.button(chat, f"telegram.form.{name}", data)] for name, data in _FROM_LETTER
            ]
            messages = render_letter(screen.letter, texts, screen.language) + messages
        if action is Action.PAUSE:
            messages[-1].rows = [[self._speaker.button(chat, "telegram.form.go_on", GO_ON)]]
        if action is not Action.SEND:
            # The code of a report that was not sent opens nothing.
            await self._tidying.drop_receipt(chat)
        for message in messages:
            await self._bot.say(chat.id, message)
        if before is not None:
            await self._bot.change_keyboard(chat.id, before, [])
        await self._finish(chat, row)

    async def _close_gone(self, chat: Chat, row: TelegramForm) -> None:
        await self._speaker.say(chat, "error.draft_gone", self.offer(chat))
        await self._finish(chat, row)

    async def _finish(self, chat: Chat, row: TelegramForm) -> None:
        self._open.drop(chat.id)
        left = await self._tidying.tidy(chat, of_return=False)
        row.version = row.screen_id = row.screen_at = None
        await self._state.save(row)
        if left:
            await self._speaker.say(chat, "telegram.form.tidied_partly", count=left)
        else:
            await self._speaker.say(chat, "telegram.form.tidied")

    def _ways_on(self, chat: Chat) -> Rows:
        return [[self._speaker.button(chat, f"telegram.form.{name}", data)] for name, data in _WAYS_ON]

    async def _refuse(self, chat: Chat, row: TelegramForm, key: str) -> None:
        """A file that the form never got to see."""
        for message in self._speaker.sentence(chat, key, most=MOST_MEGABYTES):
            await self._tidying.say(chat, message)
        row.is_last = False
        await self._state.save(row)

    async def _answer_old(self, chat: Chat, row: TelegramForm | None, message_id: int, rows: Rows) -> None:
        """A button of an earlier screen. A second tap on the one that was just answered needs no words."""
        is_open = row is not None and row.version is not None
        if is_open and row is not None and row.screen_id == message_id:
            return
        others = [[key for key in line if not key.data.startswith(MARK)] for line in rows]
        await self._bot.change_keyboard(chat.id, message_id, [line for line in others if line])
        if is_open:
            [message] = self._speaker.sentence(
                chat, "telegram.form.old", [[self._speaker.button(chat, "telegram.form.go_on", GO_ON)]]
            )
            await self._tidying.say(chat, message)
            await self.note_other(chat)
        else:
            await self._speaker.say(chat, "telegram.form.closed", self.offer(chat))

    async def _go_on(self, chat: Chat) -> None:
        row = await self._state.get(chat.form_key)
        screen = await self._form.show(str(chat.id), language=chat.language)
        if screen is None:
            await self._close_gone(chat, row)
        else:
            await self._show(chat, row, screen)

    async def _delete_one(self, chat: Chat, message_id: int, data: str) -> None:
        """The receipt code or the letter, asked once more, since nobody can show it again."""

        def key(name: str, data: str) -> list[Key]:
            return [self._speaker.button(chat, f"telegram.form.{name}", data)]

        if data == DELETE:
            ask = [key("delete_yes", DELETE_YES), key("delete_no", DELETE_NO)]
            await self._bot.change_keyboard(chat.id, message_id, ask)
        elif data == DELETE_NO:
            await self._bot.change_keyboard(chat.id, message_id, [key("delete", DELETE)])
        elif not await self._tidying.delete_now(chat, message_id):
            await self._speaker.say(chat, "telegram.form.not_deleted")
