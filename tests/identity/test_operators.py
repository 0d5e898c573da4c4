"""Operators and how they get in, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from pydantic import SecretStr
from sqlmodel import select

from cli import backup as backups
from core.clock import FixedClock
from core.database import Database
from core.settings import Settings
from identity.errors import (
    LastAdministratorError,
    OperatorInvalidError,
    OperatorLinkExpiredError,
    OperatorSignInRefusedError,
    OperatorTakenError,
)
from identity.operator_session import (
    LinkKind,
    OperatorLink,
    OperatorSession,
    expire_operator_sessions,
    get_signed_in,
    issue_first_link,
    issue_link,
    peek_link,
    set_up,
    sign_in,
    sign_in_by_link,
)
from identity.operators import (
    KEEP_ACTS,
    Operator,
    OperatorRole,
    close_operator,
    create_operator,
    expire_acts,
    list_acts,
    list_operators,
    record,
    update_operator,
)
from identity.throttle import Throttle
from identity.totp import new_secret

PASSWORD = "correct horse battery staple"
KEY = "only-for-tests"


async def invited(database: Database, clock: FixedClock, role: str = "editor", **values: object) -> Operator:
    async with database.session() as session:
        email = str(values.pop("email", f"{role}@example.org"))
        return await create_operator(session, email=email, name="Vera", role=role, clock=clock, **values)


async def joined(database: Database, clock: FixedClock, role: str = "editor", **values: object) -> tuple[Operator, str]:
    """An operator who chose a password, and the secret of the app."""
    operator, secret = await invited(database, clock, role, **values), new_secret()
    async with database.session() as session:
        token = await issue_link(session, operator.id, LinkKind.SETUP, clock=clock)
        code = str(pyotp.TOTP(secret).at(clock.at))
        await set_up(session, token, password=PASSWORD, totp_secret=secret, code=code, secret_key=KEY, clock=clock)
    clock.at += timedelta(seconds=60)
    return operator, secret


async def test_an_address_is_one_operator_in_any_case_of_letters(database: Database, clock: FixedClock) -> None:
    await invited(database, clock, email="Vera@Example.org")
    with pytest.raises(OperatorTakenError):
        await invited(database, clock, email="vera@example.ORG")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"role": "king"}, "role"),
        ({"role": "network"}, "network"),
        ({"language": "tlh"}, "language"),
        ({"languages": ["tlh"]}, "language"),
        ({"time_zone": "Mars"}, "time_zone"),
    ],
)
async def test_what_cannot_be_is_refused(
    database: Database, clock: FixedClock, values: dict[str, object], field: str
) -> None:
    with pytest.raises(OperatorInvalidError) as refused:
        await invited(database, clock, **values)  # type: ignore[arg-type]
    assert refused.value.values["field"] == field


async def test_of_two_who_use_a_sign_in_link_at_once_one_gets_in(database: Database, clock: FixedClock) -> None:
    operator, _ = await joined(database, clock)
    async with database.session() as session:
        token = await issue_link(session, operator.id, LinkKind.SIGN_IN, clock=clock)

    async def use() -> str:
        async with database.session() as session:
            return await sign_in_by_link(session, token, clock=clock)

    outcomes = await asyncio.gather(use(), use(), return_exceptions=True)
    assert sorted(isinstance(one, str) for one in outcomes) == [False, True]
    [refused] = [one for one in outcomes if not isinstance(one, str)]
    assert isinstance(refused, OperatorLinkExpiredError)


async def test_one_code_lets_in_once_even_at_the_same_moment(database: Database, clock: FixedClock) -> None:
    operator, secret = await joined(database, clock)
    code = str(pyotp.TOTP(secret).at(clock.at))

    async def enter(source: str) -> str:
        async with database.session() as session:
            return await sign_in(
                session,
                operator.email,
                PASSWORD,
                code,
                source=source,
                throttle=Throttle(KEY, clock),
                secret_key=KEY,
                clock=clock,
            )

    outcomes = await asyncio.gather(enter("a"), enter("b"), return_exceptions=True)
    assert [type(one) for one in outcomes if not isinstance(one, str)] == [OperatorSignInRefusedError]


async def test_a_sealed_secret_opens_for_its_own_operator_alone(database: Database, clock: FixedClock) -> None:
    one, secret = await joined(database, clock, "editor")
    other, _ = await joined(database, clock, "approver")
    async with database.session() as session:
        mine, theirs = await session.get_one(Operator, one.id), await session.get_one(Operator, other.id)
        theirs.totp_secret = mine.totp_secret
        session.add(theirs)
        await session.commit()
        with pytest.raises(OperatorSignInRefusedError):
            await sign_in(
                session,
                other.email,
                PASSWORD,
                str(pyotp.TOTP(secret).at(clock.at)),
                source="",
                throttle=Throttle(KEY, clock),
                secret_key=KEY,
                clock=clock,
            )


async def test_links_end_and_a_new_one_ends_the_one_before(database: Database, clock: FixedClock) -> None:
    operator = await invited(database, clock)
    async with database.session() as session:
        first = await issue_link(session, operator.id, LinkKind.SETUP, clock=clock)
        second = await issue_link(session, operator.id, LinkKind.SETUP, clock=clock)
        with pytest.raises(OperatorLinkExpiredError):
            await peek_link(session, LinkKind.SETUP, first, clock=clock)
        with pytest.raises(OperatorLinkExpiredError):
            await peek_link(session, LinkKind.SIGN_IN, second, clock=clock)
        clock.at += timedelta(hours=71, minutes=59)
        assert await peek_link(session, LinkKind.SETUP, second, clock=clock) is not None
        clock.at += timedelta(minutes=1)
        with pytest.raises(OperatorLinkExpiredError):
            await peek_link(session, LinkKind.SETUP, second, clock=clock)


async def test_the_first_link_ends_with_the_first_who_joins_in_another_way(
    database: Database, clock: FixedClock
) -> None:
    async with database.session() as session:
        link = await issue_first_link(session, clock=clock)
        assert link is not None
        assert await peek_link(session, LinkKind.SETUP, link, clock=clock) is None
    await joined(database, clock)
    async with database.session() as session:
        with pytest.raises(OperatorLinkExpiredError):
            await peek_link(session, LinkKind.SETUP, link, clock=clock)


async def test_somebody_who_can_let_others_in_always_stays(database: Database, clock: FixedClock) -> None:
    first, _ = await joined(database, clock, "administrator")
    await invited(database, clock, "administrator", email="not.yet@example.org")
    async with database.session() as session:
        with pytest.raises(LastAdministratorError):
            await close_operator(session, first.id, clock=clock)
        with pytest.raises(LastAdministratorError):
            await update_operator(session, first.id, role="editor")
    second, _ = await joined(database, clock, "administrator", email="second@example.org")
    async with database.session() as session:
        await close_operator(session, first.id, clock=clock)
        with pytest.raises(LastAdministratorError):
            await close_operator(session, second.id, clock=clock)


async def test_texts_are_approved_by_whoever_has_the_language(database: Database, clock: FixedClock) -> None:
    await joined(database, clock, "administrator")
    await joined(database, clock, "approver", languages=["ar", "fr"])
    await joined(database, clock, "network", network="RECI", language="es")
    await joined(database, clock, "editor", languages=["ar"])
    async with database.session() as session:
        found = {
            language: [one.role for one in await list_operators(session) if one.may_approve(language)]
            for language in ("ar", "es", "it")
        }
    admin, approver, network = OperatorRole.ADMINISTRATOR, OperatorRole.APPROVER, OperatorRole.NETWORK
    assert {language: set(roles) for language, roles in found.items()} == {
        "ar": {admin, approver},
        "es": {admin, network},
        "it": {admin},
    }


async def test_what_ended_is_deleted(database: Database, clock: FixedClock) -> None:
    operator, _ = await joined(database, clock)
    async with database.session() as session:
        await issue_link(session, operator.id, LinkKind.SIGN_IN, clock=clock)
        assert await expire_operator_sessions(session, clock=clock) == 0
        clock.at += timedelta(hours=3)
        assert await expire_operator_sessions(session, clock=clock) == 2


async def test_a_restore_brings_nobody_back_into_the_team_and_no_session(
    database: Database, settings: Settings, clock: FixedClock, tmp_path: Path
) -> None:
    url = None if database.url.startswith("sqlite") else SecretStr(database.url)
    stored = settings.model_copy(update={"database_url": url, "secret_key": None})
    await joined(database, clock, "administrator")
    editor, _ = await joined(database, clock, "editor")
    await backups.back_up(stored, tmp_path / "hub.backup")
    async with database.session() as session:
        await close_operator(session, editor.id, clock=clock)
    await backups.restore(stored, tmp_path / "hub.backup", clock=clock)
    async with database.session() as session:
        team = {one.role: one for one in await session.exec(select(Operator))}
        assert team["administrator"].password_hash is not None
        assert (team["editor"].password_hash, team["editor"].joined_at) == (None, None)
        assert list(await session.exec(select(OperatorSession))) == []
        assert list(await session.exec(select(OperatorLink))) == []
        with pytest.raises(Exception, match="session_ended"):
            await get_signed_in(session, "x", clock=clock)


async def test_the_trail_is_kept_for_three_years(database: Database, clock: FixedClock) -> None:
    async with database.session() as session:
        record(session, "op", "event.created", "old", clock=clock)
        clock.at += timedelta(hours=1)
        record(session, "op", "event.changed", "younger", clock=clock)
        await session.commit()
        clock.at += KEEP_ACTS - timedelta(hours=1)
        assert await expire_acts(session, clock=clock) == 1
        assert [act.act for act in await list_acts(session)] == ["event.changed"]
        assert await expire_acts(session, clock=clock) == 0
