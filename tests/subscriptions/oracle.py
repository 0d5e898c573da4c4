"""The rules of design.md's "Messages" once more, written from its sentences and from nothing else.

It shares no code with subscriptions/rules.py and subscriptions/rhythm.py: choices are plain values, and times are found
by looking at the clock every quarter of an hour. Slow, and easy to hold against the text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

STEP = timedelta(minutes=15)
DUTIES = {"membership-notices", "annual-coordinators-meeting"}
RECOMMENDED = DUTIES | {"webinars"}
"""Of the topics that the histories use."""


@dataclass
class Soul:
    """A person as the oracle sees one."""

    left: bool = False
    contact: bool = False
    mail: str = "unconfirmed"
    """unconfirmed, good, dead."""
    chat: str = "none"
    """none, good, dead."""
    channel: str = "email"
    choice: str | None = None
    topics: dict[str, tuple[str, str | None, str]] = field(default_factory=dict)
    """Frequency, channel, where it was said."""
    city: dict[str, str] = field(default_factory=dict)
    no_telegram: bool = False
    zone: str = "Europe/Brussels"
    quiet: tuple[int, int] | None = None
    """Hours."""
    quiet_days: list[int] = field(default_factory=list)
    digest_hour: int = 8
    digest_day: int = 2
    paused_until: date | None = None
    answer: str | None = None
    invited: bool = False
    """An invitation to the event reached them."""

    def local(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.zone))

    # Times

    def is_paused(self, at: datetime) -> bool:
        return self.paused_until is not None and self.local(at).date() < self.paused_until

    def is_quiet(self, at: datetime) -> bool:
        now = self.local(at)
        if now.isoweekday() in self.quiet_days:
            return True
        if self.quiet is None:
            return False
        begins, ends = self.quiet
        hour = now.hour + now.minute / 60
        return begins <= hour < ends if begins < ends else hour >= begins or hour < ends

    def first_loud(self, at: datetime) -> datetime:
        """The first moment from then on that is not quiet."""
        while self.is_quiet(at):
            at += STEP
        return at

    def digest_after(self, at: datetime, frequency: str) -> datetime:
        """The first digest after a moment: on its day, else on the next day that is not quiet; after quiet hours."""
        # Asked again and again for the same rhythm.
        return _digest_after(
            self.zone, self.quiet, tuple(self.quiet_days), self.digest_hour, self.digest_day, at, frequency
        )

    def find_digest(self, at: datetime, frequency: str) -> datetime:
        """As ``digest_after``, by looking at the clock."""
        # At most three days in a row are quiet, so that none earlier than this can still be to come.
        look = at - timedelta(days=5)
        while True:
            now = self.local(look)
            is_hour = (now.hour, now.minute) == (self.digest_hour, 0)
            if is_hour and (frequency == "daily" or now.isoweekday() == self.digest_day):
                moved = look
                while self.local(moved).isoweekday() in self.quiet_days or self.local(moved).hour != self.digest_hour:
                    moved += STEP
                goes = self.first_loud(moved)
                if goes > at:
                    return goes
            look += STEP

    # Choices

    def says(self, topic: str) -> tuple[str, str | None] | None:
        """What counts for a topic: frequency and channel; None when nobody said anything."""
        if self.contact and topic in DUTIES:
            return "at_once", None
        if topic in self.topics:
            return self.topics[topic][:2]
        if self.choice == "required_only":
            return "off", None
        if self.choice == "recommended_weekly":
            return ("weekly" if topic in RECOMMENDED else "off"), None
        if self.choice == "everything_at_once":
            return "at_once", None
        return (self.city[topic], None) if topic in self.city else None

    def wants(self, post: Post) -> tuple[str, set[str | None]] | None:
        """How often the topics of a message were chosen, at their soonest, and by which channels."""
        said = {topic: self.says(topic) for topic in post.any_of | post.all_of}
        on = {topic: value for topic, value in said.items() if value is not None and value[0] != "off"}
        if not on or not post.all_of <= set(on) or (post.any_of and not post.any_of & set(on)):
            return None
        soonest = next(name for name in ("at_once", "daily", "weekly") if name in {value[0] for value in on.values()})
        return soonest, {value[1] for value in on.values() if value[0] == soonest}

    def is_owed(self, post: Post) -> bool:
        """Mandatory notices go to the contacts that a city named, without opt-in."""
        if not self.contact:
            return False
        if post.kind in {"mandatory", "urgent", "due"}:
            return True
        if post.kind not in {"news", "event"} or not post.any_of | post.all_of:
            return False
        return (not post.any_of or bool(post.any_of & DUTIES)) and post.all_of <= DUTIES

    def is_guest(self, post: Post) -> bool:
        """Who wants to come, and who was told of the event and did not say no."""
        if post.kind != "event_change":
            return False
        return self.answer in {"yes", "maybe", "waiting"} or (self.answer is None and self.invited)

    def way(self, post: Post) -> str | None:
        """Why a message is theirs: owed, guest, answer, or how often it was chosen. None: it is not."""
        if self.left:
            return None
        if self.is_owed(post):
            return "owed"
        if post.kind == "answer":
            return "answer"
        if post.kind == "event_change":
            return "guest" if self.is_guest(post) else None
        if post.kind == "due":
            return None
        wanted = self.wants(post)
        if wanted is None:
            return None
        return "at_once" if post.kind == "urgent" else wanted[0]

    def channels(self, post: Post) -> set[str]:
        """The channels by which it may go; empty: none works."""
        way = self.way(post)
        chat = self.chat == "good" and not self.no_telegram
        if way is None:
            return set()
        if way == "owed":
            if self.mail != "dead":
                return {"email"}
            return {"telegram"} if chat else set()
        if way in {"guest", "answer"}:
            working = {name for name, works in (("email", self.mail == "good"), ("telegram", chat)) if works}
            return working & {self.channel} or working
        wanted = self.wants(post)
        assert wanted is not None
        found = set()
        for choice in wanted[1]:
            if (choice or self.channel) == "telegram" and not self.no_telegram and self.chat != "none":
                found |= {"telegram"} if chat else set()
            elif self.mail == "good":
                found.add("email")
        return found

    # The verdict

    def holds_back(self, post: Post, at: datetime) -> bool:
        """Whether a pause holds it: it holds what was chosen by topic, and nothing else."""
        return self.way(post) not in {None, "owed", "guest", "answer"} and self.is_paused(at)

    def is_hurried(self, post: Post, at: datetime, frequency: str) -> bool:
        """Whether registration closes before the next digest plus three working days."""
        if post.closes_at is None or post.closes_at <= at:
            return False
        limit = self.local(self.digest_after(at, frequency))
        days = 3
        while days:
            limit += timedelta(days=1)
            days -= limit.isoweekday() < 6
        return post.closes_at < limit

    def may_be_sent(self, post: Post, at: datetime) -> bool:
        """Whether it may go by itself at this moment."""
        way = self.way(post)
        if way is None or self.holds_back(post, at) or not self.channels(post):
            return False
        if way in {"daily", "weekly"} and not self.is_hurried(post, at, way):
            return False
        return not self.is_quiet(at) or (way == "guest" and post.is_on_its_day(self.local(at).date(), self.zone))

    def may_be_in_digest(self, post: Post, at: datetime) -> bool:
        way = self.way(post)
        return (
            way in {"daily", "weekly"}
            and not self.is_paused(at)
            and not self.is_quiet(at)
            and bool(self.channels(post))
        )

    def due(self, post: Post, at: datetime) -> tuple[str, datetime]:
        """When and how a message of this moment goes, if nothing changes."""
        way = self.way(post)
        if way in {"daily", "weekly"}:
            if not self.is_hurried(post, at, way):
                return "digest", self.digest_after(at, way)
            at = self.first_loud(at)
            # Quiet hours may outlast the registration: then there is no hurry any more.
            return ("single", at) if self.is_hurried(post, at, way) else ("digest", self.digest_after(at, way))
        if way != "guest" or post.event is None:
            return "single", self.first_loud(at)
        if post.is_on_its_day(self.local(at).date(), self.zone):
            return "single", at
        loud = self.first_loud(at)
        if at < post.event[0] < loud:
            # Quiet time would bring it when the event has begun.
            while not post.is_on_its_day(self.local(at).date(), self.zone):
                at += STEP
            return "single", at
        return "single", loud


@dataclass
class Post:
    """A broadcast as the oracle sees one."""

    kind: str
    any_of: set[str]
    all_of: set[str]
    closes_at: datetime | None
    audience: set[int] | None
    """None: everybody."""
    sent_at: datetime
    souls: list[Soul]
    """Everybody as they were at that moment."""
    event: tuple[datetime, datetime] | None = None
    cancelled: bool = False
    was_held: bool = False

    def is_on_its_day(self, day: date, zone: str) -> bool:
        if self.event is None:
            return False
        first, last = (moment.astimezone(ZoneInfo(zone)).date() for moment in self.event)
        return first <= day <= last


@cache
def _digest_after(
    zone: str, quiet: tuple[int, int] | None, days: tuple[int, ...], hour: int, day: int, at: datetime, frequency: str
) -> datetime:
    soul = Soul(zone=zone, quiet=quiet, quiet_days=list(days), digest_hour=hour, digest_day=day)
    return soul.find_digest(at, frequency)
