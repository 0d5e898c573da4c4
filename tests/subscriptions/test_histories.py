"""Random histories of choices, pauses, imports, notices and broadcasts, held against an oracle of the rules.

Nobody ever receives anything outside the rules; nobody misses what they chose or were owed; what a pause withheld is
told at its end; nothing comes twice; and each message comes at the exact moment that the choices of then say.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any

import aiosqlite
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from core.database import Database
from tests.databases import PostgresqlServer
from tests.subscriptions.histories import PEOPLE, TOPICS, Life, Told, World
from tests.subscriptions.oracle import Post, Soul

STARTS = [
    datetime(2026, 11, 23, 9, tzinfo=UTC),
    # A few days before clocks change.
    datetime(2026, 10, 22, 9, tzinfo=UTC),
    datetime(2026, 3, 26, 9, tzinfo=UTC),
]

person = st.integers(0, PEOPLE - 1)
topic = st.sampled_from(TOPICS)
frequency = st.sampled_from(["off", "at_once", "daily", "weekly"])
channel = st.sampled_from(["email", "telegram"])
hours = st.integers(4, 23)
some_topics = st.sets(topic, min_size=1, max_size=2)
choice = st.sampled_from(["required_only", "recommended_weekly", "everything_at_once"])

chosen = st.sampled_from(["at_once", "daily", "weekly", "weekly"])
paused = ("pause", st.integers(1, 9))
quiet_hours = ("quiet", st.tuples(hours, hours).filter(lambda pair: pair[0] != pair[1]))
quiet_days = ("quiet_days", st.lists(st.integers(1, 7), max_size=3, unique=True))
answered = ("rsvp", st.sampled_from(["yes", "no", "maybe", "waiting"]))

step = st.one_of(
    st.tuples(st.just("choice"), person, choice),
    st.tuples(st.just("topic"), person, topic, st.none() | frequency, st.none() | channel),
    st.tuples(st.just("topic"), person, topic, frequency, st.none()),
    st.tuples(st.just("pause"), person, st.none() | st.integers(1, 9)),
    st.tuples(st.just("quiet"), person, st.none() | st.tuples(hours, hours).filter(lambda pair: pair[0] != pair[1])),
    st.tuples(st.just("quiet_days"), person, st.lists(st.integers(1, 7), max_size=3, unique=True)),
    st.tuples(st.just("digest"), person, hours, st.integers(1, 7)),
    st.tuples(st.just("zone"), person, st.sampled_from(["Asia/Tokyo", "America/Toronto", "Europe/Brussels"])),
    st.tuples(st.just("channel"), person, channel),
    st.tuples(st.just("undo"), person),
    st.tuples(st.just("unsubscribe"), person, st.none() | topic, channel),
    st.tuples(st.just("import"), person, st.none() | st.tuples(topic, frequency), st.none() | st.booleans()),
    st.tuples(st.just("city"), topic, st.none() | frequency),
    st.tuples(st.just("telegram_off"), st.booleans()),
    st.tuples(st.just("confirm"), person),
    st.tuples(st.just("link"), person),
    st.tuples(st.just("rsvp"), person, st.sampled_from(["yes", "no", "maybe", "waiting"])),
)
second_thoughts = st.one_of(
    st.tuples(st.just("oops"), person),
    st.tuples(st.just("regret"), person, topic),
    st.tuples(st.just("undo"), person),
)
final = st.one_of(
    st.tuples(st.just("leave"), person),
    st.tuples(st.just("kill"), person, channel),
    st.tuples(st.just("stop_broadcast"), st.integers(0, 5)),
    st.tuples(st.just("hold_broadcast"), st.integers(0, 5)),
)
sent = st.tuples(
    st.just("broadcast"),
    st.sampled_from(["news", "news", "news", "mandatory", "event", "event_change", "answer", "urgent", "due"]),
    some_topics,
    st.just(set()) | st.just(set()) | some_topics,
    st.sampled_from([None, *range(12, 300, 12)]),
    st.sampled_from([None, None, None, {0}, {1, 2}]),
)
passing = st.tuples(st.sampled_from(["wait", "wait", "off"]), st.integers(1, 4 * 24 * 3))


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    """People with choices, then anything in any order. Kinds are drawn first, so that none of them is rare."""
    steps: list[tuple[Any, ...]] = [("city", name, draw(chosen)) for name in draw(some_topics)]
    for one in range(PEOPLE):
        if draw(st.booleans()):
            steps += [("topic", one, name, draw(chosen), draw(st.none() | channel)) for name in draw(some_topics)]
        else:
            steps += draw(st.lists(st.tuples(st.just("choice"), st.just(one), choice), max_size=1))
        habits = [habit for habit in (paused, quiet_hours, quiet_days, answered) if draw(st.booleans())]
        steps += [(name, one, draw(values)) for name, values in habits]
    for _ in range(draw(st.integers(14, 28))):
        kind = draw(st.sampled_from([step] * 5 + [sent] * 5 + [passing] * 3 + [second_thoughts] * 2 + [final]))
        steps.append(draw(kind))
    return steps


class Worlds:
    """One event loop and one database for many histories: what was compiled for one serves all."""

    def __init__(self, runner: asyncio.Runner, database: Database) -> None:
        self._runner, self._database = runner, database

    def live(self, start: datetime, steps: list[tuple[Any, ...]]) -> World:
        """A history from its beginning to its end."""

        async def live() -> World:
            world = await World.create(self._database, start)
            for one in steps:
                await world.do(*one)
            await world.finish()
            return world

        return self._runner.run(live())


@pytest.fixture(scope="module")
def on_sqlite(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    path = tmp_path_factory.mktemp("histories") / "hub.sqlite3"
    copyfile(migrated_sqlite, path)
    with pytest.MonkeyPatch.context() as patch:
        # Nothing else is done meanwhile, so that statements need no thread of their own; it takes half the time.
        patch.setattr(aiosqlite.Connection, "_execute", _execute_here)
        with _worlds(f"sqlite+aiosqlite:///{path}?check_same_thread=false") as worlds:
            yield worlds


@pytest.fixture(scope="module")
def on_postgresql(postgresql: PostgresqlServer) -> Iterator[Worlds]:
    with postgresql.migrated() as url, _worlds(url.replace("postgresql://", "postgresql+asyncpg://")) as worlds:
        yield worlds


@contextmanager
def _worlds(url: str) -> Iterator[Worlds]:
    database = Database(url)
    with asyncio.Runner() as runner:
        yield Worlds(runner, database)
        runner.run(database.close())


async def _execute_here(_self: aiosqlite.Connection, work: Callable[..., Any], *args: Any, **values: Any) -> Any:
    return work(*args, **values)


TELLING = settings(
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@settings(TELLING, max_examples=150)
@given(start=st.sampled_from(STARTS), steps=histories())
def test_everybody_gets_what_the_rules_say_and_nothing_else(
    on_sqlite: Worlds, start: datetime, steps: list[tuple[Any, ...]]
) -> None:
    assert_right(on_sqlite.live(start, steps))


@settings(TELLING, max_examples=15)
@given(start=st.sampled_from(STARTS), steps=histories())
def test_the_rules_are_the_same_on_postgresql(
    on_postgresql: Worlds, start: datetime, steps: list[tuple[Any, ...]]
) -> None:
    assert_right(on_postgresql.live(start, steps))


def assert_right(world: World) -> None:
    """Everybody was told what the oracle says, and nothing else."""
    note(f"told: {world.told}")
    assert_nothing_outside_the_rules(world)
    assert_nothing_missed(world)


def assert_nothing_outside_the_rules(world: World) -> None:
    """Each message that went was allowed to that person, by that channel, in that form, at that moment; and once."""
    for told in world.told:
        soul, post = told.soul, world.posts[told.post]
        assert post.audience is None or told.person in post.audience, told
        assert not post.cancelled or told.at <= world.cancelled_at[told.post], told
        assert told.channel in soul.channels(post), told
        if told.form == "single":
            assert soul.may_be_sent(post, told.at), told
        elif told.form == "digest":
            assert soul.may_be_in_digest(post, told.at), told
        else:
            assert soul.way(post) is not None, told
            assert not soul.is_paused(told.at), told
            assert not soul.is_quiet(told.at), told
            assert post.closes_at is not None, told
            assert post.closes_at > told.at, told
    times = Counter((told.person, told.post) for told in world.told)
    assert [key for key, count in times.items() if count > 1] == []


def assert_nothing_missed(world: World) -> None:
    """Whoever wanted or was owed a message, from its sending to the end, has it, and has it at the exact time."""
    got = {(told.person, told.post): told for told in world.told}
    for number, post in enumerate(world.posts):
        for one in range(PEOPLE):
            if post.cancelled or (post.audience is not None and one not in post.audience):
                continue
            lives = [
                life
                for life in world.lives[one]
                if life.ends_at > post.sent_at or (life.ends_at == post.sent_at and life.posts > number)
            ]
            souls = [post.souls[one], *(life.soul for life in lives)]
            if not all(soul.way(post) and soul.channels(post) for soul in souls):
                continue
            was_paused = post.souls[one].holds_back(post, post.sent_at) or any(
                life.soul.holds_back(post, max(life.begins_at, post.sent_at)) for life in lives
            )
            told = got.get((one, number))
            if was_paused:
                # It is told when the pause ends and quiet hours are over, where it can be joined until then.
                if post.closes_at is not None and post.closes_at > world.now - timedelta(days=8):
                    assert told is not None, (one, number)
                continue
            assert told is not None, (one, number)
            if not post.was_held and not world.was_off_after(post.sent_at):
                assert (told.form, told.at) == when_due(post, post.souls[one], lives), told


def when_due(post: Post, first: Soul, lives: Sequence[Life]) -> tuple[str, datetime]:
    """How and when a message comes that was wanted all the time, though the choices about it changed."""
    form, at = first.due(post, post.sent_at)
    if at == post.sent_at:
        return form, at
    for life in lives:
        form, at = life.soul.due(post, max(post.sent_at, life.begins_at))
        if at <= life.ends_at:
            break
    return form, at


def test_the_oracle_itself_knows_the_sentences() -> None:
    """A few of design.md's own cases, so that two wrongs do not make a right."""
    monday = datetime(2026, 11, 23, 11, tzinfo=UTC)
    soul = Soul(mail="good", quiet=(20, 8))
    assert soul.first_loud(datetime(2026, 11, 23, 22, tzinfo=UTC)) == datetime(2026, 11, 24, 7, tzinfo=UTC)
    assert soul.digest_after(monday, "weekly") == datetime(2026, 11, 24, 7, tzinfo=UTC)
    assert Soul(quiet_days=[2]).digest_after(monday, "weekly") == datetime(2026, 11, 25, 7, tzinfo=UTC)
    assert Told(0, 0, "single", "email", monday, soul).form == "single"
