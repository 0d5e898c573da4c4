"""What is written about an event by itself: changes, cancellation, reminders, that registration has opened.

Each is a broadcast to the event's guests (``rules.Rule.GUEST``), in the words of the catalogue in every released
language, so that nobody waits for a translation. Changes and a cancellation reach also who was invited and said
nothing. The invitation is a draft for the team. Every function commits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.letter import isolated, one_line
from core.clock import Clock
from core.languages import RELEASED, SOURCE_LANGUAGE
from core.markdown import escape
from core.texts import Texts, labelled
from subscriptions.event_words import EventWords
from subscriptions.events import Changed, title_of
from subscriptions.guests import GuestAnswer, find_opening
from subscriptions.invited import is_anybody_undecided
from subscriptions.models import Broadcast, BroadcastKind, BroadcastStatus, BroadcastText, Event, Guest, TextState
from subscriptions.placing import insert_new
from subscriptions.rules import GUEST_ANSWERS
from subscriptions.subscribers import new_id

REMINDED_AT = time(9, 0)
"""By the event's own clock."""
SHORTLY_BEFORE = timedelta(hours=2)
"""A reminder on the day comes this long before at the latest."""
STILL_USEFUL = timedelta(days=2)
"""A reminder whose hour is longer over, since the hub was off, is left out."""
BY_ITSELF = "hub"
"""``Broadcast.created_by`` of what no operator wrote."""
UNSENT = (BroadcastStatus.SCHEDULED, BroadcastStatus.SENDING, BroadcastStatus.PAUSED)
DRAFTS = (BroadcastStatus.DRAFT, BroadcastStatus.IN_REVIEW)

type Words = Mapping[str, tuple[str, str]]
"""Subject and body (Markdown) by language."""


@dataclass(frozen=True, slots=True)
class EventNotices:
    """Writes to guests."""

    texts: Texts

    async def tell_change(
        self, session: AsyncSession, changed: Changed, *, note: str = "", by: str, clock: Clock
    ) -> Broadcast | None:
        """Tell guests and the invited what is new; None where there are none.

        What was not sent yet of an earlier change is not.
        """
        event = changed.event
        await _stop(session, event, (BroadcastKind.EVENT_CHANGE, BroadcastKind.REMINDER), UNSENT)
        if not await _is_anybody_concerned(session, event):
            await session.commit()
            return None
        words = {language: self._change(changed, note, language) for language in self._languages("changed")}
        return await _send(session, event, BroadcastKind.EVENT_CHANGE, words, by=by, clock=clock)

    async def tell_cancellation(
        self, session: AsyncSession, event: Event, *, note: str = "", by: str, clock: Clock
    ) -> Broadcast | None:
        """Tell guests and the invited that it will not take place, once; nobody is invited to it any more."""
        await _stop(session, event, tuple(BroadcastKind), (*UNSENT, *DRAFTS), but=_id_of("cancelled", event))
        if not await _is_anybody_concerned(session, event):
            await session.commit()
            return None
        words = {
            language: self._words("cancelled", event, language, note=note) for language in self._languages("cancelled")
        }
        name = _id_of("cancelled", event)
        return await _send(session, event, BroadcastKind.EVENT_CHANGE, words, by=by, clock=clock, name=name)

    async def send_due_reminders(self, session: AsyncSession, *, clock: Clock) -> int:
        """Remind the guests of each event on the days that the team set; once each. Returns how many were begun."""
        now, sent = clock.now(), 0
        coming = select(Event).where(col(Event.starts_at) > now, col(Event.cancelled_at).is_(None))
        for event in list(await session.exec(coming)):
            day = due_reminder(event, now)
            if day is None or not await _list_guests(session, event, GUEST_ANSWERS):
                continue
            name = _id_of(f"reminder/{day}/{event.starts_at.isoformat()}", event)
            if await session.get(Broadcast, name) is None:
                days = _days_left(event, now)
                words = {language: self._remind(event, days, language) for language in self._languages("reminder")}
                await _send(session, event, BroadcastKind.REMINDER, words, by=BY_ITSELF, clock=clock, name=name)
                sent += 1
        return sent

    async def tell_openings(self, session: AsyncSession, *, clock: Clock) -> int:
        """Tell who wanted to come before registration opened that it has; once. Returns for how many events."""
        now, told = clock.now(), 0
        opened = select(Event).where(
            col(Event.registration_opens_at) <= now, col(Event.starts_at) > now, col(Event.cancelled_at).is_(None)
        )
        for event in list(await session.exec(opened)):
            name = _id_of("opening", event)
            if await session.get(Broadcast, name) is not None or await find_opening(session, event, now=now):
                continue
            early = await _list_guests(session, event, {GuestAnswer.MAYBE}, before=event.registration_opens_at)
            if early:
                words = {code: self._words("opening", event, code) for code in self._languages("opening")}
                await _send(
                    session, event, BroadcastKind.REMINDER, words, by=BY_ITSELF, clock=clock, name=name, only=early
                )
                told += 1
        return told

    # Words

    def _languages(self, name: str) -> list[str]:
        return [code for code in RELEASED if self.texts.has(f"event.notice.{name}", code)]

    def _change(self, changed: Changed, note: str, language: str) -> tuple[str, str]:
        subject, body = self._words("changed", changed.event, language, note=note)
        words, event = EventWords(self.texts), changed.event
        old = Event(**(event.model_dump() | dict(changed.before)))
        now = set(words.facts(event, language, event.time_zone))
        before = [fact for fact in words.facts(old, language, event.time_zone) if fact not in now]
        if _is_renamed(event, old, language):
            before.insert(0, (self.texts.get("event.fact.title", language), _title(old, language)))
        if before:
            lines = "\n".join(f"- {labelled(escape(name), escape(value), language)}" for name, value in before)
            body += f"\n\n{escape(self._say('before', language))}\n\n{lines}"
        return subject, body

    def _remind(self, event: Event, days: int, language: str) -> tuple[str, str]:
        title = _title(event, language)
        name = "reminder_subject" if days else "reminder_subject_today"
        subject = self.texts.get(f"event.notice.{name}", language, count=days, title=title)
        return subject, escape(self._say("reminder", language))

    def _words(self, name: str, event: Event, language: str, *, note: str = "") -> tuple[str, str]:
        body = escape(self._say(name, language))
        if note.strip():
            quoted = "\n".join(f"> {escape(line)}" for line in note.strip().splitlines())
            body += f"\n\n{escape(self._say('note', language))}\n\n{quoted}"
        return self.texts.get(f"event.notice.{name}_subject", language, title=_title(event, language)), body

    def _say(self, name: str, language: str) -> str:
        return self.texts.get(f"event.notice.{name}", language)


def due_reminder(event: Event, now: datetime) -> int | None:
    """The reminder (days before) whose hour has come, the nearest to the event; None: there is none now."""
    zone = ZoneInfo(event.time_zone)
    starts_on = event.starts_at.astimezone(zone).date()
    for day in sorted(event.reminder_days):
        at = datetime.combine(starts_on - timedelta(days=day), REMINDED_AT, zone)
        at = min(at, event.starts_at - SHORTLY_BEFORE)
        if at <= now < event.starts_at:
            return day if now - at < STILL_USEFUL else None
    return None


def invitation_texts(event: Event) -> tuple[str, dict[str, tuple[str, str]]]:
    """The language of the original, and subject and body by language, of an invitation in the event's own words."""
    written = {
        code: (one_line(title), event.descriptions.get(code, "")) for code, title in event.titles.items() if title
    }
    original = SOURCE_LANGUAGE if SOURCE_LANGUAGE in written else next(iter(written), SOURCE_LANGUAGE)
    complete = {code: words for code, words in written.items() if words[1] or code == original}
    return original, {code: (title, body or escape(title)) for code, (title, body) in complete.items()}


async def list_invitations(session: AsyncSession, event_id: str) -> list[Broadcast]:
    """The invitations to an event, the newest first."""
    query = select(Broadcast).where(Broadcast.event_id == event_id, Broadcast.kind == BroadcastKind.EVENT)
    return list(await session.exec(query.order_by(col(Broadcast.created_at).desc())))


def _title(event: Event, language: str) -> str:
    title, its_language = title_of(event, language)
    return one_line(title) if its_language == language else isolated(title)


def _is_renamed(event: Event, old: Event, language: str) -> bool:
    """Whether the title that a language's readers know is no more; one that was only translated for them is still."""
    known, its_language = title_of(old, language)
    return known not in {event.titles.get(its_language), title_of(event, language)[0]}


def _days_left(event: Event, now: datetime) -> int:
    zone = ZoneInfo(event.time_zone)
    return (event.starts_at.astimezone(zone).date() - now.astimezone(zone).date()).days


def _id_of(what: str, event: Event) -> str:
    """The same for the same notice, so that it is written once, whoever tries."""
    return hashlib.sha256(f"event-notice/{event.id}/{what}".encode()).hexdigest()[:32]


async def _list_guests(
    session: AsyncSession, event: Event, answers: frozenset[str] | set[GuestAnswer], *, before: datetime | None = None
) -> list[str]:
    query = select(Guest.subscriber_id).where(Guest.event_id == event.id, col(Guest.answer).in_(answers))
    if before is not None:
        query = query.where(col(Guest.answered_at) <= before)
    return list(await session.exec(query))


async def _is_anybody_concerned(session: AsyncSession, event: Event) -> bool:
    guests = await _list_guests(session, event, GUEST_ANSWERS)
    return bool(guests) or await is_anybody_undecided(session, event.id)


async def _stop(
    session: AsyncSession,
    event: Event,
    kinds: tuple[BroadcastKind, ...],
    statuses: tuple[BroadcastStatus, ...],
    *,
    but: str = "",
) -> None:
    """What was not sent yet is not sent any more; the sweeper ends its deliveries."""
    earlier = update(Broadcast).where(
        col(Broadcast.event_id) == event.id,
        col(Broadcast.kind).in_(kinds),
        col(Broadcast.status).in_(statuses),
        col(Broadcast.id) != but,
    )
    await (await session.connection()).execute(earlier.values(status=BroadcastStatus.CANCELLED))


async def _send(
    session: AsyncSession,
    event: Event,
    kind: BroadcastKind,
    words: Words,
    *,
    by: str,
    clock: Clock,
    name: str | None = None,
    only: list[str] | None = None,
) -> Broadcast:
    """A broadcast to guests, due now. With a ``name`` (id) that exists already, nothing is written."""
    now, name = clock.now(), name or new_id()
    row = Broadcast(
        id=name,
        kind=kind,
        status=BroadcastStatus.SCHEDULED,
        original_language=SOURCE_LANGUAGE,
        topics_any=list(event.topics),
        audience={"subscribers": only} if only else {},
        event_id=event.id,
        due_at=now,
        time_zone=event.time_zone,
        created_by=by,
        created_at=now,
        approved_by=[] if by == BY_ITSELF else [by],
    )
    await insert_new(session, Broadcast, [row.model_dump()])
    texts = [
        BroadcastText(
            broadcast_id=name,
            language=language,
            state=TextState.ORIGINAL if language == SOURCE_LANGUAGE else TextState.APPROVED,
            subject=subject[:300],
            body=body,
            changed_at=now,
        ).model_dump()
        for language, (subject, body) in words.items()
    ]
    await insert_new(session, BroadcastText, texts)
    await session.commit()
    found = await session.get(Broadcast, name, populate_existing=True)
    assert found is not None
    return found
