"""Whatever is pressed or typed in whatever order: nothing is raised, nothing is lost, nothing is asked twice."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.forms import Action, AnswerKind, FormInput, Screen
from conversation.replies import Wording
from core.clock import FixedClock
from core.database import Database
from migrations.run import migrate
from reports.errors import DraftGoneError
from reports.intake import service
from reports.intake.drafts import Drafts, Sheet
from reports.intake.service import Intake
from reports.intake.steps import Steps
from reports.receipts import ReceiptKeys
from reports.sealing import KeyPair
from tests.conftest import NOW
from tests.reports.intake.conftest import build_intake
from tests.reports.intake.teller import Teller, open_desk

STEPS = Steps.load()
TEXTS = [
    "",
    "Bologna",
    "Italia",
    "nowhere at all",
    "12345",
    "yes",
    "x" * 20_000,
    "jane@example.org",
    "2026-05-31",
    "قصتي",
]

moves = st.lists(
    st.tuples(
        st.sampled_from(
            "choose choose choose choose choose write type skip next next toggle back change send pause stale "
            "garbage withdraw_and_stay".split()
        ),
        st.integers(0, 30),
        st.sampled_from(TEXTS),
    ),
    min_size=20,
    max_size=70,
)


class World:
    """One database for all examples; each example is another conversation."""

    def __init__(self, folder: Path, wording: Wording) -> None:
        self.runner = asyncio.Runner()
        self.clock = FixedClock(NOW)
        self.database = Database(f"sqlite+aiosqlite:///{folder / 'hub.sqlite3'}")
        self.intake: Intake = build_intake(self.database, self.clock, wording)
        self.keys = itertools.count()
        self.runner.run(self._prepare())

    async def _prepare(self) -> None:
        await migrate(self.database)
        await open_desk(self.database, self.clock, "bologna")
        await open_desk(self.database, self.clock, "everywhere", places=())

    async def sheet(self, key: str) -> Sheet | None:
        async with self.database.session() as session:
            draft = await Drafts("only-for-tests", self.clock).load(session, key)
        return draft.sheet if draft else None

    def close(self) -> None:
        self.runner.run(self.database.close())
        self.runner.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, wording: Wording) -> Iterator[World]:
    async def derive(_: str) -> ReceiptKeys:
        """The real one takes a third of a second on purpose; test_sending.py uses it."""
        pair = KeyPair.new()
        return ReceiptKeys(pair.public.hex(), pair)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "derive", derive)
        world = World(tmp_path_factory.mktemp("any"), wording)
        yield world
        world.close()


def read_move(move: str, number: int, text: str, screen: Screen) -> FormInput:
    """What somebody does on the screen at hand."""
    step, version = screen.step, screen.version
    values = tuple(choice.value for choice in screen.choices)
    one = (values[number % len(values)],) if values else ()
    match move:
        case "choose" if one:
            return FormInput(Action.ANSWER, step, version, one)
        case "choose" | "next":
            send = screen.kind is AnswerKind.SEND and number % 4 == 0
            return FormInput(Action.SEND if send else Action.NEXT, step, version)
        case "write":
            return FormInput(Action.ANSWER, step, version, (), text)
        case "type":
            return FormInput(Action.ANSWER, text=text)
        case "toggle":
            return FormInput(Action.TOGGLE, step, version, one)
        case "change":
            line = screen.review[number % len(screen.review)].step if screen.review else "area"
            return FormInput(Action.CHANGE, step, version, (line,))
        case "stale":
            return FormInput(Action.ANSWER, step, version - 1, one, text)
        case "garbage":
            return FormInput(list(Action)[number % len(Action)], "no_such_step", version, ("no such value",), text)
        case "withdraw_and_stay":
            return FormInput(Action.WITHDRAW, step, version)
    return FormInput(Action(move), step, version)


async def live(world: World, start: str, sequence: list[tuple[str, int, str]]) -> None:
    key = f"conversation-{next(world.keys)}"
    teller = Teller(world.intake, key, origin="telegram")
    await teller.open(words="it began so")
    screen = await teller.walk(start, {"where": "Bologna", "desk": ("bologna",)})
    sheet = await world.sheet(key)
    assert sheet is not None
    passed = set(sheet.seen)
    for move, number, text in sequence:
        before, step = sheet, screen.step
        given = read_move(move, number, text, screen)
        came_back = before.at is not None
        after = await world.intake.take(key, given)
        found = await world.sheet(key)
        if after.step == "done":
            assert found is None
            with pytest.raises(DraftGoneError):
                await world.intake.take(key, FormInput(Action.ANSWER, text="more"))
            return
        assert found is not None
        sheet = found
        changed = {name for name in sheet.answers if sheet.answers[name] != before.answers.get(name)}
        assert set(before.answers) - {"consent"} <= set(sheet.answers)
        assert changed <= {step}, (move, step, changed)
        if after.error:
            assert not changed, (move, step)
        if after.step in {"withdraw", "paused"}:
            shown = await world.intake.show(key)
            found = await world.sheet(key)
            assert shown is not None
            assert found is not None
            # Where the code is shown it is a new one each time, and the draft knows it.
            screen, sheet = shown, found
            continue
        assert after.version > screen.version or sheet == before, (move, step)
        moved_on = not after.error and given.action in {Action.ANSWER, Action.NEXT, Action.SKIP} and after.step != step
        if moved_on:
            passed.add(step)
            chose_again = step == "consent" and given.values == ("other",)
            if chose_again or (came_back and changed):
                passed -= {"desk", "keep_out", "consent"}
            assert after.step not in passed or STEPS.get(after.step).kind is AnswerKind.RECEIPT, (step, after.step)
        answered = given.action is Action.ANSWER and given.version is not None and screen.kind is AnswerKind.ONE
        if not after.error and (given.action is Action.SKIP or answered):
            assert after.step != step, (move, step)
        if given.action is Action.CHANGE and not after.error:
            passed -= {"review"}
        screen = after


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.sampled_from(["safe", "desk", "consent", "wishes", "evidence", "review", "send"]), sequence=moves)
def test_any_sequence_keeps_every_answer_and_asks_nothing_twice(
    world: World, start: str, sequence: list[tuple[str, int, str]]
) -> None:
    world.runner.run(live(world, start, sequence))
