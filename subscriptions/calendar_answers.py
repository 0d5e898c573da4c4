"""Answers that come from calendars by mail. Each is an answer of the event's page, or nothing at all.

Anybody can write a mail in another's name. One counts only if it came to the address that stands in that guest's own
entry and in no other, from the mail address that was invited, in that guest's name, for the event as it is now.
"""

from __future__ import annotations

import logging

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import CalendarAnswer, CalendarAnswerSource, ChannelUnavailableError
from core.clock import Clock
from core.database import Database
from subscriptions.errors import LinkExpiredError, RegistrationClosedError
from subscriptions.event_entries import queue_note
from subscriptions.guests import GuestAnswer, answer_event, find_guest
from subscriptions.links import Links
from subscriptions.models import Address, ChannelName, Event, Subscriber
from subscriptions.subscribers import list_addresses

log = logging.getLogger(__name__)

SAID = {
    "ACCEPTED": GuestAnswer.YES,
    "TENTATIVE": GuestAnswer.MAYBE,
    "DECLINED": GuestAnswer.NO,
}


async def note_calendar_answers(database: Database, source: CalendarAnswerSource, *, links: Links, clock: Clock) -> int:
    """Read what came in and note it; returns how many answers counted."""
    try:
        found = await source.fetch()
    except ChannelUnavailableError as away:
        log.warning("mailbox_away reason=%s", away)
        return 0
    counted = 0
    for answer in found:
        async with database.session() as session:
            counted += await note_answer(session, answer, links=links, clock=clock)
    await source.finish(found)
    return counted


async def note_answer(session: AsyncSession, answer: CalendarAnswer, *, links: Links, clock: Clock) -> bool:
    """Whether an answer counted. Where it became something else than the guest's calendar shows, they are told.

    The same one twice changes nothing. Commits.
    """
    event = (await session.exec(select(Event).where(Event.uid == answer.event_uid))).first()
    said = SAID.get(answer.standing)
    person = await _find_guest(session, answer, links=links) if event is not None and said is not None else None
    if event is None or said is None or person is None:
        log.info("calendar_answer_ignored")
        return False
    event_id, person_id = event.id, person.id
    is_to_come = event.cancelled_at is None and event.starts_at > clock.now()
    if answer.sequence < event.sequence:
        # An answer to what the event was before says nothing of what it is now; the guest's calendar says otherwise.
        log.info("calendar_answer_outdated event=%s", event_id)
        if is_to_come:
            about = f"older-{event.sequence}"
            await queue_note(session, event_id, person_id, "older", about=about, now=clock.now())
        return False
    guest = await find_guest(session, event_id, person_id)
    before = guest.answer if guest is not None else None
    await session.commit()
    try:
        answered = await answer_event(session, event_id, person_id, said, clock=clock)
    except RegistrationClosedError:
        await session.rollback()
        if said is GuestAnswer.YES and is_to_come:
            await queue_note(session, event_id, person_id, "closed", now=clock.now())
        return False
    log.info("calendar_answer_noted event=%s", event_id)
    became = answered.guest.answer
    if said is GuestAnswer.YES and became not in {GuestAnswer.YES, before}:
        word = "waiting" if became == GuestAnswer.WAITING else "early"
        await queue_note(session, event_id, person_id, word, now=clock.now())
    return True


async def _find_guest(session: AsyncSession, answer: CalendarAnswer, *, links: Links) -> Subscriber | None:
    """Whose answer it is, where everything fits."""
    try:
        person_id = links.read_guest(answer.event_uid, answer.token)
    except LinkExpiredError:
        return None
    address = (await list_addresses(session, person_id)).get(ChannelName.EMAIL)
    person = await session.get(Subscriber, person_id)
    if person is None or person.left_at is not None or not _is_theirs(address, answer):
        return None
    return person


def _is_theirs(address: Address | None, answer: CalendarAnswer) -> bool:
    return address is not None and address.value == answer.sender == answer.guest
