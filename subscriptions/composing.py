"""The composer: writes the messages of a batch of deliveries, by mail and by chat.

What the readers of a broadcast share is laid out once for each language and reason; a reader's own name and signed
links are filled in. Only reads. A message that has no words, or whose reader is gone, is left out.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import Button, Calendar, Link, ReadyChat, ReadyMail, ReadyMessage, Reply
from channels.letter import Letter, MailLayout, Pattern, isolated, one_line
from core.clock import Clock
from core.languages import RELEASED
from core.markdown import escape
from core.texts import Texts
from subscriptions import pages
from subscriptions.letters import LetterWriter, PlaceName, opens_once, opinion_topics, slot_channel
from subscriptions.links import ALL, LinkContent, LinkPurpose, Links
from subscriptions.material import Library, Material, Reader
from subscriptions.message_answers import Opinion
from subscriptions.models import BroadcastKind, ChannelName, Delivery, Event
from subscriptions.pages import Pages
from subscriptions.reasons import can_be_stopped, kind_of, topic_title
from subscriptions.rhythm import zone_of

log = logging.getLogger(__name__)

MOST_KEPT = 512
"""Layouts in memory: a broadcast has one for each language and reason."""
ONCE_PAGES = {
    "confirm": pages.CONFIRM,
    "preferences": pages.SIGN_IN,
    "telegram": pages.TELEGRAM,
    "handover": pages.HANDOVER,
}
WITH_CALENDAR = frozenset({BroadcastKind.EVENT, BroadcastKind.EVENT_CHANGE})


class Invitations(Protocol):
    """Writes calendar entries (RFC 5545)."""

    def write(
        self,
        event: Event,
        *,
        language: str,
        name: str,
        address: str,
        answer: str | None = None,
        subscriber_id: str = "",
    ) -> Calendar:
        """The entry for one guest, who said ``answer``: REQUEST, or CANCEL for an event that was cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class _MailShape:
    """A mail as far as its readers share it."""

    subject: str
    language: str
    html: Pattern
    text: Pattern
    slots: frozenset[str]
    list_id: str | None
    list_name: str


@dataclass(frozen=True, slots=True)
class _ChatShape:
    """A message to a chat as far as its readers share it."""

    markdown: str
    language: str
    because: str
    links: tuple[tuple[str, Pattern], ...]
    is_machine: bool
    buttons: tuple[Button, ...] = ()


class HubComposer:
    """A ``preparing.Composer``. ``team_address`` is where readers can write to."""

    def __init__(
        self,
        *,
        texts: Texts,
        links: Links,
        clock: Clock,
        layout: MailLayout,
        public_url: str,
        team_address: str,
        place_name: PlaceName,
        invitations: Invitations | None = None,
    ) -> None:
        self._texts = texts
        self._links = links
        self._clock = clock
        self._layout = layout
        self._pages = Pages(public_url.rstrip("/"))
        self._writer = LetterWriter(texts, place_name, team_address)
        self._team_address = team_address
        self._invitations = invitations
        self._library = Library()
        self._mails: OrderedDict[tuple[object, ...], _MailShape] = OrderedDict()
        self._chats: OrderedDict[tuple[object, ...], _ChatShape] = OrderedDict()

    async def compose(self, session: AsyncSession, deliveries: Sequence[Delivery]) -> Mapping[str, ReadyMessage]:
        """Ready messages by the id of their delivery."""
        material = await self._library.load(session, deliveries)
        messages: dict[str, ReadyMessage] = {}
        for row in deliveries:
            reader = material.readers.get(row.address_id)
            message = self._compose_one(row, reader, material) if reader is not None else None
            if message is not None:
                messages[row.id] = message
        return messages

    def preview(self, row: Delivery, reader: Reader, material: Material) -> ReadyMessage | None:
        """A message as this reader would get it, from material that need not be in the database yet."""
        return self._compose_one(row, reader, material)

    def _compose_one(self, row: Delivery, reader: Reader, material: Material) -> ReadyMessage | None:
        if row.channel == ChannelName.TELEGRAM:
            return self._compose_chat(row, reader, material)
        return self._compose_mail(row, reader, material)

    # Mail

    def _compose_mail(self, row: Delivery, reader: Reader, material: Material) -> ReadyMail | None:
        shape = self._mail_shape(row, reader, material)
        if shape is None:
            return None
        own = self._own(row, shape.slots)
        own["name"] = isolated(reader.name)
        kind = kind_of(row.message)
        stop = own.get("unsubscribe") or (self._unsubscribe_url(row) if can_be_stopped(kind, row.because) else None)
        event = material.event_for(row)
        address = str(row.parts.get("to") or reader.address)
        return ReadyMail(
            id=row.id,
            to=address,
            name=one_line(reader.name),
            language=shape.language,
            subject=shape.subject,
            text=shape.text.fill(own),
            html=shape.html.fill(own),
            list_id=shape.list_id if stop else None,
            list_name=shape.list_name if stop else "",
            unsubscribe_url=stop,
            reply_to=self._team_address or None,
            follows=material.invitations.get((row.address_id, event.id)) if event is not None else None,
            calendar=self._calendar(row, reader, material, event, address),
            files=material.files.get(row.broadcast_id or "", ()),
        )

    def _mail_shape(self, row: Delivery, reader: Reader, material: Material) -> _MailShape | None:
        def lay_out(letter: Letter) -> _MailShape:
            html, text = self._layout.html(letter), self._layout.text(letter)
            topic = str(row.because.get("topic") or "") or kind_of(row.message)
            name = topic_title(self._texts, topic, row.language) if row.because.get("topic") else letter.sender
            slots = frozenset((*html.names, *text.names)) - {"name"}
            return _MailShape(letter.title, letter.title_language, html, text, slots, topic, name)

        return self._shape(self._mails, lay_out, row, reader, material)

    def _calendar(
        self, row: Delivery, reader: Reader, material: Material, event: Event | None, address: str
    ) -> Calendar | None:
        broadcast = material.broadcasts.get(row.broadcast_id or "")
        if (
            self._invitations is None
            or event is None
            or (broadcast is not None and broadcast.kind not in WITH_CALENDAR)
        ):
            return None
        answer = material.answers.get((row.subscriber_id, event.id))
        name = one_line(reader.name)
        return self._invitations.write(
            event,
            language=row.language,
            name=name,
            address=address,
            answer=answer,
            subscriber_id=row.subscriber_id,
        )

    # Chat

    def _compose_chat(self, row: Delivery, reader: Reader, material: Material) -> ReadyChat | None:
        shape = self._shape(self._chats, _as_chat, row, reader, material)
        if shape is None:
            return None
        own = self._own(row, frozenset(name for _, pattern in shape.links for name in pattern.names))
        links = [Link(title=title, url=pattern.fill(own)) for title, pattern in shape.links]
        reply = Reply(
            id=row.id,
            text=shape.because,
            links=links,
            buttons=list(shape.buttons),
            language=shape.language,
            machine_translated=shape.is_machine,
        )
        files = material.files.get(row.broadcast_id or "", ())
        return ReadyChat(id=row.id, to=reader.address, reply=reply, markdown=shape.markdown, files=files)

    # What both share

    def _shape[Shape](
        self,
        kept: OrderedDict[tuple[object, ...], Shape],
        lay_out: Callable[[Letter], Shape],
        row: Delivery,
        reader: Reader,
        material: Material,
    ) -> Shape | None:
        """Laid out now or before; messages for one reader alone are not kept."""
        key = _key(row, reader, material)
        if key is not None and key in kept:
            kept.move_to_end(key)
            return kept[key]
        # The reader's own day: near midnight it is another one than here.
        today = self._clock.now().astimezone(zone_of(reader.time_zone)).date()
        letter = self._writer.write(row, reader, material, today)
        if letter is None:
            log.error("delivery_without_words delivery=%s language=%s", row.id, row.language)
            return None
        shape = lay_out(letter)
        if key is not None:
            kept[key] = shape
            while len(kept) > MOST_KEPT:
                kept.popitem(last=False)
        return shape

    def _own(self, row: Delivery, slots: frozenset[str]) -> dict[str, str]:
        """This reader's values for the slots of a message."""
        return {name: self._value(row, name) for name in slots}

    def _value(self, row: Delivery, name: str) -> str:
        channel, language = slot_channel(row), {"lang": row.language} if row.language in RELEASED else {}
        topic = str(row.because.get("topic") or ALL)
        content = LinkContent(row.subscriber_id, topic, channel, row.id)
        match name:
            case "unsubscribe":
                return self._unsubscribe_url(row)
            case "preferences":
                token = self._links.sign(LinkPurpose.PREFERENCES, LinkContent(row.subscriber_id, channel=channel))
                return self._pages.url(pages.PREFERENCES, token, **language)
            case "useful" | "not_for_us":
                # Nobody stands in it: opinions are counted by topic, without names.
                token = self._links.sign(LinkPurpose.OPINION, LinkContent("", topic, channel, row.id))
                return self._pages.url(pages.OPINION, token, say=name, **language)
            case "ask":
                return self._pages.url(pages.ASK, self._links.sign(LinkPurpose.ASK, content), **language)
            case "successor":
                return self._pages.url(pages.SUCCESSOR, self._links.sign(LinkPurpose.SUCCESSOR, content), **language)
            case "once" if opens_once(kind_of(row.message)):
                token = self._links.sign_once(str(row.parts["number"]))
                return self._pages.url(ONCE_PAGES[kind_of(row.message)], token, **language)
        opinion, _, number = name.rpartition("_")
        if opinion in set(Opinion) and number.isdecimal():
            about = LinkContent("", opinion_topics(row)[int(number)], channel, row.id)
            return self._pages.url(pages.OPINION, self._links.sign(LinkPurpose.OPINION, about), say=opinion, **language)
        if name.startswith("file_"):
            # Nobody stands in it: it opens one file, for whoever the message is passed on to as well.
            token = self._links.sign(
                LinkPurpose.FILE, LinkContent("", channel=channel, about=name.removeprefix("file_"))
            )
            return self._pages.url(pages.FILE, token, **language)
        if name.startswith("answer_"):
            said, _, event_id = name.removeprefix("answer_").partition("_")
            token = self._links.sign(LinkPurpose.ANSWER_EVENT, replace(content, about=event_id))
            return self._pages.url(pages.EVENT_ANSWER, token, **({} if said == "any" else {"say": said}), **language)
        raise KeyError(name)

    def _unsubscribe_url(self, row: Delivery) -> str:
        """Ends one topic, or the digests of one rhythm, or what the person got this by; nothing else."""
        about = f"digest/{row.parts.get('frequency', '')}" if kind_of(row.message) == "digest" else row.id
        topic = str(row.because.get("topic") or ALL)
        content = LinkContent(row.subscriber_id, topic, slot_channel(row), about)
        language = {"lang": row.language} if row.language in RELEASED else {}
        return self._pages.url(pages.UNSUBSCRIBE, self._links.sign(LinkPurpose.UNSUBSCRIBE, content), **language)


def _key(row: Delivery, reader: Reader, material: Material) -> tuple[object, ...] | None:
    """Equal for messages that differ in their slots only; None for what is one reader's alone."""
    kind = kind_of(row.message)
    if row.broadcast_id is not None:
        reading, event = material.read(row.broadcast_id, row.language), material.event_of(row.broadcast_id)
        moment = (event.sequence, event.changed_at, event.cancelled_at, reader.time_zone) if event else ()
        return (row.broadcast_id, row.language, json.dumps(row.because, sort_keys=True), reading, moment)
    if kind not in {"confirm", "preferences", "telegram"}:
        return None
    return (kind, row.language, *row.parts.get("topics", ()))


def _as_chat(letter: Letter) -> _ChatShape:
    blocks = [f"# {escape(letter.title)}"]
    for section in letter.sections:
        blocks += [f"## {escape(section.group)}"] if section.group else []
        blocks += [f"*{escape(section.note)}*"] if section.note else []
        blocks += [f"### {escape(section.heading)}"] if section.heading else []
        blocks += ["  \n".join(f"**{escape(name)}:** {_fact(value)}" for name, value in section.facts)]
        blocks += [section.markdown]
    for_sections = (
        replace(line, title=f"{line.title} ({section.heading})")
        for section in letter.sections
        for line in section.actions
    )
    lines = (*for_sections, *letter.actions, *letter.opinions, *letter.links)
    links = tuple((line.title, Pattern(line.url, is_html=False)) for line in lines if not line.payload)
    buttons = tuple(Button(title=line.title, payload=line.payload) for line in lines if line.payload)
    is_machine = any(section.is_marked for section in letter.sections)
    body = "\n\n".join(block for block in blocks if block)
    return _ChatShape(body, letter.language, letter.because, links, is_machine, buttons)


def _fact(value: str) -> str:
    return value if value.startswith(("https://", "http://")) else escape(value)
