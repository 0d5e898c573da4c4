"""`icchub desk` and `icchub officer`: setting up who receives reports. Everything after that is done by officers
themselves, in the desk's pages: this machine never sees a password or a key."""

from __future__ import annotations

import re
from typing import Annotated

import typer
from rich.console import Console
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.database import with_session
from cli.words import say
from core.clock import SystemClock
from core.errors import ConfigurationError
from core.normalise import fold
from core.settings import Settings
from knowledge.base import load_knowledge
from knowledge.places import Gazetteer, place_from_input
from reports.desks import create_desk, get_desk, is_open, list_missing
from reports.models import Desk, DeskKind
from reports.officers import create_officer

desk_app = typer.Typer(no_args_is_help=True, help=say("help.desk"))
officer_app = typer.Typer(no_args_is_help=True, help=say("help.officer"))
console = Console(highlight=False)

INVITATION_PATH = "/desk/invitation/{token}"
"""The page on which an invited officer chooses a password."""


@desk_app.command("create", help=say("help.desk_create"))
def desk_create(
    name: str,
    kind: Annotated[DeskKind, typer.Option(help=say("help.desk_kind"))],
    place: Annotated[list[str] | None, typer.Option(help=say("help.desk_place"))] = None,
    language: Annotated[list[str] | None, typer.Option(help=say("help.desk_language"))] = None,
    service: Annotated[str | None, typer.Option(help=say("help.desk_service"))] = None,
    desk_id: Annotated[str | None, typer.Option("--id", help=say("help.desk_id"))] = None,
) -> None:
    identifier = desk_id or re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")[:60]
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,59}", identifier):
        raise ConfigurationError(reason=say("desk.id_wrong", id=identifier))
    places = _places(place or [], service)

    async def work(session: AsyncSession) -> None:
        await create_desk(
            session,
            identifier,
            name,
            kind=kind,
            places=places,
            languages=language or [],
            service=service,
            clock=SystemClock(),
        )

    with_session(work)
    console.print(say("desk.created", name=name, id=identifier), markup=False, soft_wrap=True)


@desk_app.command("list", help=say("help.desk_list"))
def desk_list() -> None:
    async def work(session: AsyncSession) -> list[tuple[Desk, list[str]]]:
        desks = await session.exec(select(Desk).order_by(col(Desk.id)))
        return [(desk, await list_missing(session, desk)) for desk in desks]

    for desk, missing in with_session(work):
        state = "desk.open" if is_open(desk) else "desk.closed"
        lacks = ", ".join(missing) or "-"
        console.print(
            say("desk.row", id=desk.id, name=desk.name, kind=desk.kind, state=say(state), missing=lacks), markup=False
        )


@officer_app.command("create", help=say("help.officer_create"))
def officer_create(
    desk: str,
    login: str,
    name: str,
    language: Annotated[str, typer.Option(help=say("help.officer_language"))] = "en",
) -> None:
    settings = Settings()

    async def work(session: AsyncSession) -> str:
        await get_desk(session, desk)
        return await create_officer(session, desk, login=login, name=name, language=language, clock=SystemClock())

    token = with_session(work)
    address = (settings.public_url or settings.address) + INVITATION_PATH.format(token=token)
    console.print(say("officer.invited", name=name, address=address), markup=False, soft_wrap=True)


def _places(named: list[str], service: str | None) -> list[str]:
    """Ids of the gazetteer for names in any language. Raises ConfigurationError for what is not known."""
    base = load_knowledge()
    if service is not None and service not in base.entries:
        raise ConfigurationError(reason=say("desk.service_unknown", id=service))
    gazetteer = Gazetteer.load(base)
    found = {name: place_from_input(gazetteer, name) for name in named}
    unknown = [name for name, place in found.items() if place is None]
    if unknown:
        raise ConfigurationError(reason=say("desk.place_unknown", name=unknown[0]))
    return [place.id for place in found.values() if place is not None]
