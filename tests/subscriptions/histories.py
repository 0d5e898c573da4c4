"""A small world in which histories happen twice: in the hub, on a real database, and in the oracle's plain values.

The driver plays the sender and the scheduler as simply as can be: it goes from one due moment to the next, asks the
rules again for what is due, and notes who was told what, when and how.
"""

from __future__ import annotations

import contextlib
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import FixedClock
from core.database import Database
from knowledge.base import KnowledgeBase, load_knowledge
from subscriptions.city_defaults import set_city_defaults, set_telegram_off
from subscriptions.confirmation import Purpose, issue, use
from subscriptions.digests import send_due_digests
from subscriptions.errors import NothingToUndoError, TopicRequiredError
from subscriptions.expanding import expand
from subscriptions.handover import leave
from subscriptions.importing import import_subscribers, plan_import
from subscriptions.jobs import end_pauses
from subscriptions.links import Links
from subscriptions.models import (
    Broadcast,
    BroadcastKind,
    BroadcastStatus,
    ChannelName,
    Choice,
    Delivery,
    DeliveryStatus,
    DigestItem,
    Frequency,
    Guest,
)
from subscriptions.people import load_people
from subscriptions.placing import OPEN
from subscriptions.preferences import Edit, TopicPreference, change_preferences, undo_last, unsubscribe
from subscriptions.rechecking import recheck, settle
from subscriptions.reviewing import review
from subscriptions.rhythm import end_of_quiet
from subscriptions.rules import Outcome
from subscriptions.subscribers import link_telegram, list_addresses, suppress
from subscriptions.topics import Topics, load_topics
from tests.factories import make_broadcast, make_event, make_subscriber
from tests.subscriptions.oracle import DUTIES, Post, Soul

PEOPLE = 3
TOPICS = ["youth", "webinars", "membership-notices"]
CITY = "it-parma"
STEP = timedelta(minutes=15)

_KINDS = {"due": BroadcastKind.REMINDER}
_CACHE: dict[str, Any] = {}


def topics_and_base() -> tuple[Topics, KnowledgeBase]:
    """Read once for all histories."""
    if not _CACHE:
        _CACHE["both"] = (load_topics(), load_knowledge())
    return cast(tuple[Topics, KnowledgeBase], _CACHE["both"])


@dataclass
class Told:
    """Somebody received something."""

    person: int
    post: int
    form: str
    """single, digest, missed."""
    channel: str
    at: datetime
    soul: Soul
    """The person as the oracle knew them at that moment."""


@dataclass
class Life:
    """A time in which nothing about a person changed."""

    begins_at: datetime
    ends_at: datetime
    soul: Soul
    posts: int = 0
    """How many posts there were when it ended."""
    was_used: bool = False
    """Whether anything that was due went meanwhile."""


class World:
    """Three people of one city, their hub, and the oracle's view of both."""

    def __init__(self, database: Database, start: datetime) -> None:
        self.database = database
        self.clock = FixedClock(start)
        self.topics, self.base = topics_and_base()
        self.links = Links("only-for-tests")
        self.ids: list[str] = []
        self.souls = [Soul() for _ in range(PEOPLE)]
        self.undo: list[list[Soul]] = [[] for _ in range(PEOPLE)]
        self.lives: list[list[Life]] = [[] for _ in range(PEOPLE)]
        self.posts: list[Post] = []
        self.post_ids: list[str] = []
        self.cancelled_at: dict[int, datetime] = {}
        self.told: list[Told] = []
        self.off: list[datetime] = []
        self.event_id = ""
        self.event = (start + timedelta(days=4, hours=5), start + timedelta(days=4, hours=7))

    @classmethod
    async def create(cls, database: Database, start: datetime) -> World:
        """An empty hub with three people: one with mail, one a contact who never confirmed, one with Telegram too."""
        world = cls(database, start)
        async with database.engine.begin() as connection:
            for table in reversed(SQLModel.metadata.sorted_tables):
                await connection.execute(table.delete())
        async with database.session() as session:
            world.event_id = (await make_event(session, starts_at=world.event[0], ends_at=world.event[1])).id
            for number in range(PEOPLE):
                subscriber = await make_subscriber(
                    session,
                    id=f"person{number}",
                    email=f"p{number}@example.org",
                    city=CITY,
                    confirmed=number != 1,
                    is_mandatory_contact=number == 1,
                    telegram=102 if number == 2 else None,
                    channel="telegram" if number == 2 else "email",
                    may_set_city_defaults=True,
                    now=start,
                )
                world.ids.append(subscriber.id)
        world.souls[0].mail = world.souls[2].mail = world.souls[2].chat = "good"
        world.souls[1].contact, world.souls[2].channel = True, "telegram"
        for number, soul in enumerate(world.souls):
            world.lives[number].append(Life(start, start, deepcopy(soul)))
        return world

    @property
    def now(self) -> datetime:
        return self.clock.at

    def was_off_after(self, moment: datetime) -> bool:
        return any(until > moment for until in self.off)

    async def do(self, name: str, *values: Any) -> None:
        """One step of a history, in the hub and in the oracle."""
        async with self.database.session() as session:
            await getattr(self, f"do_{name}")(session, *values)
        self._note_lives()

    async def finish(self) -> None:
        """Let go of what is held, and let three weeks pass in which everything that waits can go."""
        async with self.database.session() as session:
            for broadcast in await session.exec(select(Broadcast).where(Broadcast.status == BroadcastStatus.PAUSED)):
                broadcast.status = BroadcastStatus.SENDING
                session.add(broadcast)
            await session.commit()
        await self._run_until(self.now + timedelta(days=22))
        self._note_lives()

    def _note_lives(self) -> None:
        for number, soul in enumerate(self.souls):
            last = self.lives[number][-1]
            last.ends_at, last.posts = self.now, len(self.posts)
            if last.soul == soul:
                continue
            if last.begins_at == self.now and not last.was_used:
                # A state that lasted for no time, and in which nothing could go, is none.
                self.lives[number].pop()
            if self.lives[number] and self.lives[number][-1].soul == soul:
                continue
            self.lives[number].append(Life(self.now, self.now, deepcopy(soul)))

    # What people do

    async def _change(self, session: AsyncSession, who: int, edit: Edit) -> bool:
        change = await change_preferences(
            session, self.ids[who], edit, topics=self.topics, origin="page", clock=self.clock
        )
        if change is not None:
            self.undo[who].append(deepcopy(self.souls[who]))
        return change is not None

    async def do_choice(self, session: AsyncSession, who: int, choice: str) -> None:
        await self._change(session, who, {"choice": Choice(choice)})
        self.souls[who].choice, self.souls[who].topics = choice, {}

    async def do_topic(
        self, session: AsyncSession, who: int, topic: str, frequency: str | None, channel: str | None
    ) -> None:
        soul = self.souls[who]
        wanted = None
        if frequency is not None:
            wanted = TopicPreference(Frequency(frequency), ChannelName(channel) if channel else None)
        if soul.contact and topic in DUTIES and frequency not in {None, "at_once"}:
            with contextlib.suppress(TopicRequiredError):
                await self._change(session, who, {"topics": {topic: wanted}})
                raise AssertionError("a duty was switched off")
            return
        await self._change(session, who, {"topics": {topic: wanted}})
        soul.topics.pop(topic, None)
        if frequency is not None:
            soul.topics[topic] = (frequency, channel, "page")

    async def do_pause(self, session: AsyncSession, who: int, days: int | None) -> None:
        soul = self.souls[who]
        until = soul.local(self.now).date() + timedelta(days=days) if days else None
        await self._change(session, who, {"paused_until": until})
        soul.paused_until = until

    async def do_quiet(self, session: AsyncSession, who: int, quiet: tuple[int, int] | None) -> None:
        begins, ends = (time(quiet[0]), time(quiet[1])) if quiet else (None, None)
        await self._change(session, who, {"quiet_from": begins, "quiet_to": ends})
        self.souls[who].quiet = quiet

    async def do_quiet_days(self, session: AsyncSession, who: int, days: list[int]) -> None:
        await self._change(session, who, {"quiet_days": days})
        self.souls[who].quiet_days = sorted(days)

    async def do_digest(self, session: AsyncSession, who: int, hour: int, day: int) -> None:
        await self._change(session, who, {"digest_at": time(hour), "digest_on": day})
        self.souls[who].digest_hour, self.souls[who].digest_day = hour, day

    async def do_zone(self, session: AsyncSession, who: int, zone: str) -> None:
        await self._change(session, who, {"time_zone": zone})
        self.souls[who].zone = zone

    async def do_channel(self, session: AsyncSession, who: int, channel: str) -> None:
        await self._change(session, who, {"channel": ChannelName(channel)})
        self.souls[who].channel = channel

    async def do_undo(self, session: AsyncSession, who: int) -> None:
        if not self.undo[who]:
            with contextlib.suppress(NothingToUndoError):
                await undo_last(session, self.ids[who], topics=self.topics, clock=self.clock)
                raise AssertionError("something was undone")
            return
        await undo_last(session, self.ids[who], topics=self.topics, clock=self.clock)
        before, soul = self.undo[who].pop(), self.souls[who]
        for name in ("choice", "topics", "zone", "channel", "quiet", "quiet_days", "digest_hour", "digest_day"):
            setattr(soul, name, getattr(before, name))
        soul.paused_until = before.paused_until

    async def do_oops(self, session: AsyncSession, who: int) -> None:
        """Stop everything, and undo it at once: as if nothing had been."""
        if await change_preferences(
            session,
            self.ids[who],
            {"choice": Choice.REQUIRED_ONLY},
            topics=self.topics,
            origin="page",
            clock=self.clock,
        ):
            await undo_last(session, self.ids[who], topics=self.topics, clock=self.clock)

    async def do_regret(self, session: AsyncSession, who: int, topic: str) -> None:
        """Switch a topic off, and set it by hand to what it was."""
        said = self.souls[who].topics.get(topic)
        if said is None or (self.souls[who].contact and topic in DUTIES):
            return
        for frequency, channel in (("off", None), (said[0], said[1])):
            await self.do_topic(session, who, topic, frequency, channel)

    async def do_unsubscribe(self, session: AsyncSession, who: int, topic: str | None, channel: str) -> None:
        soul = self.souls[who]
        # The hub knows thirty topics, of which the oracle asks three; the others do not matter here.
        change = await unsubscribe(
            session, self.ids[who], topic, ChannelName(channel), topics=self.topics, clock=self.clock
        )
        if change is not None:
            self.undo[who].append(deepcopy(soul))
        kept: dict[str, tuple[str, str | None, str]] = {}
        for name in TOPICS:
            said = soul.says(name)
            if said is None or said[0] == "off" or (soul.contact and name in DUTIES):
                continue
            used = self._used(soul, said[1])
            if used != channel:
                kept[name] = (said[0], used, "link")
            elif topic == name:
                soul.topics[name] = ("off", None, "link")
        if topic is None:
            soul.choice, soul.topics = "required_only", kept

    def _used(self, soul: Soul, chosen: str | None) -> str:
        """The channel that news go by: mail stands in for a chat that is not linked, or that the city turned off."""
        wanted = chosen or soul.channel
        is_linked = soul.chat != "none" and not soul.no_telegram
        return "email" if wanted == "telegram" and not is_linked and soul.mail == "good" else wanted

    async def do_import(
        self, session: AsyncSession, who: int, chosen: tuple[str, str] | None, contact: bool | None
    ) -> None:
        soul = self.souls[who]
        text = "email,contact,topics\n"
        text += f"p{who}@example.org,{'' if contact is None else 'yes' if contact else 'no'},"
        text += ":".join(chosen) if chosen else ""
        plan = await plan_import(session, text.encode(), is_workbook=False, base=self.base, topics=self.topics)
        if soul.left:
            assert [problem.key for problem in plan.problems] == ["has_left"]
            return
        await import_subscribers(session, plan, topics=self.topics, clock=self.clock)
        if contact is not None:
            soul.contact = contact
        if chosen and soul.choice is None and soul.topics.get(chosen[0], ("", "", "import"))[2] == "import":
            channel = soul.topics[chosen[0]][1] if chosen[0] in soul.topics else None
            soul.topics[chosen[0]] = (chosen[1], channel, "import")

    async def do_city(self, session: AsyncSession, topic: str, frequency: str | None) -> None:
        setter = next((number for number, soul in enumerate(self.souls) if not soul.left), None)
        if setter is None:
            return
        defaults = {topic: Frequency(frequency) if frequency else None}
        await set_city_defaults(session, self.ids[setter], defaults, topics=self.topics, clock=self.clock)
        for soul in self.souls:
            soul.city.pop(topic, None)
            if frequency:
                soul.city[topic] = frequency

    async def do_telegram_off(self, session: AsyncSession, is_off: bool) -> None:
        setter = next((number for number, soul in enumerate(self.souls) if not soul.left), None)
        if setter is None:
            return
        await set_telegram_off(session, self.ids[setter], is_off=is_off, topics=self.topics, clock=self.clock)
        for soul in self.souls:
            soul.no_telegram = is_off

    async def do_leave(self, session: AsyncSession, who: int) -> None:
        await leave(session, self.ids[who], clock=self.clock)
        self.souls[who].left = True

    async def do_confirm(self, session: AsyncSession, who: int) -> None:
        issued = await issue(session, self.ids[who], Purpose.CONFIRM, links=self.links, clock=self.clock)
        await use(session, Purpose.CONFIRM, issued.token, topics=self.topics, clock=self.clock)
        if self.souls[who].mail == "unconfirmed":
            self.souls[who].mail = "good"

    async def do_kill(self, session: AsyncSession, who: int, channel: str) -> None:
        address = (await list_addresses(session, self.ids[who])).get(ChannelName(channel))
        if address is None:
            return
        await suppress(session, address.id, "bounced", clock=self.clock)
        if channel == "email":
            self.souls[who].mail = "dead"
        else:
            self.souls[who].chat = "dead"

    async def do_link(self, session: AsyncSession, who: int) -> None:
        await link_telegram(session, self.ids[who], 100 + who, clock=self.clock)
        self.souls[who].chat = "good"

    async def do_rsvp(self, session: AsyncSession, who: int, answer: str) -> None:
        guest = await session.get(Guest, (self.event_id, self.ids[who]))
        guest = guest or Guest(event_id=self.event_id, subscriber_id=self.ids[who], answer=answer, answered_at=self.now)
        guest.answer = answer
        session.add(guest)
        await session.commit()
        self.souls[who].answer = answer

    # What the team does

    async def do_broadcast(
        self,
        session: AsyncSession,
        kind: str,
        any_of: set[str],
        all_of: set[str],
        closes_in: int | None,
        audience: set[int] | None,
    ) -> None:
        if kind == "answer":
            audience = {min(audience or {0})}
        has_event = kind in {"event", "event_change"}
        closes_at = self.now + closes_in * timedelta(hours=1) if closes_in and kind in {"news", "event"} else None
        broadcast = await make_broadcast(
            session,
            *sorted(any_of),
            kind=_KINDS.get(kind) or BroadcastKind(kind),
            topics_all=sorted(all_of),
            closes_at=closes_at,
            audience={"subscribers": [self.ids[who] for who in sorted(audience)]} if audience else {},
            event_id=self.event_id if has_event else None,
            now=self.now,
        )
        if kind == "event":
            closes_at = closes_at or self.event[0]
        self.posts.append(
            Post(
                kind,
                any_of,
                all_of,
                closes_at,
                audience,
                self.now,
                deepcopy(self.souls),
                self.event if has_event else None,
            )
        )
        self.post_ids.append(broadcast.id)
        await session.rollback()
        await expand(self.database, broadcast.id, topics=self.topics, clock=self.clock)
        await self._run_until(self.now)

    async def do_stop_broadcast(self, session: AsyncSession, number: int) -> None:
        if number < len(self.posts) and not self.posts[number].cancelled:
            await self._set_status(session, number, BroadcastStatus.CANCELLED)
            self.posts[number].cancelled = True
            self.cancelled_at[number] = self.now

    async def do_hold_broadcast(self, session: AsyncSession, number: int) -> None:
        if number < len(self.posts) and not self.posts[number].cancelled:
            await self._set_status(session, number, BroadcastStatus.PAUSED)
            self.posts[number].was_held = True

    async def _set_status(self, session: AsyncSession, number: int, status: BroadcastStatus) -> None:
        broadcast = await session.get(Broadcast, self.post_ids[number])
        assert broadcast is not None
        broadcast.status = status
        session.add(broadcast)
        await session.commit()

    # Time passes

    async def do_wait(self, session: AsyncSession, quarters: int) -> None:
        await self._run_until(self.now + quarters * STEP)

    async def do_off(self, session: AsyncSession, quarters: int) -> None:
        """The hub is off for a while."""
        self.clock.at += quarters * STEP
        self.off.append(self.now)
        await self._run_until(self.now)

    async def _run_until(self, until: datetime) -> None:
        for lives in self.lives:
            lives[-1].was_used = True
        while True:
            async with self.database.session() as session:
                await end_pauses(session, topics=self.topics, clock=self.clock)
                await self._send_due(session)
                await self._send_digests(session)
                upcoming = [moment for moment in await self._due_moments(session) if moment > self.now]
            upcoming += [moment for moment in self._ends_of_pauses() if moment > self.now]
            if not upcoming or min(upcoming) > until:
                self.clock.at = until
                break
            self.clock.at = min(upcoming)
        async with self.database.session() as session:
            await end_pauses(session, topics=self.topics, clock=self.clock)
            await self._send_due(session)
            await self._send_digests(session)

    async def _due_moments(self, session: AsyncSession) -> list[datetime]:
        deliveries = await session.exec(select(Delivery.due_at).where(col(Delivery.status).in_(OPEN)))
        items = await session.exec(
            select(DigestItem).where(col(DigestItem.sent_in).is_(None), col(DigestItem.dropped_at).is_(None))
        )
        moments = list(deliveries)
        for item in items:
            moments.append(item.due_at)
            person = (await load_people(session, [item.subscriber_id], ()))[item.subscriber_id]
            moments.append(end_of_quiet(person.rhythm, self.now))
        return moments

    def _ends_of_pauses(self) -> list[datetime]:
        return [
            datetime.combine(soul.paused_until, time(0), ZoneInfo(soul.zone))
            for soul in self.souls
            if soul.paused_until is not None
        ]

    async def _send_due(self, session: AsyncSession) -> None:
        """As the sender does: claim, ask again, send or settle; until nothing is due."""
        while True:
            due = select(Delivery).where(col(Delivery.status).in_(OPEN), col(Delivery.due_at) <= self.now)
            held = select(Broadcast.id).where(Broadcast.status == BroadcastStatus.PAUSED)
            rows = list(
                await session.exec(
                    due.where(col(Delivery.broadcast_id).is_(None) | col(Delivery.broadcast_id).not_in(held))
                )
            )
            if not rows:
                return
            for row in rows:
                row.status = DeliveryStatus.SENDING
                session.add(row)
            await session.commit()
            decisions = await recheck(session, rows, topics=self.topics, now=self.now)
            emptied = await review(session, rows, decisions, topics=self.topics, now=self.now)
            for row in rows:
                decision = decisions.get(row.id)
                if decision is None or (row.id in emptied and decision.outcome is not Outcome.NOT):
                    row.status, row.finished_at = DeliveryStatus.CANCELLED, self.now
                elif decision.outcome is Outcome.SEND and decision.channel in {None, row.channel}:
                    row.status, row.finished_at = DeliveryStatus.SENT, self.now
                    await self._note_sent(session, row)
                else:
                    await settle(session, row, decision, now=self.now)
                session.add(row)
            await session.commit()

    async def _note_sent(self, session: AsyncSession, row: Delivery) -> None:
        if row.broadcast_id is not None:
            self._tell(row.subscriber_id, row.broadcast_id, "single", row.channel)
        elif row.message.startswith("missed/"):
            for broadcast_id in row.parts["missed"]:
                self._tell(row.subscriber_id, broadcast_id, "missed", row.channel)
        elif row.message.startswith("digest/"):
            for item in row.parts["items"]:
                self._tell(row.subscriber_id, item["broadcast"], "digest", row.channel)

    async def _send_digests(self, session: AsyncSession) -> None:
        await session.rollback()
        await send_due_digests(self.database, topics=self.topics, clock=self.clock)
        await self._send_due(session)

    def _tell(self, subscriber_id: str, broadcast_id: str, form: str, channel: str) -> None:
        who, post = self.ids.index(subscriber_id), self.post_ids.index(broadcast_id)
        self.told.append(Told(who, post, form, channel, self.now, deepcopy(self.souls[who])))
        self.souls[who].invited |= self.posts[post].kind == "event"


__all__ = ["PEOPLE", "TOPICS", "Life", "Told", "World"]
