"""`icchub broadcast`: looking at messages to many, beginning a draft from a file, and stopping one in a hurry.

What needs a person's look, such as approving and sending, is done in the back office.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.database import with_session
from cli.words import say
from core.clock import SystemClock
from core.languages import SOURCE_LANGUAGE
from core.settings import Settings
from knowledge.base import load_knowledge
from subscriptions.audience import measure_reach
from subscriptions.broadcasts import release
from subscriptions.broadcasts.drafts import Outline, create_draft, get_broadcast, list_broadcasts, list_texts
from subscriptions.broadcasts.errors import BroadcastError
from subscriptions.broadcasts.progress import measure_progress
from subscriptions.broadcasts.texts import write_text
from subscriptions.models import BroadcastKind
from subscriptions.topics import load_topics

broadcast_app = typer.Typer(no_args_is_help=True, help=say("help.broadcast"))
console = Console(highlight=False)
AsJson = Annotated[bool, typer.Option("--json", help=say("help.json"))]


@dataclass(frozen=True)
class CommandLine:
    """Whoever may run commands on this machine. It releases nothing that needs two people."""

    id: str = "command-line"
    role: str = "administrator"
    network: str | None = None

    def may_approve(self, language: str) -> bool:
        return False


AUTHOR = CommandLine()


@broadcast_app.command("list", help=say("help.broadcast_list"))
def list_command(as_json: AsJson = False) -> None:
    async def work(session: AsyncSession) -> list[dict[str, Any]]:
        return [
            {
                "id": one.broadcast.id,
                "kind": one.broadcast.kind,
                "status": one.broadcast.status,
                "subject": one.subject,
                "due_at": one.broadcast.due_at.isoformat() if one.broadcast.due_at else None,
            }
            for one in await list_broadcasts(session, AUTHOR)
        ]

    rows = _with_session(work)
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table("id", say("broadcast.subject"), say("broadcast.kind"), say("broadcast.status"), say("broadcast.due"))
    for row in rows:
        table.add_row(row["id"], row["subject"], row["kind"], row["status"], row["due_at"] or "")
    console.print(table)


@broadcast_app.command("show", help=say("help.broadcast_show"))
def show_command(broadcast_id: str, as_json: AsJson = False) -> None:
    async def work(session: AsyncSession) -> dict[str, Any]:
        broadcast = await get_broadcast(session, broadcast_id)
        cities, clock = load_knowledge().cities, SystemClock()
        reach = await measure_reach(session, broadcast, topics=load_topics(), cities=cities, now=clock.now())
        progress = await measure_progress(session, broadcast)
        texts = await list_texts(session, broadcast_id)
        return {
            "id": broadcast.id,
            "kind": broadcast.kind,
            "texts": {code: text.state for code, text in texts.items()},
            "reaches": reach.count,
            "not_reached": {str(why): count for why, count in reach.not_reached.items()},
            "missed_cities": [missed.city for missed in reach.missed_cities],
            "progress": progress.as_data(),
        }

    found = _with_session(work)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    progress = found["progress"]
    console.print(say("broadcast.reaches", count=found["reaches"]))
    console.print(say("broadcast.misses", count=len(found["missed_cities"])))
    console.print(say("broadcast.progress", status=progress["status"], over=progress["over"], total=progress["total"]))


@broadcast_app.command("create", help=say("help.broadcast_create"))
def create_command(
    file: Path,
    topic: Annotated[list[str] | None, typer.Option(help=say("help.broadcast_topic"))] = None,
    kind: Annotated[BroadcastKind, typer.Option(help=say("help.broadcast_kind"))] = BroadcastKind.NEWS,
    language: Annotated[str, typer.Option(help=say("help.broadcast_language"))] = SOURCE_LANGUAGE,
    reason: Annotated[str, typer.Option(help=say("help.broadcast_reason"))] = "",
    as_json: AsJson = False,
) -> None:
    try:
        subject, body = _split(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        print(say("broadcast.unreadable", file=file), file=sys.stderr)
        raise typer.Exit(1) from None

    async def work(session: AsyncSession) -> str:
        clock = SystemClock()
        outline = Outline(kind=kind, original_language=language, topics_any=topic or (), reason=reason)
        draft = await create_draft(session, AUTHOR, outline, topics=load_topics(), clock=clock)
        draft_id = draft.id
        await write_text(session, AUTHOR, draft_id, language, subject=subject, body=body, clock=clock)
        return draft_id

    draft_id = _with_session(work)
    address = f"{Settings().public_url or Settings().address}/office/broadcasts/{draft_id}"
    if as_json:
        print(json.dumps({"id": draft_id, "url": address}))
    else:
        console.print(say("broadcast.created", url=address), markup=False, soft_wrap=True)


@broadcast_app.command("pause", help=say("help.broadcast_pause"))
def pause_command(broadcast_id: str) -> None:
    _with_session(lambda session: release.pause(session, AUTHOR, broadcast_id))
    console.print(say("broadcast.paused"))


@broadcast_app.command("resume", help=say("help.broadcast_resume"))
def resume_command(broadcast_id: str) -> None:
    _with_session(lambda session: release.resume(session, AUTHOR, broadcast_id))
    console.print(say("broadcast.resumed"))


@broadcast_app.command("cancel", help=say("help.broadcast_cancel"))
def cancel_command(broadcast_id: str) -> None:
    _with_session(lambda session: release.cancel(session, AUTHOR, broadcast_id, clock=SystemClock()))
    console.print(say("broadcast.cancelled"))


def _split(markdown: str) -> tuple[str, str]:
    """The first heading is the subject."""
    first, _, rest = markdown.strip().partition("\n")
    return first.lstrip("# ").strip(), rest.strip()


def _with_session[T](work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    try:
        return with_session(work)
    except BroadcastError as error:
        print(say(f"broadcast.problem.{error.code}", **error.values), file=sys.stderr)
        raise typer.Exit(1) from None
