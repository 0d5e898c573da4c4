"""Commands that need no running hub: no hub, doctor, evaluation's arithmetic, links, backup and restore."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from cli import backup as backups
from cli.doctor import examine
from cli.evaluation import Question, judge, read_questions, wilson
from cli.linkcheck import check_links
from cli.main import run as run_command
from cli.parity import list_missing
from conversation.handoffs import create_handoff, list_handoffs
from conversation.replies import Wording
from core.clock import FixedClock
from core.database import Database
from core.errors import ConfigurationError
from core.languages import RELEASED
from core.settings import PROJECT_ROOT, Settings
from migrations.run import migrate
from tests.services import free_port


@dataclass(frozen=True)
class Done:
    """What a command said, and how it ended."""

    returncode: int
    stdout: str
    stderr: str


def run(*words: str, **environment: str) -> Done:
    """A command in this process, by its entry point: a process of its own takes seconds to start."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["icchub", *words])
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            run_command()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Done(status, out.getvalue(), err.getvalue())


def start(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "cli", *words],
        cwd=PROJECT_ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("words", [("ask", "hello"), ("evaluate", "{file}")])
def test_without_a_hub_it_says_so_in_one_sentence_and_exits_with_3(words: tuple[str, ...], tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"text": "hello", "language": "en", "expect": "out_of_scope"}\n', encoding="utf-8")
    done = run(*(word.format(file=questions) for word in words), HUB_PORT=str(free_port()))
    assert done.returncode == 3
    assert done.stderr.strip().count("\n") == 0
    assert "make run" in done.stderr


def test_every_command_has_help() -> None:
    done = start("--help")
    for command in (
        "ask",
        "evaluate",
        "knowledge",
        "links",
        "train",
        "migrate",
        "handoff",
        "backup",
        "restore",
        "doctor",
    ):
        assert command in done.stdout


async def test_doctor_names_what_is_wrong_and_how_to_mend_it(settings: Settings) -> None:
    findings = {finding.text: finding.is_wrong for finding in await examine(settings)}
    assert any(wrong and "icchub migrate" in text for text, wrong in findings.items())
    assert any("No hub answers" in text for text in findings)


@pytest.mark.parametrize("command", ["doctor", "migrate", "serve"])
@pytest.mark.parametrize(("name", "value"), [("HUB_PORT", "abc"), ("HUB_DATABASE_URL", "mysql://u:secret@h/d")])
def test_a_setting_that_cannot_be_used_is_named_in_one_sentence(command: str, name: str, value: str) -> None:
    done = run(command, **{name: value})
    assert done.returncode == 1
    assert name in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


async def test_doctor_asks_a_remote_assistant_redis_and_telegram(settings: Settings) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    away = settings.model_copy(
        update={
            "assistant_url": nobody,
            "redis_url": SecretStr(nobody.replace("http", "redis")),
            "telegram_token": SecretStr("12345:hidden"),
            "telegram_api_url": nobody,
        }
    )
    wrong = "\n".join(finding.text for finding in await examine(away) if finding.is_wrong)
    assert {"HUB_ASSISTANT_URL", "HUB_REDIS_URL", "HUB_TELEGRAM_TOKEN"} <= set(re.findall(r"HUB_[A-Z_]+", wrong))
    assert "hidden" not in wrong
    assert "make install" not in wrong


async def test_a_backup_that_fails_leaves_the_last_good_one(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(settings.async_database_url)
    await migrate(database)
    await database.close()
    target = tmp_path / "hub.tar.gz"
    await backups.back_up(settings, target)
    good = target.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups, "_add_file", full)
    with pytest.raises(OSError, match="No space"):
        await backups.back_up(settings, target)
    assert target.read_bytes() == good


async def test_doctor_finds_a_secret_key_that_others_can_read(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    settings.load_secret_key()
    (tmp_path / "secret_key").chmod(0o644)
    assert any(finding.is_wrong and "chmod 600" in finding.text for finding in await examine(settings))


def answer(*replies: dict[str, Any], understood: bool = True) -> dict[str, Any]:
    whole = [{"answer": None, "covers": [], "buttons": []} | reply for reply in replies]
    return {"understood": understood, "replies": whole}


def buttons(*ids: str) -> dict[str, Any]:
    return {"buttons": [{"title": "", "payload": f"/{entry}"} for entry in ids]}


@pytest.mark.parametrize(
    ("expect", "given", "first", "three"),
    [
        (["tool/a"], answer({"answer": "tool/a"}), True, True),
        (["tool/a"], answer({"answer": "tool/b", "covers": ["tool/a"]}), True, True),
        (["tool/a"], answer({"answer": "tool/b"}), False, False),
        (["tool/a"], answer(buttons("tool/b", "tool/c", "tool/a")), False, True),
        (["tool/a"], answer(buttons("tool/b", "tool/c", "tool/d", "tool/a")), False, False),
        ("report", answer({"answer": "flow/report"}, {"answer": "service/x"}), True, True),
        ("out_of_scope", answer({}, understood=False), True, True),
        ("out_of_scope", answer({"answer": "tool/a"}), False, False),
        ("choose", answer(buttons("tool/a")), True, True),
        ("choose", answer({"answer": "tool/a"}), False, False),
    ],
)
def test_answers_are_judged(expect: list[str] | str, given: dict[str, Any], first: bool, three: bool) -> None:
    outcome = judge(Question("?", "en", expect), given)
    assert (outcome.is_first, outcome.is_among_three) == (first, three)


def test_wilson_s_interval() -> None:
    low, high = wilson(90, 100)
    assert low == pytest.approx(0.8256, abs=1e-4)
    assert high == pytest.approx(0.9448, abs=1e-4)


def test_a_broken_line_of_questions_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text('{"text": "a", "language": "en", "expect": ["tool/a"]}\n{"text": "b"}\n', encoding="utf-8")
    with pytest.raises(SystemExit, match=":2:"):
        read_questions(path)


async def test_links_are_checked_and_the_broken_ones_named(wording: Wording) -> None:
    def site(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404 if request.url.host == "www.unar.it" else 200)

    results = await check_links(wording.base, transport=httpx.MockTransport(site))
    broken = {entry for result in results if result.is_broken for entry in result.entries}
    assert broken == {"service/it-unar"}


async def test_a_backup_restores_rows_and_key_also_on_the_other_database(
    settings: Settings, tmp_path: Path, clock: FixedClock, postgresql_url: str
) -> None:
    source = Settings(_env_file=None, data_dir=tmp_path / "source")
    database = Database(source.async_database_url)
    (tmp_path / "source").mkdir()
    await migrate(database)
    async with database.session() as session:
        await create_handoff(
            session, channel="webchat", sender_key="k", language="ar", question="متى؟", subject=None, clock=clock
        )
    await database.close()
    file = tmp_path / "hub.backup"
    key = source.load_secret_key()
    await backups.back_up(source, file)
    assert file.stat().st_mode & 0o077 == 0

    target = Settings(_env_file=None, data_dir=tmp_path / "target", database_url=SecretStr(postgresql_url))
    other = Database(target.async_database_url)
    async with other.engine.begin() as connection:
        await connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        await connection.exec_driver_sql("CREATE SCHEMA public")
    await backups.restore(target, file)
    async with other.session() as session:
        [handoff] = await list_handoffs(session)
        assert (handoff.question, handoff.created_at) == ("متى؟", clock.now())
        second = await create_handoff(
            session, channel="webchat", sender_key="k", language="en", question="new", subject=None, clock=clock
        )
        assert second.id != handoff.id
    await other.close()
    assert target.load_secret_key() == key


async def test_something_else_is_no_backup(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "not-a-backup"
    file.write_text("hello", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not a backup"):
        await backups.restore(settings, file)


def test_the_report_on_languages_names_sentences_word_lists_and_training_messages(wording: Wording) -> None:
    german = list_missing(wording.base, wording.texts, "de")
    assert {"chat.empty", "knowledge/texts/de/picks.yaml", "nlu_data/de/report.yml", "tool/icc-index"} <= set(german)
    assert not any(key.startswith("cli.") for key in german)


@pytest.mark.parametrize("language", RELEASED)
def test_a_released_language_lacks_nothing(wording: Wording, language: str) -> None:
    assert list_missing(wording.base, wording.texts, language) == []


def test_languages_are_listed_as_data() -> None:
    rows = json.loads(run("languages", "list", "--json").stdout)
    assert {row["code"] for row in rows if row["released"]} == {"en", "fr", "it", "ar"}
