"""Officers join with a password and codes, stay signed in for a short while, and are let in by a colleague."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pyotp
import pytest
from sqlmodel import select

from identity import passwords
from identity.errors import PasswordWeakError, SignInRefusedError, SignInThrottledError
from reports.audit import Act, list_entries
from reports.cases import list_cases, read_case
from reports.errors import (
    CaseNotFoundError,
    DeskKeyMissingError,
    InvitationUnknownError,
    NameTakenError,
    SessionEndedError,
)
from reports.models import Officer, OfficerSession
from reports.officers import (
    accept_invitation,
    change_password,
    confirm_invitation,
    create_officer,
    find_invited,
    get_signed_in,
    let_in,
    sign_in,
    sign_out,
)
from reports.recovery import keep_recovery_key
from tests.reports.world import PASSWORD, World

ANNA, BRUNO = "anna@bologna", "bruno@bologna"
NEW_PASSWORD = "quite another long password"


async def try_to_sign_in(world: World, login: str, password: str, code: str, source: str = "10.0.0.1") -> str:
    async with world.database.session() as session:
        return await sign_in(session, login, password, code, source=source, throttle=world.throttle, clock=world.clock)


async def test_signing_in_needs_name_password_and_code(world: World) -> None:
    await world.make_desk()
    anna = world.people[ANNA]
    assert (await world.sign_in(ANNA)).officer.name == "Anna"
    wrong = [
        ("nobody@bologna", PASSWORD, anna.code(world.clock)),
        (ANNA, "wrong horse battery staple", anna.code(world.clock)),
        (ANNA, PASSWORD, "000000"),
        (ANNA, PASSWORD, ""),
        (BRUNO, PASSWORD, anna.code(world.clock)),
    ]
    for number, (login, password, code) in enumerate(wrong):
        with pytest.raises(SignInRefusedError):
            await try_to_sign_in(world, login, password, code, source=f"10.0.1.{number}")
    token = await try_to_sign_in(world, f" {ANNA.upper()} ", PASSWORD, anna.code(world.clock))
    assert token


async def test_a_code_signs_in_once(world: World) -> None:
    await world.make_desk()
    code = world.people[ANNA].code(world.clock)
    await try_to_sign_in(world, ANNA, PASSWORD, code)
    with pytest.raises(SignInRefusedError):
        await try_to_sign_in(world, ANNA, PASSWORD, code)


async def test_of_two_who_use_one_code_at_once_one_gets_in(world: World) -> None:
    await world.make_desk()
    code = world.people[ANNA].code(world.clock)
    both = await asyncio.gather(
        *(try_to_sign_in(world, ANNA, PASSWORD, code) for _ in range(2)), return_exceptions=True
    )
    assert [type(one) for one in both].count(SignInRefusedError) == 1
    assert sum(not isinstance(one, BaseException) for one in both) == 1


async def test_guessing_is_slowed_down_even_for_the_right_password(world: World) -> None:
    await world.make_desk()
    for _ in range(5):
        with pytest.raises(SignInRefusedError):
            await try_to_sign_in(world, ANNA, PASSWORD, "000000")
    with pytest.raises(SignInThrottledError):
        await try_to_sign_in(world, ANNA, PASSWORD, world.people[ANNA].code(world.clock), source="10.0.0.9")
    world.clock.at += timedelta(minutes=2)
    await try_to_sign_in(world, ANNA, PASSWORD, world.people[ANNA].code(world.clock), source="10.0.0.9")


async def test_an_unknown_name_costs_the_same_work_and_says_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.make_desk()
    stretched: list[int] = []

    def count(secret: bytes, salt: bytes, passes: int, memory: int, *others: object) -> bytes:
        stretched.append(memory)
        return b"k" * 32

    monkeypatch.setattr("identity.passwords.hash_secret_raw", count)
    answers = []
    for login in (ANNA, "nobody@bologna"):
        with pytest.raises(SignInRefusedError) as refused:
            await try_to_sign_in(world, login, "wrong horse battery staple", "000000")
        answers.append(str(refused.value))
    assert stretched == [passwords.MEMORY_KIB, passwords.MEMORY_KIB]
    assert answers[0] == answers[1]


async def test_a_session_ends_when_idle_after_eight_hours_and_on_leaving(world: World) -> None:
    await world.make_desk()
    anna = world.people[ANNA]

    async def is_in() -> bool:
        try:
            await world.signed_in(ANNA)
        except SessionEndedError:
            return False
        return True

    await world.sign_in(ANNA)
    world.clock.at += timedelta(minutes=29)
    assert await is_in()
    world.clock.at += timedelta(minutes=29)
    assert await is_in()
    world.clock.at += timedelta(minutes=31)
    assert not await is_in()

    await world.sign_in(ANNA)
    for _ in range(8 * 3 - 1):
        world.clock.at += timedelta(minutes=20)
        assert await is_in()
    world.clock.at += timedelta(minutes=21)
    assert not await is_in()

    signed_in = await world.sign_in(ANNA)
    async with world.database.session() as session:
        await sign_out(session, signed_in, clock=world.clock)
    assert not await is_in()
    async with world.database.session() as session:
        with pytest.raises(SessionEndedError):
            await get_signed_in(session, "made up", clock=world.clock)
    assert anna.token


async def test_an_invitation_works_once_and_for_a_week(world: World) -> None:
    await world.make_desk()
    async with world.database.session() as session:
        token = await create_officer(session, "bologna", login="Carla", name="Carla", clock=world.clock)
        with pytest.raises(InvitationUnknownError):
            await find_invited(session, token + "x", clock=world.clock)
        accepted = await accept_invitation(session, token, PASSWORD, clock=world.clock)
        # The page may be loaded again before the code is typed; only the last secret counts.
        again = await accept_invitation(session, token, NEW_PASSWORD, clock=world.clock)
        code = pyotp.TOTP(again.totp_secret).at(world.clock.at)
        with pytest.raises(SessionEndedError):
            await confirm_invitation(session, accepted.token, code, clock=world.clock)
        with pytest.raises(SignInRefusedError):
            await confirm_invitation(session, again.token, "000000", clock=world.clock)
        with pytest.raises(SessionEndedError):
            await get_signed_in(session, again.token, clock=world.clock)
        await confirm_invitation(session, again.token, code, clock=world.clock)
        with pytest.raises(InvitationUnknownError):
            await accept_invitation(session, token, PASSWORD, clock=world.clock)
        late = await create_officer(session, "bologna", login="dario", name="Dario", clock=world.clock)
        world.clock.at += timedelta(days=8)
        with pytest.raises(InvitationUnknownError):
            await accept_invitation(session, late, PASSWORD, clock=world.clock)


async def test_a_login_is_one_person_s_and_a_weak_password_nobody_s(world: World) -> None:
    await world.make_desk()
    async with world.database.session() as session:
        with pytest.raises(NameTakenError):
            await create_officer(session, "bologna", login=ANNA.upper(), name="Anna", clock=world.clock)
        token = await create_officer(session, "bologna", login="carla", name="Carla", clock=world.clock)
        with pytest.raises(PasswordWeakError):
            await accept_invitation(session, token, "carlacarlacarla", clock=world.clock)


async def test_who_was_not_let_in_reads_nothing_and_lets_nobody_in(world: World) -> None:
    await world.make_desk()
    sent = await world.send()
    await world.join("bologna", "carla")
    carla = await world.signed_in("carla")
    async with world.database.session() as session:
        with pytest.raises(DeskKeyMissingError):
            await list_cases(session, carla, clock=world.clock)
        with pytest.raises(DeskKeyMissingError):
            await read_case(session, carla, sent.case_id, clock=world.clock)
        with pytest.raises(DeskKeyMissingError):
            await let_in(session, carla, carla.officer.id, clock=world.clock)
        with pytest.raises(DeskKeyMissingError):
            await keep_recovery_key(session, carla, "", clock=world.clock)
    await world.let_in(ANNA, "carla")
    async with world.database.session() as session:
        [case] = await list_cases(session, await world.signed_in("carla"), clock=world.clock)
        assert case.report == sent.report


async def test_nobody_lets_in_an_officer_of_another_desk(world: World) -> None:
    await world.make_desk()
    await world.make_desk("milano")
    stranger = (await world.signed_in("anna@milano")).officer.id
    async with world.database.session() as session:
        with pytest.raises(CaseNotFoundError):
            await let_in(session, await world.signed_in(ANNA), stranger, clock=world.clock)


async def test_a_new_password_wraps_one_key_and_ends_other_sessions(world: World) -> None:
    await world.make_desk()
    sent = await world.send()
    elsewhere = world.people[ANNA].token
    here = await world.sign_in(ANNA)
    async with world.database.session() as session:
        before = (await session.get_one(Officer, here.officer.id)).model_dump()
        with pytest.raises(SignInRefusedError):
            await change_password(
                session,
                here,
                old="wrong horse battery staple",
                new=NEW_PASSWORD,
                source="10.0.0.1",
                throttle=world.throttle,
                clock=world.clock,
            )
        await change_password(
            session, here, old=PASSWORD, new=NEW_PASSWORD, source="10.0.0.1", throttle=world.throttle, clock=world.clock
        )
    async with world.database.session() as session:
        after = (await session.get_one(Officer, here.officer.id)).model_dump()
        with pytest.raises(SessionEndedError):
            await get_signed_in(session, elsewhere, clock=world.clock)
    assert {name for name in before if before[name] != after[name]} == {"salt", "wrapped_private_key"}
    with pytest.raises(SignInRefusedError):
        await world.sign_in(ANNA)
    world.people[ANNA].password = NEW_PASSWORD
    await world.sign_in(ANNA)
    async with world.database.session() as session:
        opened = await read_case(session, await world.signed_in(ANNA), sent.case_id, clock=world.clock)
        assert opened.summary.report == sent.report


async def test_the_token_of_a_session_is_not_in_its_row(world: World) -> None:
    await world.make_desk()
    signed_in = await world.sign_in(ANNA)
    token = world.people[ANNA].token
    async with world.database.session() as session:
        rows = list(await session.exec(select(OfficerSession)))
    for row in rows:
        assert token not in row.id
        assert signed_in.keys.private not in row.sealed_keys
    for shown in (repr(signed_in), repr(world.people[ANNA].token)):
        assert signed_in.keys.private.hex() not in shown


async def test_the_trail_tells_who_joined_and_signed_in(world: World) -> None:
    await world.make_desk()
    await world.sign_in(BRUNO)
    async with world.database.session() as session:
        acts = [entry.action for entry in await list_entries(session, "bologna")]
    assert acts[0] == Act.SIGNED_IN
    assert {Act.DESK_CREATED, Act.OFFICER_INVITED, Act.OFFICER_JOINED, Act.OFFICER_LET_IN, Act.DESK_OPENED} <= set(acts)
