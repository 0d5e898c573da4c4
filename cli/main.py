"""`icchub`: every command of the hub. Each is thin: it reads its options, calls one service, prints.

Sentences for people come from locales/<language>/cli.yml; the command line speaks English. What takes long to load and
one command alone needs is loaded by it, so that nobody waits for it who only asks.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from cli import client, evaluation, learning, linkcheck, supervisor, worker
from cli.answers import answers_app
from cli.broadcast import broadcast_app
from cli.database import with_database, with_session
from cli.desks import desk_app, officer_app
from cli.languages import languages_app
from cli.operators import operator_app
from cli.parity import list_missing
from cli.subscribers import subscribers_app
from cli.words import say
from conversation.handoffs import answer_handoff, list_handoffs
from core.clock import SystemClock
from core.database import Database
from core.errors import HubError
from core.languages import LANGUAGES
from core.settings import PROJECT_ROOT, Settings
from core.texts import Texts
from knowledge.base import load_knowledge
from knowledge.errors import KnowledgeError
from knowledge.written.live import list_given_entries

NO_HUB = 3
"""Exit status when no hub answers."""

app = typer.Typer(no_args_is_help=True, help=say("help.icchub"), pretty_exceptions_enable=False)
handoff_app = typer.Typer(no_args_is_help=True, help=say("help.handoff"))
app.add_typer(handoff_app, name="handoff")
app.add_typer(answers_app, name="answers")
app.add_typer(languages_app, name="languages")
app.add_typer(subscribers_app, name="subscribers")
app.add_typer(broadcast_app, name="broadcast")
app.add_typer(desk_app, name="desk")
app.add_typer(officer_app, name="officer")
app.add_typer(operator_app, name="operator")

AsJson = Annotated[bool, typer.Option("--json", help=say("help.json"))]
Url = Annotated[str | None, typer.Option(help=say("help.url"))]

console = Console(highlight=False)


def run() -> None:
    """Entry point: an error that we can name is one sentence and exit status 1, never a stack trace."""
    try:
        app()
    except client.NoHubError as error:
        print(say("no_hub", address=error.address), file=sys.stderr)
        sys.exit(NO_HUB)
    except KnowledgeError as error:
        print("\n".join([say("knowledge_broken", count=len(error.problems)), *error.problems]), file=sys.stderr)
        sys.exit(1)
    except HubError as error:
        print(say(error.text_key, **error.values), file=sys.stderr)
        sys.exit(1)
    except SQLAlchemyError as error:
        print(say("no_database", reason=type(error).__name__), file=sys.stderr)
        sys.exit(1)
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        print("\n".join(_wrong_settings(error)), file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(say("file_trouble", path=error.filename, reason=error.strerror or error), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _wrong_settings(error: ValidationError) -> list[str]:
    """A sentence for each setting that cannot be used; never its value, which may be a secret."""
    prefix = Settings.model_config.get("env_prefix", "")
    return [
        say("wrong_setting", name=f"{prefix}{problem['loc'][0]}".upper(), reason=problem["msg"])
        for problem in error.errors(include_input=False, include_url=False)
    ]


@app.command(help=say("help.run"))
def serve() -> None:
    sys.exit(supervisor.run(Settings()))


@app.command(help=say("help.hub"))
def hub() -> None:
    supervisor.serve_hub(Settings())


@app.command("worker", help=say("help.worker"))
def work() -> None:
    worker.run(Settings(), console)


@app.command(help=say("help.ask"))
def ask(
    text: str,
    language: Annotated[str | None, typer.Option(help=say("help.language"))] = None,
    city: Annotated[str | None, typer.Option(help=say("help.city"))] = None,
    sender: Annotated[str | None, typer.Option(help=say("help.sender"))] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    answer = client.ask(client.hub_address(Settings(), url), text, language=language, city=city, sender=sender)
    if as_json:
        _print_json(answer)
        return
    for reply in answer["replies"]:
        console.print(reply["text"], markup=False)
        for link in reply["links"]:
            console.print(f"  → {link['title']}: {link['url']}", markup=False)
        for button in reply["buttons"]:
            console.print(f"  [{button['payload']}] {button['title']}", markup=False)
        console.print()


@app.command(help=say("help.evaluate"))
def evaluate(
    file: Path,
    url: Url = None,
    misses: Annotated[bool, typer.Option(help=say("help.misses"))] = True,
    as_json: AsJson = False,
) -> None:
    report = evaluation.evaluate(client.hub_address(Settings(), url), file)
    if as_json:
        _print_json(report.as_data())
    else:
        evaluation.print_report(report, console, with_misses=misses)


@app.command(help=say("help.knowledge"))
def knowledge(as_json: AsJson = False) -> None:
    base = load_knowledge()
    texts = Texts.load(PROJECT_ROOT / "locales")
    lacks = {code: list_missing(base, texts, code) for code in LANGUAGES}
    if as_json:
        _print_json({"entries": len(base.entries), "missing": lacks})
    else:
        table = Table(say("parity.language"), say("parity.released"), say("parity.missing"), say("parity.first"))
        for code, missing in lacks.items():
            released = "✓" if LANGUAGES[code].released else ""
            table.add_row(LANGUAGES[code].own_name, released, str(len(missing)), ", ".join(missing[:3]))
        console.print(table)
    if any(lacks[code] for code, language in LANGUAGES.items() if language.released):
        raise typer.Exit(1)


@app.command(help=say("help.links"))
def links(as_json: AsJson = False) -> None:
    base = load_knowledge()
    try:
        base.set_answers(with_session(list_given_entries))
    except (SQLAlchemyError, OSError):
        # A database that is not there yet has no answers; one that is away has some.
        print(say("links.no_answers"), file=sys.stderr)
    results = asyncio.run(linkcheck.check_links(base, console=None if as_json else console))
    if as_json:
        _print_json([result.as_data() for result in results])
    else:
        linkcheck.print_results(results, console)
    if any(result.is_broken for result in results):
        raise typer.Exit(1)


@app.command(help=say("help.train"))
def train(force: Annotated[bool, typer.Option(help=say("help.force"))] = False, as_json: AsJson = False) -> None:
    outcome = learning.train_all(Settings(), force=force, show=None if as_json else console)
    if as_json:
        _print_json(outcome.as_data())


@app.command(help=say("help.migrate"))
def migrate() -> None:
    from migrations.run import migrate as migrate_database

    console.print(say("migrated", revision=with_database(migrate_database)))


@app.command(help=say("help.backup"))
def backup(target: Path) -> None:
    from cli import backup as backups

    size = asyncio.run(backups.back_up(Settings(), target))
    console.print(say("backed_up", file=target, size=size))


@app.command(help=say("help.restore"))
def restore(source: Path, yes: Annotated[bool, typer.Option("--yes", help=say("help.without_asking"))] = False) -> None:
    from cli import backup as backups

    if not yes and not typer.confirm(say("restore_sure")):
        raise typer.Exit(1)
    asyncio.run(backups.restore(Settings(), source))
    console.print(say("restored", file=source))


@app.command("doctor", help=say("help.doctor"))
def doctor_command(as_json: AsJson = False) -> None:
    from cli import doctor

    findings = asyncio.run(doctor.examine(Settings()))
    if as_json:
        _print_json([finding.as_data() for finding in findings])
    else:
        doctor.print_findings(findings, console)
    if any(finding.is_wrong for finding in findings):
        raise typer.Exit(1)


@handoff_app.command("list", help=say("help.handoff_list"))
def handoff_list(
    everything: Annotated[bool, typer.Option("--all", help=say("help.handoff_all"))] = False, as_json: AsJson = False
) -> None:
    async def work(database: Database) -> list[dict[str, Any]]:
        async with database.session() as session:
            found = await list_handoffs(session, open_only=not everything)
        return [handoff.model_dump(mode="json", exclude={"sender_key"}) for handoff in found]

    rows: list[dict[str, Any]] = with_database(work)
    if as_json:
        _print_json(rows)
        return
    if not rows:
        console.print(say("handoff_none"))
    for row in rows:
        console.print(say("handoff_row", **row), markup=False)


@handoff_app.command("answer", help=say("help.handoff_answer"))
def handoff_answer(handoff_id: int, text: str) -> None:
    async def work(database: Database) -> None:
        async with database.session() as session:
            await answer_handoff(session, handoff_id, answer=text, clock=SystemClock())

    with_database(work)
    console.print(say("handoff_answered", id=handoff_id))


def _print_json(data: object) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=2))
