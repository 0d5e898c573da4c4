"""`icchub answers`: what the team wrote, as a list; it is written in the back office."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.database import with_database
from cli.words import say
from core.database import Database
from knowledge.written.service import WholeAnswer, list_answers

answers_app = typer.Typer(no_args_is_help=True, help=say("help.answers"))
console = Console(highlight=False)


@answers_app.command("list", help=say("help.answers_list"))
def show(as_json: Annotated[bool, typer.Option("--json", help=say("help.json"))] = False) -> None:
    async def work(database: Database) -> list[dict[str, Any]]:
        async with database.session() as session:
            return [_as_data(whole) for whole in await list_answers(session)]

    rows = with_database(work)
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
    elif not rows:
        console.print(say("answers_none"))
    for row in [] if as_json else rows:
        console.print(say("answers_row", **row | {"languages": " ".join(row["languages"])}), markup=False)


def _as_data(whole: WholeAnswer) -> dict[str, Any]:
    return {
        "entry": whole.answer.entry,
        "status": whole.answer.status,
        "title": whole.title,
        "languages": sorted(whole.texts),
        "examples": sum(map(len, whole.examples.values())),
        "changed_at": whole.answer.changed_at.isoformat(timespec="minutes"),
    }
