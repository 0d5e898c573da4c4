"""Answers of the team are in the backup, and come back on the other database too."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from pydantic import SecretStr

from cli import backup as backups
from core.clock import FixedClock
from core.database import Database
from core.settings import Settings
from knowledge.base import load_knowledge
from knowledge.written.forms import AnswerForm
from knowledge.written.lessons import read_lessons
from knowledge.written.service import (
    add_examples,
    get_answer,
    list_settled,
    publish_answer,
    question_key,
    save_answer,
    settle_questions,
)
from migrations.run import migrate
from tests.cli.test_commands import run

FORM = AnswerForm(
    language="ar",
    title="من يدفع؟",
    text="يدفع مجلس أوروبا أجرة المترجمين.",
    links=(("الصفحة", "https://example.org/ask"),),
    source="Rules, section 4",
    as_of="2026-05-04",
    examples=("من يدفع للمترجمين", "هل الترجمة مجانية", "أجرة المترجمين"),
)


async def test_written_answers_survive_a_backup(tmp_path: Path, clock: FixedClock, postgresql_url: str) -> None:
    base = load_knowledge()
    source = Settings(_env_file=None, data_dir=tmp_path / "source")
    (tmp_path / "source").mkdir()
    database = Database(source.async_database_url)
    await migrate(database)
    async with database.session() as session:
        whole = await save_answer(session, None, FORM, base=base, by="x", clock=clock)
        await publish_answer(session, whole.answer.id, seen=whole.seen, by="x", clock=clock)
        await add_examples(session, "tool/icc-index", [("en", "the big test")], base=base, clock=clock)
        await settle_questions(session, [("en", "asdf")], entry=None, clock=clock)
        await session.commit()
        mark = (await read_lessons(session)).mark
    await database.close()
    await backups.back_up(source, tmp_path / "hub.backup")

    target = Settings(_env_file=None, data_dir=tmp_path / "target", database_url=SecretStr(postgresql_url))
    await backups.restore(target, tmp_path / "hub.backup")
    other = Database(target.async_database_url)
    async with other.session() as session:
        restored = await get_answer(session, "answer-1")
        assert (restored.answer.status, restored.answer.as_of) == ("published", whole.answer.as_of)
        assert restored.texts["ar"].links == [{"title": "الصفحة", "url": "https://example.org/ask"}]
        assert restored.examples["ar"] == list(FORM.examples)
        assert (await read_lessons(session)).mark == mark
        assert await list_settled(session) == {("en", question_key("asdf"))}
        here = {"HUB_DATA_DIR": str(source.data_dir), "HUB_DATABASE_URL": ""}
        listed = await asyncio.to_thread(run, "answers", "list", "--json", **here)
        (row,) = json.loads(listed.stdout)
        assert (row["entry"], row["status"], row["languages"], row["examples"]) == (
            "answer/answer-1", "published", ["ar"], 3,
        )  # fmt: skip
        # New rows get numbers of their own.
        await add_examples(session, "tool/icc-index", [("en", "the other test")], base=base, clock=clock)
        await session.commit()
    await other.close()
