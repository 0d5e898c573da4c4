"""Coming back to a report with its receipt code (/reply): the case as its reporter sees it, in a chat.

The code is deleted from the chat as soon as it came. What opens the case again (``ReporterCase.token``) stays in this
process's memory for 15 minutes and in no table: whoever takes the database, with the hub's secret key, must not be able
to open a report, so after a restart, or in another process, the code is asked for again. What was written meanwhile
waits for the code in this process's memory, as long.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from telegram import Message

from channels.base import File
from channels.forms import COPIES, NEWEST_NEWS, CaseReturn, IncomingFile, ReporterCase
from channels.telegram.bot import TelegramBot
from channels.telegram.case_drawing import COPY, FILE, MARK, CaseDrawing
from channels.telegram.codes import count_digits, is_code, looks_like_code
from channels.telegram.contract import CHANNEL
from channels.telegram.files import MOST_MEGABYTES, FileTooLargeError, FileUnavailableError, fetch, find_attachment
from channels.telegram.form_state import Asks, FormState
from channels.telegram.formatting import Outgoing, Rows
from channels.telegram.models import TelegramForm
from channels.telegram.recall import Recall
from channels.telegram.screens import pack, quote, say, under
from channels.telegram.speaking import Chat, Speaker
from channels.telegram.tidying import Tidying
from core.clock import Clock
from core.errors import HubError
from core.languages import SOURCE_LANGUAGE

MINUTES = 15
STAYS_OPEN = timedelta(minutes=MINUTES)
STAYS_MEANT = timedelta(hours=1)
"""For so long after a case was used here last, a text is still taken to be meant for its desk, open or not."""
MOST_HELD = 10
"""Messages of one chat; so many make an album."""
ADD, SHOW, CLOSE, SEND, DROP, OLDER = (MARK + word for word in ("add", "show", "close", "send", "drop", "older"))
AGREE, REFUSE = MARK + "agree", MARK + "refuse"
WITHDRAW, WITHDRAW_YES, WITHDRAW_SURE = (MARK + word for word in ("withdraw", "withdraw-yes", "withdraw-sure"))
SAID_OPENLY = frozenset({"receipt_incomplete", "too_many_messages"})
FILE_REFUSALS = {FileTooLargeError: "telegram.form.file_too_large", FileUnavailableError: "telegram.form.file_lost"}


@dataclass(frozen=True)
class Held:
    """Something that may be meant for the desk, until the person says so."""

    number: int
    """The person's message."""
    text: str | None = field(repr=False)
    file: IncomingFile | None = field(repr=False)

    @property
    def has_forms(self) -> bool:
        """Whether there is a form of it to choose; a voice message has one only."""
        return self.file is not None and not self.file.is_voice


@dataclass
class Waiting:
    """What was meant for a case that was closed already, until the code opens it."""

    held: list[Held] = field(default_factory=list, repr=False)
    asked_at: datetime | None = None
    """When the code was asked for, by Telegram's clock. What was sent before that is meant for the case too."""


@dataclass
class OpenCase:
    """A case that is open in a chat."""

    chat: Chat
    token: str = field(repr=False)
    desk: str
    shown: int | None = None
    """The message with the buttons."""
    is_adding: bool = False
    held: dict[int, Held] = field(default_factory=dict, repr=False)
    """What was not asked for, by the number of the question under which it is passed on or not."""
    settled: set[int] = field(default_factory=set)
    """Such questions that were answered."""
    added: dict[int, str] = field(default_factory=dict)
    """The person's messages that were passed on, and in which form, since an update may come twice."""


class ReturnFlow:
    """The returns of every chat."""

    def __init__(
        self,
        *,
        cases: CaseReturn,
        bot: TelegramBot,
        speaker: Speaker,
        state: FormState,
        tidying: Tidying,
        clock: Clock,
    ) -> None:
        self._cases = cases
        self._bot = bot
        self._speaker = speaker
        self._drawing = CaseDrawing(speaker.texts)
        self._state = state
        self._tidying = tidying
        self._open: Recall[OpenCase] = Recall(clock, STAYS_OPEN)
        self._waiting: Recall[Waiting] = Recall(clock, STAYS_OPEN)

    async def is_open(self, chat: Chat) -> bool:
        """Whether what is written here is taken to be meant for a desk."""
        return self._is_meant(chat, await self._state.find(chat.form_key))

    async def say_beside(self, chat: Chat, message: Outgoing) -> None:
        """Say something else while a case is open."""
        await self._tidying.say(chat, message, of_return=True)

    async def note_unread(self, chat: Chat, number: int) -> None:
        """A message that nobody reads is deleted from the chat with the others."""
        await self._state.track(chat.form_key, number, of_return=True)

    async def begin(self, chat: Chat, text: str, message_id: int) -> None:
        """/reply, alone or with the code behind it."""
        case = self._open.find(chat.id)
        if count_digits(text):
            await self._try_code(chat, text, message_id)
        elif case is not None:
            await self._show(case, await self._cases.show(case.token, language=chat.language))
        else:
            await self._ask_code(chat, "telegram.case.ask")

    async def take_message(self, chat: Chat, message: Message) -> bool:
        """Whether the message was for a return: a code, or something for an open case. Then it goes nowhere else."""
        text = message.text or message.caption or ""
        row = await self._state.find(chat.form_key)
        asks = row.asks if row is not None else None
        # In a report that is being told, a code is the new one, which is typed to show that it was kept.
        tells = row is not None and row.version is not None
        if (is_code(text) and (asks or not tells)) or (asks == Asks.CODE and looks_like_code(text)):
            await self._try_code(chat, text, message.message_id)
            return True
        if asks == Asks.CODE and self._was_sent_before_asking(chat, message):
            await self._keep(chat, message)
            return True
        if asks != Asks.CASE:
            return False
        case = self._open.find(chat.id)
        if case is not None:
            await self._take_for(case, message)
        elif self._is_meant(chat, row):
            # Whoever believes the case to be open must not tell it to the assistant instead.
            await self._keep(chat, message)
        else:
            await self._set(chat, None)
            return False
        return True

    async def take_press(self, chat: Chat, message_id: int, data: str) -> None:
        """A button of a case."""
        case = self._open.find(chat.id)
        if data == CLOSE:
            await self._end(chat, "telegram.case.closed")
        elif case is None:
            await self._bot.change_keyboard(chat.id, message_id, [])
            await self._ask_code_again(chat)
        else:
            self._open.put(chat.id, case)
            try:
                await self._press(case, message_id, data)
            except HubError as error:
                await self._explain(case, error)

    async def forget(self, chat: Chat) -> None:
        """Close without a word, and delete it from the chat."""
        await self._drop(chat)
        await self._tidying.tidy(chat, of_return=True)

    def list_left_alone(self) -> list[OpenCase]:
        """Cases whose time is over, here for the last time; see ``close_left_alone``."""
        self._waiting.sweep()
        return self._open.sweep()

    async def close_left_alone(self, case: OpenCase) -> None:
        """Close a case, and delete it from the chat. What nobody decided on waits for the code."""
        await self._cases.close(case.token)
        self._let_wait(case)
        row = await self._state.get(case.chat.form_key)
        if row.asks == Asks.CASE:
            # A report that is being told here too goes on; else what comes next may still be meant for the desk.
            await self._set(case.chat, Asks.CASE if row.version is None else None)
        if case.shown is not None:
            key = "telegram.case.left_alone_kept" if case.held else "telegram.case.left_alone"
            [message] = self._speaker.sentence(case.chat, key, minutes=MINUTES)
            await self._bot.change(case.chat.id, case.shown, message)
            await self._state.untrack(case.chat.form_key, [case.shown])
        await self._tidying.tidy(case.chat, of_return=True)

    # Steps

    async def _try_code(self, chat: Chat, text: str, message_id: int) -> None:
        is_deleted = await self._tidying.delete_now(chat, message_id)
        try:
            async with self._bot.typing(chat.id):
                found = await self._cases.open(text, source=f"{CHANNEL}:{chat.id}", language=chat.language)
        except HubError as error:
            # A code that opens nothing gets one and the same sentence, whatever the reason.
            key = error.text_key if error.code in SAID_OPENLY else "error.receipt_unknown"
            await self._ask_code(chat, key, **error.values)
            return
        before = self._open.find(chat.id)
        if before is not None:
            self._let_wait(before)
        case = OpenCase(chat, found.token, found.desk)
        self._open.put(chat.id, case)
        await self._set(chat, Asks.CASE)
        if not is_deleted:
            await self._speaker.say(chat, "telegram.case.delete_code")
        await self._show(case, found)
        waiting = self._waiting.find(chat.id)
        for held in waiting.held if waiting is not None else []:
            await self._ask(case, held, shows=True)
        self._waiting.drop(chat.id)

    async def _take_for(self, case: OpenCase, message: Message) -> None:
        chat = case.chat
        self._open.put(chat.id, case)
        await self._set(chat, Asks.CASE)
        await self._state.track(chat.form_key, message.message_id, of_return=True)
        held = await self._read(message)
        if isinstance(held, str):
            await self._write(case, held)
        elif case.is_adding and not held.has_forms:
            await self._add(case, held)
        else:
            await self._ask(case, held)

    async def _keep(self, chat: Chat, message: Message) -> None:
        """Something for a case that is closed already: it leaves the chat, and waits for the code."""
        held = await self._read(message)
        await self._tidying.delete_now(chat, message.message_id)
        if isinstance(held, str):
            for refusal in self._speaker.sentence(chat, held, most=MOST_MEGABYTES):
                await self._tidying.say(chat, refusal, of_return=True)
            await self._ask_code_again(chat)
            return
        waiting = self._waiting.find(chat.id) or Waiting()
        if all(one.number != held.number for one in waiting.held):
            waiting.held = [*waiting.held, held][-MOST_HELD:]
        self._waiting.put(chat.id, waiting)
        if not self._was_sent_before_asking(chat, message):
            await self._ask_code_again(chat)

    async def _read(self, message: Message) -> Held | str:
        """What a message holds, or the key of the sentence why it cannot be taken."""
        attachment, file = find_attachment(message), None
        if attachment is None and message.text is None:
            return "telegram.form.kinds"
        if attachment is not None:
            try:
                file = await fetch(self._bot, attachment)
            except (FileTooLargeError, FileUnavailableError) as error:
                return FILE_REFUSALS[type(error)]
        return Held(message.message_id, message.text or message.caption, file)

    async def _ask(self, case: OpenCase, held: Held, *, shows: bool = False) -> None:
        """Whether it is meant for the desk, and in which form. ``shows``: what it is, where it does not stand above."""
        texts, language = self._speaker.texts, case.chat.language
        blocks: list[str] = []
        if shows and held.text:
            blocks += under(say(texts.get("telegram.form.said", language), language), quote(held.text))
        if shows and held.file is not None:
            name = quote(f"• {held.file.name}")
            blocks += under(say(texts.get("telegram.form.files", language), language), name)
        if not (case.is_adding and held.has_forms):
            blocks += say(texts.get("telegram.case.held", language, desk=case.desk), language)
        if held.has_forms:
            blocks += self._drawing.forms(language)
        messages = [Outgoing(html) for html in pack(blocks)]
        ways = self._drawing.form_keys(case.chat.language) if held.has_forms else self._keys(case.chat, {"send": SEND})
        messages[-1].rows = [*ways, *self._keys(case.chat, {"drop": DROP})]
        for message in messages:
            sent = await self._tidying.say(case.chat, message, of_return=True)
        case.held[sent.number] = held
        while len(case.held) > MOST_HELD:
            del case.held[next(iter(case.held))]

    async def _decide(self, case: OpenCase, question: int, *, passes_on: bool, copies: str = COPIES[0]) -> None:
        """The answer to one question: about the message that it was asked for, and about no other."""
        held = case.held.get(question)
        if held is not None and passes_on and not await self._add(case, held, copies):
            return
        await self._bot.change_keyboard(case.chat.id, question, [])
        if held is None:
            if question not in case.settled:
                await self._write(case, "telegram.case.held_gone")
            return
        if not passes_on:
            await self._write(case, "telegram.case.dropped", self._keys(case.chat, {"show": SHOW, "close": CLOSE}))
        # Only now, so that a turn that Telegram breaks off can be done again.
        del case.held[question]
        case.settled.add(question)

    async def _add(self, case: OpenCase, held: Held, copies: str = COPIES[0]) -> bool:
        """Pass it on, a file in the chosen form; whether that went."""
        if held.number not in case.added:
            try:
                async with self._bot.typing(case.chat.id):
                    found = await self._cases.add(
                        case.token, language=case.chat.language, text=held.text, file=held.file, copies=copies
                    )
            except HubError as error:
                await self._explain(case, error, held)
                return False
            case.added[held.number] = copies
            case.token = found.token
        keys = self._keys(case.chat, {"show": SHOW, "close": CLOSE})
        form = f"_{case.added[held.number]}" if held.has_forms else ""
        await self._write(case, f"telegram.case.added{form}", keys, desk=case.desk)
        return True

    async def _press(self, case: OpenCase, message_id: int, data: str) -> None:
        chat = case.chat
        if data == ADD:
            case.is_adding = True
            await self._write(case, "telegram.case.add_ask", desk=case.desk)
        elif data == SHOW:
            case.is_adding = False
            await self._show(case, await self._cases.show(case.token, language=chat.language))
        elif data.startswith(FILE):
            await self._hand_out(case, data.removeprefix(FILE))
        elif data.startswith((AGREE, REFUSE)):
            await self._bot.change_keyboard(chat.id, message_id, [])
            await self._answer(case, agrees=data.startswith(AGREE), asked=data.removeprefix(MARK).partition(":")[2])
        elif data in {SEND, DROP}:
            await self._decide(case, message_id, passes_on=data == SEND)
        elif data.startswith(COPY) and data.removeprefix(COPY) in COPIES:
            await self._decide(case, message_id, passes_on=True, copies=data.removeprefix(COPY))
        elif data == OLDER:
            await self._show_older_news(case)
        elif data in {WITHDRAW, WITHDRAW_YES}:
            is_first = data == WITHDRAW
            words, yes = ("ask", WITHDRAW_YES) if is_first else ("ask_again", WITHDRAW_SURE)
            if not is_first:
                await self._bot.change_keyboard(chat.id, message_id, [])
            keys = self._keys(chat, {f"withdraw_{'yes' if is_first else 'sure'}": yes, "withdraw_no": SHOW})
            await self._write(case, f"telegram.case.withdraw_{words}", keys, desk=case.desk)
        elif data == WITHDRAW_SURE:
            await self._cases.withdraw(case.token)
            await self._tidying.drop_receipt(chat)
            await self._end(chat, "telegram.case.withdrawn")
        else:
            await self._speaker.say(chat, "telegram.old_button")

    async def _answer(self, case: OpenCase, *, agrees: bool, asked: str) -> None:
        """The answer to a question for consent; where another one is asked by now, that one is shown instead."""
        language = case.chat.language
        try:
            found = await self._cases.answer(case.token, language=language, agrees=agrees, asked=asked)
        except HubError as error:
            if error.code != "hand_over_changed":
                raise
            await self._write(case, error.text_key)
            found = await self._cases.show(case.token, language=language)
        await self._show(case, found)

    async def _hand_out(self, case: OpenCase, file_id: str) -> None:
        """A file from the desk. It goes from the chat with the rest; what the person saved stays with them."""
        async with self._bot.typing(case.chat.id):
            found = await self._cases.read_file(case.token, file_id)
        file = File(found.name, found.media_type, found.content)
        sent = await self._bot.say_file(case.chat.id, file)
        await self._state.track(case.chat.form_key, sent.number, of_return=True)
        await self._write(case, "telegram.case.file_sent", self._keys(case.chat, {"show": SHOW, "close": CLOSE}))

    async def _drop(self, chat: Chat) -> None:
        """What opened the case opens nothing any more, here or elsewhere."""
        case = self._open.find(chat.id)
        self._open.drop(chat.id)
        self._waiting.drop(chat.id)
        if case is not None:
            await self._cases.close(case.token)

    async def _end(self, chat: Chat, key: str) -> None:
        await self._drop(chat)
        await self._set(chat, None)
        left = await self._tidying.tidy(chat, of_return=True)
        await self._speaker.say(chat, key)
        if left:
            await self._speaker.say(chat, "telegram.form.tidied_partly", count=left)

    async def _explain(self, case: OpenCase, error: HubError, held: Held | None = None) -> None:
        """Why something did not go; where the case is closed on the other side, it closes here, and ``held`` waits."""
        if error.code in {"return_closed", "receipt_unknown"}:
            self._open.drop(case.chat.id)
            self._let_wait(case, held)
            await self._ask_code_again(case.chat)
            return
        reason = f"error.file_{error.values.get('reason')}"
        texts = self._speaker.texts
        known = (key for key in (reason, error.text_key) if texts.has(key, SOURCE_LANGUAGE))
        await self._write(case, next(known, "error.unexpected"), **error.values)

    async def _ask_code(self, chat: Chat, key: str, **values: object) -> None:
        await self._set(chat, Asks.CODE)
        values = {"minutes": MINUTES} | values
        said = await self._speaker.say(chat, key, self._keys(chat, {"cancel": CLOSE}), **values)
        waiting = self._waiting.find(chat.id)
        if waiting is not None:
            waiting.asked_at = said[-1].at

    async def _ask_code_again(self, chat: Chat) -> None:
        is_kept = self._waiting.find(chat.id) is not None
        await self._ask_code(chat, "telegram.case.closed_kept" if is_kept else "telegram.case.closed_meanwhile")

    def _let_wait(self, case: OpenCase, held: Held | None = None) -> None:
        """What nobody decided on waits for the code."""
        waiting = self._waiting.find(case.chat.id) or Waiting()
        undecided = [*waiting.held, *case.held.values(), *([held] if held is not None else [])]
        if undecided:
            waiting.held = list({one.number: one for one in undecided}.values())[-MOST_HELD:]
            self._waiting.put(case.chat.id, waiting)

    def _is_meant(self, chat: Chat, row: TelegramForm | None) -> bool:
        if row is None or row.asks != Asks.CASE:
            return False
        return self._open.find(chat.id) is not None or self._state.silent_for(row) <= STAYS_MEANT

    def _was_sent_before_asking(self, chat: Chat, message: Message) -> bool:
        """The rest of an album, or of several messages: sent before the person could read that the code is wanted."""
        waiting = self._waiting.find(chat.id)
        return waiting is not None and waiting.asked_at is not None and message.date <= waiting.asked_at

    async def _set(self, chat: Chat, asks: Asks | None) -> None:
        row = await self._state.get(chat.form_key)
        row.asks = asks
        row.is_last = False
        await self._state.save(row)

    # What is shown

    async def _show(self, case: OpenCase, found: ReporterCase) -> None:
        case.token, case.desk = found.token, found.desk
        self._open.put(case.chat.id, case)
        html = pack(self._drawing.case(found, case.chat.language))
        keys = self._keys(case.chat, {"add": ADD, "withdraw": WITHDRAW, "close": CLOSE})
        files = [file for message in found.messages for file in message.files]
        keys = [[self._drawing.file_key(file, case.chat.language)] for file in files] + keys
        if len(found.news) > NEWEST_NEWS:
            keys = self._keys(case.chat, {"older": OLDER}) + keys
        if found.asked is not None:
            mark = f":{found.asked_mark}"
            keys = self._keys(case.chat, {"agree": AGREE + mark, "refuse": REFUSE + mark}) + keys
        for number, part in enumerate(html, start=1):
            rows = keys if number == len(html) else []
            sent = await self._tidying.say(case.chat, Outgoing(part, rows), of_return=True)
            case.shown = sent.number

    async def _show_older_news(self, case: OpenCase) -> None:
        """All that changed in earlier periods."""
        found = await self._cases.show(case.token, language=case.chat.language)
        older = found.news[NEWEST_NEWS:]
        if not older:
            await self._show(case, found)
            return
        case.token = found.token
        html = pack(self._drawing.news(older, case.chat.language))
        keys = self._keys(case.chat, {"show": SHOW, "close": CLOSE})
        for number, part in enumerate(html, start=1):
            rows = keys if number == len(html) else []
            await self._tidying.say(case.chat, Outgoing(part, rows), of_return=True)

    async def _write(self, case: OpenCase, key: str, rows: Rows | None = None, /, **values: object) -> None:
        values = {"most": MOST_MEGABYTES} | values
        for message in self._speaker.sentence(case.chat, key, rows, **values):
            await self._tidying.say(case.chat, message, of_return=True)

    def _keys(self, chat: Chat, names: dict[str, str]) -> Rows:
        return [[self._speaker.button(chat, f"telegram.case.{name}", data)] for name, data in names.items()]
