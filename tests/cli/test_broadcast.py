"""`icchub broadcast` begins drafts, shows them, and stops what goes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from core.database import Database
from core.settings import Settings
from migrations.run import migrate


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HUB_DATABASE_URL", "")

    async def prepare() -> None:
        database = Database(Settings().async_database_url)
        await migrate(database)
        await database.close()

    asyncio.run(prepare())


def icchub(*words: str) -> Result:
    return CliRunner().invoke(app, ["broadcast", *words])


def create(tmp_path: Path) -> str:
    file = tmp_path / "message.md"
    file.write_text("# Webinar on Monday\n\nCome **all**.\n", encoding="utf-8")
    found: dict[str, Any] = json.loads(icchub("create", str(file), "--topic", "webinars", "--json").output)
    return str(found["id"])


def test_a_draft_is_made_from_a_file_and_shown(tmp_path: Path) -> None:
    draft_id = create(tmp_path)

    (row,) = json.loads(icchub("list", "--json").output)
    shown = json.loads(icchub("show", draft_id, "--json").output)

    assert (row["id"], row["subject"], row["status"]) == (draft_id, "Webinar on Monday", "draft")
    assert (shown["texts"], shown["reaches"]) == ({"en": "original"}, 0)
    assert shown["missed_cities"]


def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path: Path) -> None:
    draft_id = create(tmp_path)

    assert icchub("pause", draft_id).exit_code == 1
    assert icchub("create", str(tmp_path / "nowhere.md")).exit_code == 1
    assert icchub("cancel", draft_id).exit_code == 0
    assert json.loads(icchub("list", "--json").output)[0]["status"] == "cancelled"
