"""Unfinished reports: locked, for 24 hours, never lost by a crash, gone when withdrawn."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest
from sqlmodel import select

from channels.forms import Action, AnswerKind, FormInput, IncomingFile
from conversation.replies import Wording
from core.clock import FixedClock
from core.database import Database
from reports.errors import DraftGoneError, SealBrokenError
from reports.intake.drafts import LIFETIME, Drafts, Sheet
from reports.intake.service import Intake
from reports.models import Draft, SealedFile
from reports.sealing import context, decrypt_model
from tests.reports.intake.conftest import build_intake
from tests.reports.intake.teller import OpenDesk, Teller
from tests.reports.intake.test_answers import picture

SECRET_WORDS = "the landlord said not your kind"


async def list_drafts(database: Database) -> list[Draft]:
    async with database.session() as session:
        return list(await session.exec(select(Draft)))


async def test_a_draft_shows_neither_its_words_nor_its_conversation(
    teller: Teller, desk: OpenDesk, database: Database
) -> None:
    await teller.open(words=SECRET_WORDS)
    await teller.walk("when", {"where": "Bologna", "desk": ("bologna",), "story": SECRET_WORDS})
    (draft,) = await list_drafts(database)
    row = b" ".join([draft.id.encode(), draft.salt, draft.body])
    for word in (*SECRET_WORDS.split()[1:3], "bologna", "web", teller.key):
        assert word.encode() not in row
    assert len(draft.body) % 1024 == 24 + 16


async def test_another_servers_key_opens_no_draft(teller: Teller, database: Database, clock: FixedClock) -> None:
    await teller.open()
    (draft,) = await list_drafts(database)
    bound = context("draft", draft.id)
    own, other = (Drafts(secret, clock)._key(teller.key, draft.salt) for secret in ("only-for-tests", "another"))
    assert decrypt_model(own, draft.body, Sheet, bound).origin == "web"
    with pytest.raises(SealBrokenError):
        decrypt_model(other, draft.body, Sheet, bound)
    assert Drafts("another", clock).id_of(teller.key) != draft.id


async def test_a_draft_is_over_24_hours_after_its_first_screen(teller: Teller, clock: FixedClock) -> None:
    await teller.open()
    clock.at += LIFETIME - timedelta(seconds=1)
    await teller.choose("yes")
    clock.at += timedelta(seconds=1)
    with pytest.raises(DraftGoneError):
        await teller.choose("yes")
    assert await teller.intake.show(teller.key) is None
    assert (await teller.open()).step == "safe"


async def test_pausing_says_for_how_long_and_opening_goes_on_there(
    teller: Teller, desk: OpenDesk, clock: FixedClock
) -> None:
    await teller.open()
    await teller.walk("when", {"where": "Bologna", "desk": ("bologna",), "story": "So it was."})
    clock.at += timedelta(hours=20)
    await teller.act(Action.PAUSE)
    assert (teller.screen.step, teller.screen.kind) == ("paused", AnswerKind.DONE)
    assert "I keep your answers locked for 4 more hours. Then they are deleted." in teller.screen.notes
    await teller.open(words="something else")
    assert teller.screen.step == "when"
    await teller.act(Action.BACK)
    assert teller.screen.text == "So it was."


async def test_withdrawing_asks_once_and_then_deletes_everything(
    teller: Teller, desk: OpenDesk, database: Database
) -> None:
    await teller.open()
    await teller.walk("evidence", {"where": "Bologna", "desk": ("bologna",)})
    await teller.attach(picture())
    await teller.act(Action.WITHDRAW)
    assert teller.screen.step == "withdraw"
    await teller.choose("stay")
    assert teller.screen.step == "evidence"
    await teller.act(Action.WITHDRAW)
    await teller.choose("delete")
    assert (teller.screen.step, teller.screen.kind) == ("withdrawn", AnswerKind.DONE)
    assert await list_drafts(database) == []
    async with database.session() as session:
        assert list(await session.exec(select(SealedFile))) == []
    with pytest.raises(DraftGoneError):
        await teller.type("more")


@pytest.mark.parametrize("step", ["safe", "where", "desk", "consent", "story", "evidence", "review", "receipt", "send"])
async def test_pause_withdraw_and_back_are_there_at_every_step(teller: Teller, desk: OpenDesk, step: str) -> None:
    await teller.open()
    await teller.walk(step, {"where": "Bologna", "desk": ("bologna",)})
    there = teller.screen
    for action, expected in ((Action.PAUSE, "paused"), (Action.WITHDRAW, "withdraw")):
        await teller.give(FormInput(action, there.step, there.version))
        assert teller.screen.step == expected
    if step != "safe":
        await teller.give(FormInput(Action.BACK, there.step, there.version))
        assert teller.screen.step not in {step, "paused"}


async def test_of_two_answers_on_the_same_screen_only_the_first_counts(
    intake: Intake, database: Database, clock: FixedClock, wording: Wording
) -> None:
    """Two processes get a press each, of the same version."""
    other = build_intake(database, clock, wording)
    teller = Teller(intake)
    await teller.open()
    press = {value: FormInput(Action.ANSWER, "safe", 1, (value,)) for value in ("yes", "no")}
    screens = await asyncio.gather(intake.take(teller.key, press["yes"]), other.take(teller.key, press["no"]))
    assert sorted(screen.error is None for screen in screens) == [False, True]
    assert len({screen.step for screen in screens}) == 1
    assert {screen.version for screen in screens} == {2}


async def test_photos_sent_together_are_all_taken(
    intake: Intake, desk: OpenDesk, database: Database, clock: FixedClock, wording: Wording
) -> None:
    """An album comes as several messages at once, to several processes."""
    teller = Teller(intake)
    await teller.open()
    await teller.walk("evidence", {"where": "Bologna", "desk": ("bologna",)})
    processes = [intake, build_intake(database, clock, wording)]
    photo = picture()
    await asyncio.gather(
        *(
            processes[number % 2].take(
                teller.key, FormInput(Action.ANSWER, file=IncomingFile(f"{number}.jpg", "image/jpeg", photo))
            )
            for number in range(6)
        )
    )
    screen = await intake.show(teller.key)
    assert screen is not None
    assert sorted(file.name for file in screen.files) == [f"{number}.jpg" for number in range(6)]


async def test_two_openings_at_once_are_one_draft(
    intake: Intake, database: Database, clock: FixedClock, wording: Wording
) -> None:
    other = build_intake(database, clock, wording)
    await asyncio.gather(*(one.open("same", origin="web", language="en") for one in (intake, other)))
    assert len(await list_drafts(database)) == 1


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_stops_the_hub_answers_given_are_still_there_and_no_step_comes_twice(
    database: Database, desk: OpenDesk, clock: FixedClock, wording: Wording, seed: int
) -> None:
    """Interleaved intakes, whose process is stopped at random instants and started anew."""
    rng = random.Random(seed)
    told: dict[str, list[str]] = {f"person-{number}": [] for number in range(8)}
    steps = ["where", "about_city", "desk", "keep_out", "consent", "story"]
    answers = {"where": "Bologna", "desk": ("bologna",), "story": SECRET_WORDS}

    async def live(intake: Intake, key: str) -> None:
        teller = Teller(intake, key)
        await teller.open()
        for _ in range(12):
            step, screen = teller.screen.step, teller.screen
            if step == "when":
                return
            given = answers.get(step)
            if isinstance(given, str):
                await teller.write(given)
            elif screen.can_skip:
                await teller.act(Action.SKIP)
            else:
                await teller.choose(*(given or (screen.choices[0].value,)))
            assert teller.screen.error is None
            told[key].append(step)
            await asyncio.sleep(0)

    for _ in range(12):
        process = build_intake(database, clock, wording)
        tasks = [asyncio.create_task(live(process, key)) for key in told]
        await asyncio.sleep(rng.uniform(0.01, 0.25))
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results), results
    for key, asked in told.items():
        await live(build_intake(database, clock, wording), key)
        assert len(set(asked)) == len(asked), asked
        async with database.session() as session:
            draft = await Drafts("only-for-tests", clock).load(session, key)
        assert draft is not None
        assert set(steps) <= set(draft.sheet.seen)
        assert draft.sheet.answer("story").text == SECRET_WORDS


async def test_a_sheet_of_an_older_hub_is_not_read_wrongly() -> None:
    with pytest.raises(ValueError, match="extra"):
        Sheet.model_validate({"origin": "web", "language": "en", "unknown": 1})
