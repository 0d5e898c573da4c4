"""What the composer's pages need beside the database: previews of every form, and a test to oneself.

A preview is written by the same composer as what is sent, from texts that may not be saved yet. Its links are signed
for nobody, so they do nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import (
    ChannelUnavailableError,
    DeliveryChannel,
    File,
    ReadyChat,
    ReadyMail,
    ReadyMessage,
    RecipientRefusedError,
)
from core.clock import Clock
from knowledge.schema import CityFact
from subscriptions.broadcasts.drafts import list_texts
from subscriptions.broadcasts.errors import TestNotSentError
from subscriptions.broadcasts.release import needs_second_person
from subscriptions.broadcasts.texts import Drafting
from subscriptions.composing import HubComposer
from subscriptions.material import Material, Reader
from subscriptions.models import (
    Address,
    Attachment,
    Broadcast,
    BroadcastText,
    ChannelName,
    Delivery,
    Event,
    Frequency,
    TextState,
)
from subscriptions.rules import Cause, Rule, Said
from subscriptions.subscribers import new_id
from subscriptions.topics import Topics

NOBODY = "preview"

type ChatParts = Callable[[ReadyChat], Sequence[str]]
"""The messages of a chat as safe HTML, as that channel would show them."""


@dataclass(frozen=True)
class Workshop:
    """One for each process."""

    topics: Topics
    cities: Mapping[str, CityFact]
    composer: HubComposer
    clock: Clock
    mail: DeliveryChannel[ReadyMail] | None = None
    chat: DeliveryChannel[ReadyChat] | None = None
    """None while Telegram is off."""
    chat_parts: ChatParts | None = None
    drafting: Drafting | None = None
    """None where no translation is installed."""

    def targets(self, source: str) -> list[str]:
        """Languages into which a machine can draft."""
        return list(self.drafting.targets(source)) if self.drafting is not None else []

    async def preview(
        self,
        session: AsyncSession,
        broadcast: Broadcast,
        *,
        language: str,
        channel: ChannelName = ChannelName.EMAIL,
        name: str,
        time_zone: str,
        unsaved: BroadcastText | None = None,
    ) -> ReadyMessage | None:
        """The message as somebody with this name and language would get it; None: there are no words yet."""
        texts = await list_texts(session, broadcast.id)
        if unsaved is not None:
            texts[unsaved.language] = unsaved
        if broadcast.original_language not in texts:
            return None
        reader = Reader(f"{NOBODY}@hub.invalid" if channel is ChannelName.EMAIL else "0", name, time_zone, None)
        row = self._row(broadcast, language, channel)
        material = await self._material(session, broadcast, texts, row, reader)
        return self.composer.preview(row, reader, material)

    async def send_test(
        self, session: AsyncSession, broadcast: Broadcast, *, language: str, email: str, name: str, time_zone: str
    ) -> list[ChannelName]:
        """Send it to oneself: by mail, and by Telegram where this mail address's owner linked it. What was sent.

        Nothing is counted. Raises TestNotSentError.
        """
        sent: list[ChannelName] = []
        ready = await self.preview(session, broadcast, language=language, name=name, time_zone=time_zone)
        if not isinstance(ready, ReadyMail) or self.mail is None:
            raise TestNotSentError(reason="")
        try:
            await self.mail.send(replace(ready, id=new_id(), to=email, list_id=None, unsubscribe_url=None))
            sent.append(ChannelName.EMAIL)
            chat_id = await _find_chat(session, email)
            if chat_id is not None and self.chat is not None:
                chat = await self.preview(
                    session,
                    broadcast,
                    language=language,
                    channel=ChannelName.TELEGRAM,
                    name=name,
                    time_zone=time_zone,
                )
                if isinstance(chat, ReadyChat):
                    await self.chat.send(replace(chat, id=new_id(), to=chat_id))
                    sent.append(ChannelName.TELEGRAM)
        except (ChannelUnavailableError, RecipientRefusedError) as error:
            raise TestNotSentError(reason=str(error)) from None
        return sent

    def _row(self, broadcast: Broadcast, language: str, channel: ChannelName) -> Delivery:
        topic = next(iter([*broadcast.topics_any, *broadcast.topics_all]), None)
        if needs_second_person(broadcast, self.topics):
            cause = Cause(Rule.MANDATORY, topic, said=Said.MEMBERSHIP)
        elif broadcast.event_id is not None and topic is None:
            cause = Cause(Rule.GUEST)
        else:
            cause = Cause(Rule.TOPIC, topic, Frequency.AT_ONCE, Said.SUBSCRIPTION)
        now = self.clock.now()
        return Delivery(
            id=NOBODY,
            message=f"broadcast/{broadcast.id}",
            address_id=NOBODY,
            subscriber_id=NOBODY,
            broadcast_id=broadcast.id,
            channel=channel,
            language=language,
            because=cause.as_data(),
            due_at=now,
            created_at=now,
        )

    async def _material(
        self,
        session: AsyncSession,
        broadcast: Broadcast,
        texts: Mapping[str, BroadcastText],
        row: Delivery,
        reader: Reader,
    ) -> Material:
        material = Material(
            readers={row.address_id: reader}, broadcasts={broadcast.id: broadcast}, texts={broadcast.id: texts}
        )
        if broadcast.event_id is not None and (event := await session.get(Event, broadcast.event_id)) is not None:
            material.events = {event.id: event}
        files = await session.exec(select(Attachment).where(Attachment.broadcast_id == broadcast.id))
        found = tuple(File(file.name, file.media_type, file.content) for file in files)
        material.files = {broadcast.id: found} if found else {}
        return material


def unsaved_text(broadcast: Broadcast, language: str, *, subject: str, body: str, clock: Clock) -> BroadcastText:
    """A text as it is being typed, for a preview."""
    state = TextState.ORIGINAL if language == broadcast.original_language else TextState.APPROVED
    return BroadcastText(
        broadcast_id=broadcast.id,
        language=language,
        state=state,
        subject=" ".join(subject.split()) or "…",
        body=body,
        changed_at=clock.now(),
    )


async def _find_chat(session: AsyncSession, email: str) -> str | None:
    mine = select(Address.subscriber_id).where(Address.channel == ChannelName.EMAIL, Address.value == email.lower())
    owner = (await session.exec(mine)).first()
    query = select(Address).where(Address.subscriber_id == owner, Address.channel == ChannelName.TELEGRAM)
    found = (await session.exec(query)).first() if owner is not None else None
    return found.value if found is not None and found.suppressed_at is None else None
