"""`icchub subscribers`: taking people from a file, after a look at what it would do, and giving them out as one."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.database import with_session
from cli.words import say
from core.clock import SystemClock
from core.settings import PROJECT_ROOT, Settings
from core.texts import Texts
from knowledge.base import load_knowledge
from subscriptions.columns import Vocabulary
from subscriptions.errors import FileUnreadableError
from subscriptions.importing import Plan, has_contacts, import_subscribers, invite, list_rows, plan_import
from subscriptions.links import Links
from subscriptions.rows import ENCODINGS, write_csv, write_workbook
from subscriptions.topics import load_topics

WORKBOOK = ".xlsx"

subscribers_app = typer.Typer(no_args_is_help=True, help=say("help.subscribers"))
console = Console(highlight=False)


@subscribers_app.command("import", help=say("help.subscribers_import"))
def import_command(
    file: Path,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=say("help.dry_run"))] = False,
    ask: Annotated[bool, typer.Option("--invite", help=say("help.invite"))] = False,
    known: Annotated[bool | None, typer.Option("--known/--welcome", help=say("help.known_contacts"))] = None,
    encoding: Annotated[str | None, typer.Option(help=say("help.encoding", names=", ".join(ENCODINGS)))] = None,
    as_json: Annotated[bool, typer.Option("--json", help=say("help.json"))] = False,
) -> None:
    topics, clock, settings = load_topics(), SystemClock(), Settings()

    async def work(session: AsyncSession) -> tuple[Plan, int]:
        plan = await plan_import(
            session,
            _read(file),
            is_workbook=_is_workbook(file),
            base=load_knowledge(),
            topics=topics,
            vocabulary=Vocabulary.load(Texts.load(PROJECT_ROOT / "locales"), topics.facts),
            encoding=encoding,
        )
        asked = 0
        if not dry_run and not plan.problems:
            are_known = not await has_contacts(session) if known is None else known
            done = await import_subscribers(session, plan, topics=topics, clock=clock, are_known=are_known)
            if ask:
                asked = await invite(session, done.new, links=Links(settings.load_secret_key()), clock=clock)
        return plan, asked

    try:
        plan, asked = with_session(work)
    except FileUnreadableError as error:
        print(say(f"import.problem.{error.values['reason']}", **error.values), file=sys.stderr)
        raise typer.Exit(1) from None
    is_done = not dry_run and not plan.problems
    if as_json:
        print(json.dumps(_as_data(plan, is_done=is_done, asked=asked), ensure_ascii=False, indent=2))
    else:
        _show(plan, is_done=is_done, asked=asked)
    if plan.problems:
        raise typer.Exit(1)


@subscribers_app.command("export", help=say("help.subscribers_export"))
def export_command(
    file: Path, city: Annotated[str | None, typer.Option(help=say("help.subscribers_city"))] = None
) -> None:
    async def work(session: AsyncSession) -> list[dict[str, str]]:
        return [row async for row in list_rows(session, city=city)]

    rows = with_session(work)
    content = write_workbook(rows) if _is_workbook(file) else write_csv(rows).encode("utf-8-sig")
    file.unlink(missing_ok=True)
    # Names and addresses of people: for the owner of the file only.
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as target:
        target.write(content)
    console.print(say("subscribers.exported", count=len(rows), file=file), markup=False)


def _show(plan: Plan, *, is_done: bool, asked: int) -> None:
    for problem in plan.problems:
        reason = say(f"import.problem.{problem.key}", value=problem.value)
        console.print(say("import.row", row=problem.row, column=problem.column, reason=reason), markup=False)
    key = "subscribers.imported" if is_done else "subscribers.would_import"
    console.print(say(key, new=plan.new, changed=plan.changed, same=plan.same))
    if plan.problems:
        console.print(say("subscribers.bad_rows", count=len(plan.problems)))
    if asked:
        console.print(say("subscribers.asked", count=asked))


def _as_data(plan: Plan, *, is_done: bool, asked: int) -> dict[str, object]:
    return {
        "done": is_done,
        "new": plan.new,
        "changed": plan.changed,
        "same": plan.same,
        "asked_to_confirm": asked,
        "problems": [
            {"row": problem.row, "column": problem.column, "problem": problem.key, "value": problem.value}
            for problem in plan.problems
        ],
    }


def _is_workbook(file: Path) -> bool:
    return file.suffix.lower() == WORKBOOK


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        raise FileUnreadableError(reason="not_there", value=str(file)) from None
