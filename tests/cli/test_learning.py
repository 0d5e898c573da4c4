"""The supervisor lets the assistant learn what the team wrote: later, once, beside everything else."""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from cli import learning, training
from cli.learning import Learner, find_model_to_start_with, load_lessons, wanted_model
from core.clock import FixedClock
from core.database import Database
from core.settings import Settings
from knowledge.base import load_knowledge
from knowledge.written.forms import AnswerForm
from knowledge.written.lessons import Lessons
from knowledge.written.matching import Example
from knowledge.written.service import add_examples, publish_answer, save_answer, withdraw_answer
from tests.databases import copy_migrated_sqlite

BASE = load_knowledge()
WORKS = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_bytes(b'a model')"
FAILS = "import sys; print('no'); sys.exit(1)"


@pytest.fixture
def quiet_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Models of files whose fingerprint is ``0123``; the one without the team's words is there."""
    monkeypatch.setattr(learning, "fingerprint", lambda: "0123")
    base = tmp_path / "0123.tar.gz"
    base.write_bytes(b"of the files")
    monkeypatch.setattr(learning, "model_path", lambda *_: base)
    return base


def teach(monkeypatch: pytest.MonkeyPatch, program: str) -> list[Path | None]:
    """What stands in for Rasa's training; returns the files that it was given."""
    given: list[Path | None] = []

    def command(model: Path, examples: Path | None = None) -> list[str]:
        given.append(examples)
        return [sys.executable, "-c", program, str(model.resolve())]

    monkeypatch.setattr(training, "training_command", command)
    return given


def run_until(learner: Learner, is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_done():
        assert time.monotonic() < deadline
        learner.step()
        time.sleep(0.02)


async def write(settings: Settings, clock: FixedClock) -> str:
    database = Database(settings.async_database_url)
    form = AnswerForm(
        language="en",
        title="Who pays the interpreters?",
        text="The Council of Europe pays them (all of them).",
        source="Rules",
        as_of="2026-01-01",
        examples=("who pays the interpreters", "interpreters [free]?", "cost of interpreters"),
    )
    async with database.session() as session:
        whole = await save_answer(session, None, form, base=BASE, by="x", clock=clock)
        await publish_answer(session, whole.answer.id, seen=whole.seen, by="x", clock=clock)
        await add_examples(session, "tool/icc-index", [("en", "the big test for cities")], base=BASE, clock=clock)
        await session.commit()
    await database.close()
    return whole.answer.id


async def withdraw(settings: Settings, clock: FixedClock, name: str) -> None:
    database = Database(settings.async_database_url)
    async with database.session() as session:
        await withdraw_answer(session, name, by="x", clock=clock)
        await session.commit()
    await database.close()


def test_without_a_database_there_is_nothing_to_learn(settings: Settings, quiet_files: Path) -> None:
    lessons = load_lessons(settings)
    assert (lessons.examples, lessons.mark) == ((), "")
    assert find_model_to_start_with(settings, lessons) == quiet_files


@pytest.fixture
def written(settings: Settings, clock: FixedClock, migrated_sqlite: Path) -> str:
    copy_migrated_sqlite(migrated_sqlite, settings)
    return asyncio.run(write(settings, clock))


def test_lessons_are_examples_that_rasa_reads_without_its_own_marks(settings: Settings, written: str) -> None:
    lessons = load_lessons(settings)
    written_as = lessons.as_training_data()
    # By this line Rasa knows what the file is.
    assert "nlu:" in written_as.splitlines()
    data = yaml.safe_load(written_as)
    by_entry = {block["metadata"]["entry"]: block["examples"].splitlines() for block in data["nlu"]}
    assert by_entry["tool/icc-index"] == ["- the big test for cities"]
    assert set(by_entry[f"answer/{written}"]) == {
        "- Who pays the interpreters?",
        "- who pays the interpreters",
        "- interpreters free ?",
        "- cost of interpreters",
        "- The Council of Europe pays them all of them .",
    }
    assert all(block["intent"] == "ask_entry" and block["metadata"]["language"] == "en" for block in data["nlu"])


def test_it_learns_when_the_team_has_stopped_writing_and_only_once(
    settings: Settings, clock: FixedClock, written: str, quiet_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = teach(monkeypatch, WORKS)
    said = io.StringIO()
    learner = Learner(settings, Console(file=said), quiet_files, clock=clock, every=0.0, quiet=timedelta(minutes=2))
    clock.at += timedelta(seconds=119)
    learner.step()
    assert given == []
    clock.at += timedelta(seconds=1)
    model = wanted_model(settings, load_lessons(settings), mark="0123")
    run_until(learner, lambda: "has learnt" in said.getvalue())
    assert model.read_bytes() == b"a model"
    assert given[0] is not None
    assert given[0].read_text(encoding="utf-8") == load_lessons(settings).as_training_data()
    for _ in range(5):
        learner.step()
    assert len(given) == 1
    assert find_model_to_start_with(settings, load_lessons(settings)) == model


def test_what_was_withdrawn_is_unlearnt(
    settings: Settings, clock: FixedClock, written: str, quiet_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = teach(monkeypatch, WORKS)
    said = io.StringIO()
    learner = Learner(settings, Console(file=said), quiet_files, clock=clock, every=0.0, quiet=timedelta(0))
    run_until(learner, lambda: "has learnt" in said.getvalue())
    before = load_lessons(settings)
    asyncio.run(withdraw(settings, clock, written))
    lessons = load_lessons(settings)
    assert {each.entry for each in lessons.examples} == {"tool/icc-index"}
    assert lessons.mark not in {"", before.mark}
    run_until(learner, lambda: said.getvalue().count("has learnt") == 2)
    assert wanted_model(settings, lessons, mark="0123").exists()
    assert len(given) == 2


def test_a_training_that_fails_is_told_once_and_not_repeated(
    settings: Settings, clock: FixedClock, written: str, quiet_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = teach(monkeypatch, FAILS)
    said = io.StringIO()
    learner = Learner(settings, Console(file=said), quiet_files, clock=clock, every=0.0, quiet=timedelta(0))
    run_until(learner, lambda: "could not learn" in said.getvalue())
    for _ in range(5):
        learner.step()
    assert len(given) == 1


def test_nothing_is_unlearnt_while_the_database_is_away(
    settings: Settings, clock: FixedClock, written: str, quiet_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = teach(monkeypatch, WORKS)
    present = wanted_model(settings, load_lessons(settings), mark="0123")
    present.parent.mkdir()
    present.write_bytes(b"knows it")
    before = quiet_files.stat().st_mtime_ns
    learner = Learner(settings, Console(file=io.StringIO()), present, clock=clock, every=0.0, quiet=timedelta(0))
    file = settings.data_dir / "hub.sqlite3"
    file.rename(settings.data_dir / "away")
    learner.step()
    assert (given, quiet_files.stat().st_mtime_ns) == ([], before)
    file.unlink(missing_ok=True)
    (settings.data_dir / "away").rename(file)
    learner.step()
    assert given == []


def test_ending_stops_a_training(
    settings: Settings, clock: FixedClock, written: str, quiet_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, "import time; time.sleep(60)")
    said = io.StringIO()
    learner = Learner(settings, Console(file=said), quiet_files, clock=clock, every=0.0, quiet=timedelta(0))
    run_until(learner, lambda: "is learning" in said.getvalue())
    begun = time.monotonic()
    learner.end()
    assert time.monotonic() - begun < 5


def test_the_mark_changes_with_each_word() -> None:
    one = Lessons((Example("a/b", "en", "who pays"),), None)
    assert one.mark != Lessons((Example("a/b", "en", "who paid"),), None).mark
    assert one.mark != Lessons((Example("a/c", "en", "who pays"),), None).mark
    assert one.mark == Lessons((Example("a/b", "en", "who pays"),), None).mark
