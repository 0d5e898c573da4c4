"""Answers to invitations by the buttons of a chat, from whoever connected that chat."""

from __future__ import annotations

from channels.base import Link, Reply
from channels.letter import isolated, one_line
from core.clock import Clock
from core.database import Database
from core.errors import HubError
from core.texts import Texts
from subscriptions import pages
from subscriptions.errors import EventNotFoundError, SubscriberNotFoundError
from subscriptions.event_entries import send_entry
from subscriptions.event_words import EventWords
from subscriptions.events import title_of
from subscriptions.guests import Answered, GuestAnswer, answer_event, find_guest
from subscriptions.links import LinkContent, LinkPurpose, Links
from subscriptions.models import ChannelName
from subscriptions.pages import Pages
from subscriptions.subscribers import find_by_address

SAID = frozenset({GuestAnswer.YES, GuestAnswer.MAYBE, GuestAnswer.NO})


class ChatUnknownError(HubError):
    """Nobody has connected this chat."""

    code = "chat_unknown"
    status = 403
    sentence = "event.telegram.unknown"


class EventPresses:
    """The ``EventAnswers`` of the Telegram channel."""

    def __init__(self, database: Database, clock: Clock, *, texts: Texts, links: Links, public_url: str) -> None:
        self._database = database
        self._clock = clock
        self._texts = texts
        self._links = links
        self._pages = Pages(public_url.rstrip("/"))

    async def answer(self, chat_id: int, event_id: str, said: str, *, language: str) -> Reply | None:
        """Note it; what is told then, None where it stood so already.

        Raises ChatUnknownError, EventNotFoundError, RegistrationClosedError.
        """
        if said not in SAID:
            raise EventNotFoundError
        async with self._database.session() as session:
            found = await find_by_address(session, ChannelName.TELEGRAM, str(chat_id))
            if found is None or found[0].left_at is not None or found[1].confirmed_at is None:
                raise ChatUnknownError
            person_id = found[0].id
            before = await find_guest(session, event_id, person_id)
            stood = before.answer if before else None
            # What was read must not hold up the write that follows.
            await session.rollback()
            try:
                answered = await answer_event(session, event_id, person_id, GuestAnswer(said), clock=self._clock)
            except SubscriberNotFoundError:
                raise ChatUnknownError from None
            await send_entry(session, answered, clock=self._clock)
        if answered.guest.answer == stood and answered.opens_at is None:
            return None
        return self._tell(answered, person_id, language)

    def _tell(self, answered: Answered, subscriber_id: str, language: str) -> Reply:
        event, opens_at = answered.event, answered.opens_at
        title, its_language = title_of(event, language)
        shown = one_line(title) if its_language == language else isolated(title)
        name = "early" if opens_at else answered.guest.answer
        when = EventWords(self._texts).moment(opens_at, event.time_zone, language) if opens_at else ""
        text = self._texts.get(f"event.telegram.done_{name}", language, title=shown, when=when)
        links = []
        if answered.guest.answer != GuestAnswer.NO:
            content = LinkContent(subscriber_id, channel=ChannelName.TELEGRAM, about=event.id)
            token = self._links.sign(LinkPurpose.ANSWER_EVENT, content)
            address = self._pages.url(pages.EVENT_ANSWER, token, lang=language)
            links.append(Link(title=self._texts.get("event.telegram.needs", language), url=address))
        return Reply(text=text, links=links, language=language)
