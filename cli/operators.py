"""`icchub operator`: letting people of the ICC team into the back office. This machine never sees a password."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.database import with_session
from cli.words import say
from core.clock import SystemClock
from core.database import Database
from core.settings import Settings
from identity.errors import OperatorNotFoundError
from identity.operator_session import LinkKind, issue_first_link, issue_link
from identity.operators import (
    Operator,
    OperatorRole,
    close_operator,
    create_operator,
    find_operator,
    list_operators,
    record,
)

SETUP_PATH = "/office/setup/{token}"
"""The page on which an operator chooses a password."""

operator_app = typer.Typer(no_args_is_help=True, help=say("help.operator"))
console = Console(highlight=False)


@operator_app.command("create", help=say("help.operator_create"))
def create_command(
    email: str,
    name: Annotated[str, typer.Option(help=say("help.operator_name"))],
    role: Annotated[OperatorRole, typer.Option(help=say("help.operator_role"))] = OperatorRole.EDITOR,
    language: Annotated[str, typer.Option(help=say("help.operator_language"))] = "en",
    approves: Annotated[list[str] | None, typer.Option(help=say("help.operator_approves"))] = None,
    network: Annotated[str | None, typer.Option(help=say("help.operator_network"))] = None,
) -> None:
    clock = SystemClock()

    async def work(session: AsyncSession) -> str:
        operator = await create_operator(
            session,
            email=email,
            name=name,
            role=role,
            clock=clock,
            language=language,
            languages=approves or [],
            network=network,
        )
        record(session, None, "office.invited", operator.id, clock=clock)
        return await issue_link(session, operator.id, LinkKind.SETUP, clock=clock)

    token = with_session(work)
    console.print(
        say("operator.invited", name=name, address=setup_link(Settings(), token)), markup=False, soft_wrap=True
    )


@operator_app.command("link", help=say("help.operator_link"))
def link_command(email: str) -> None:
    async def work(session: AsyncSession) -> tuple[str, str]:
        operator = await _get(session, email)
        return operator.name, await issue_link(session, operator.id, LinkKind.SETUP, clock=SystemClock())

    name, token = with_session(work)
    console.print(
        say("operator.invited", name=name, address=setup_link(Settings(), token)), markup=False, soft_wrap=True
    )


@operator_app.command("list", help=say("help.operator_list"))
def list_command(as_json: Annotated[bool, typer.Option("--json", help=say("help.json"))] = False) -> None:
    team = with_session(list_operators)
    if as_json:
        shown = {"email", "name", "role", "language", "languages", "network", "created_at", "joined_at"}
        print(json.dumps([one.model_dump(mode="json", include=shown) for one in team], ensure_ascii=False, indent=2))
        return
    for one in team:
        state = say("operator.joined" if one.joined_at else "operator.waiting")
        console.print(say("operator.row", email=one.email, name=one.name, role=one.role, state=state), markup=False)


@operator_app.command("close", help=say("help.operator_close"))
def close_command(email: str) -> None:
    async def work(session: AsyncSession) -> str:
        operator = await _get(session, email)
        record(session, None, "office.closed", operator.id, clock=SystemClock())
        await close_operator(session, operator.id, clock=SystemClock())
        return operator.name

    console.print(say("operator.closed", name=with_session(work)), markup=False)


async def first_link(settings: Settings) -> str | None:
    """The address at which the first administrator is made; None when somebody can sign in already."""
    database = Database(settings.async_database_url)
    try:
        async with database.session() as session:
            token = await issue_first_link(session, clock=SystemClock())
    finally:
        await database.close()
    return setup_link(settings, token) if token else None


def setup_link(settings: Settings, token: str) -> str:
    """Where a set-up link leads."""
    return (settings.public_url or settings.address) + SETUP_PATH.format(token=token)


async def _get(session: AsyncSession, email: str) -> Operator:
    operator = await find_operator(session, email)
    if operator is None:
        raise OperatorNotFoundError
    return operator
