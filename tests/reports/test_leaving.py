"""When an officer leaves, the keys are sealed anew and no content is touched; the printed key is the way back."""

from __future__ import annotations

import asyncio

import pyotp
import pytest
from sqlmodel import col, select

from reports.case_keys import key_context
from reports.cases import list_cases, read_case, submit
from reports.desks import create_desk, get_desk, is_open, list_missing
from reports.errors import (
    CaseNotFoundError,
    DeskNotFoundError,
    RecoveryKeyWrongError,
    SealBrokenError,
    SessionEndedError,
)
from reports.leaving import count_only_readable_by, leave
from reports.models import Case, Desk, DeskKind, DeskPeriod, Officer
from reports.officers import accept_invitation, confirm_invitation, create_officer, get_signed_in, let_in
from reports.receipts import derive, new_receipt
from reports.recovery import keep_recovery_key, new_recovery_key, recover
from reports.sealing import KeyPair, open_sealed
from reports.signed_in import open_for_desk, seal_for_desk
from tests.reports.world import PASSWORD, World, make_report

ANNA, BRUNO, CARLA = "anna@bologna", "bruno@bologna", "carla@bologna"


async def take_off(world: World, by: str, login: str) -> tuple[int, int, bool]:
    officer_id = (await world.signed_in(login)).officer.id
    async with world.database.session() as session:
        left = await leave(session, await world.signed_in(by), officer_id, clock=world.clock)
    return left.resealed, left.unreadable, left.desk_closed


async def contents(world: World) -> dict[str, bytes]:
    async with world.database.session() as session:
        return {case.id: case.body for case in await session.exec(select(Case))}


async def test_leaving_seals_keys_anew_and_touches_no_content(world: World) -> None:
    await world.make_desk("bologna", ANNA, BRUNO, CARLA)
    sent = [await world.send() for _ in range(3)]
    before, bruno = await contents(world), await world.signed_in(BRUNO)
    assert await take_off(world, ANNA, BRUNO) == (3, 0, False)
    assert await contents(world) == before
    with pytest.raises(SessionEndedError):
        await world.signed_in(BRUNO)
    for login in (ANNA, CARLA):
        async with world.database.session() as session:
            cases = await list_cases(session, await world.signed_in(login), clock=world.clock)
            assert {case.id for case in cases} == {one.case_id for one in sent}
    # The keys that the officer had in hand open nothing that the database holds now.
    later = await world.send()
    async with world.database.session() as session:
        assert bruno.desk_keys is not None
        for case in await session.exec(select(Case)):
            for keys in (bruno.desk_keys, bruno.keys):
                with pytest.raises(SealBrokenError):
                    open_sealed(keys, case.desk_sealed_key or b"", key_context(case.id))
        officer = await session.get_one(Officer, bruno.officer.id)
        assert (officer.wrapped_private_key, officer.sealed_desk_key, officer.sealed_totp) == (None, None, None)
        opened = await read_case(session, await world.signed_in(ANNA), later.case_id, clock=world.clock)
        assert opened.summary.report == later.report


async def test_an_officer_may_leave_alone_and_a_login_is_free_again(world: World) -> None:
    await world.make_desk("bologna", ANNA, BRUNO, CARLA)
    assert await take_off(world, BRUNO, BRUNO) == (0, 0, False)
    async with world.database.session() as session:
        await create_officer(session, "bologna", login=BRUNO, name="Bruno again", clock=world.clock)


async def test_a_desk_with_one_officer_left_takes_no_new_reports(world: World) -> None:
    await world.make_desk()
    sent = await world.send()
    assert await take_off(world, ANNA, BRUNO) == (1, 0, True)
    with pytest.raises(DeskNotFoundError):
        await world.send()
    async with world.database.session() as session:
        desk = await get_desk(session, "bologna")
        assert not is_open(desk)
        assert await list_missing(session, desk) == ["officers"]
        assert await read_case(session, await world.signed_in(ANNA), sent.case_id, clock=world.clock)


async def test_cases_that_only_the_leaver_could_read_are_counted_before(world: World) -> None:
    await world.make_desk("bologna", ANNA, BRUNO, CARLA)
    anna, bruno = await world.signed_in(ANNA), await world.signed_in(BRUNO)
    await world.send(kept_out=[anna.officer.id])
    await world.send(kept_out=[anna.officer.id, (await world.signed_in(CARLA)).officer.id])
    async with world.database.session() as session:
        assert await count_only_readable_by(session, bruno.officer.id) == 1
    assert await take_off(world, ANNA, BRUNO) == (0, 1, False)
    async with world.database.session() as session:
        assert len(await list_cases(session, await world.signed_in(CARLA), clock=world.clock)) == 1


async def test_nobody_takes_off_an_officer_of_another_desk(world: World) -> None:
    await world.make_desk()
    await world.make_desk("milano")
    with pytest.raises(CaseNotFoundError):
        await take_off(world, ANNA, "anna@milano")


async def test_exact_figures_stay_readable(world: World) -> None:
    await world.make_desk("bologna", ANNA, BRUNO, CARLA)
    async with world.database.session() as session:
        desk = await get_desk(session, "bologna")
        sealed = seal_for_desk(desk, b"housing: 7", "2026-Q4")
        session.add(DeskPeriod(desk_id="bologna", period="2026-Q4", sealed_counts=sealed, closed_at=world.clock.now()))
        await session.commit()
    await take_off(world, ANNA, BRUNO)
    async with world.database.session() as session:
        period = await session.get_one(DeskPeriod, ("bologna", "2026-Q4"))
        assert open_for_desk(await world.signed_in(CARLA), period.sealed_counts, "2026-Q4") == b"housing: 7"


async def test_the_printed_key_lets_in_a_new_officer_when_all_are_lost(world: World) -> None:
    await world.make_desk("bologna", ANNA, BRUNO, CARLA)
    printed = world.people[ANNA].recovery_key
    assert printed is not None
    sent = await world.send()
    # Leaving makes new keys; the paper still opens them.
    await take_off(world, ANNA, BRUNO)
    await world.join("bologna", "dario")
    typed = printed.lower().replace("-", " ").replace("o", "0").replace("b", "8")
    async with world.database.session() as session:
        dario = await world.signed_in("dario")
        with pytest.raises(RecoveryKeyWrongError):
            await recover(session, dario, new_recovery_key(), clock=world.clock)
    async with world.database.session() as session:
        await recover(session, await world.signed_in("dario"), typed, clock=world.clock)
    async with world.database.session() as session:
        opened = await read_case(session, await world.signed_in("dario"), sent.case_id, clock=world.clock)
        assert opened.summary.report == sent.report
    await take_off(world, "dario", ANNA)


async def test_a_new_printed_key_ends_the_old_one(world: World) -> None:
    await world.make_desk()
    old, new = world.people[ANNA].recovery_key, new_recovery_key()
    async with world.database.session() as session:
        await keep_recovery_key(session, await world.signed_in(ANNA), new, clock=world.clock)
    await world.join("bologna", "dario")
    async with world.database.session() as session:
        with pytest.raises(RecoveryKeyWrongError):
            await recover(session, await world.signed_in("dario"), old or "", clock=world.clock)
    async with world.database.session() as session:
        await recover(session, await world.signed_in("dario"), new, clock=world.clock)


async def test_a_slip_of_the_pen_is_noticed(world: World) -> None:
    await world.make_desk(is_open=False)
    key = new_recovery_key()
    slips = [key[:-1], "", "hello", key + "A", key.replace("-", "") * 2]
    for place, letter in enumerate(key):
        slips += [key[:place] + other + key[place + 1 :] for other in "AC7" if letter not in {"-", other}]
    async with world.database.session() as session:
        boss = await world.signed_in(ANNA)
        for typed in slips:
            with pytest.raises(RecoveryKeyWrongError):
                await keep_recovery_key(session, boss, typed, clock=world.clock)


async def test_the_recovery_key_opens_no_case_from_which_officers_are_kept_out(world: World) -> None:
    await world.make_desk()
    anna = await world.signed_in(ANNA)
    sent = await world.send(kept_out=[anna.officer.id])
    await world.join("bologna", "dario")
    async with world.database.session() as session:
        dario = await world.signed_in("dario")
        await recover(session, dario, world.people[ANNA].recovery_key or "", clock=world.clock)
    async with world.database.session() as session:
        with pytest.raises(CaseNotFoundError):
            await read_case(session, await world.signed_in("dario"), sent.case_id, clock=world.clock)


async def test_a_report_that_comes_while_somebody_leaves_is_readable(world: World) -> None:
    await world.make_desk("bologna", ANNA, BRUNO, CARLA)
    bruno = (await world.signed_in(BRUNO)).officer.id
    anna = await world.signed_in(ANNA)

    async def take_off_now() -> None:
        async with world.database.session() as session:
            await leave(session, anna, bruno, clock=world.clock)

    sent = await asyncio.gather(*(world.send() for _ in range(4)), take_off_now(), *(world.send() for _ in range(4)))
    async with world.database.session() as session:
        cases = await list_cases(session, await world.signed_in(CARLA), clock=world.clock)
    assert {case.id for case in cases} == {one.case_id for one in sent if one is not None}
    assert len(cases) == 8


async def test_old_keys_in_hand_let_nobody_in_and_take_nobody_off(world: World) -> None:
    await world.make_desk("bologna", ANNA, BRUNO, CARLA)
    sent = await world.send()
    stale = await world.signed_in(ANNA)
    await world.join("bologna", "dario")
    dario = (await world.signed_in("dario")).officer.id
    await take_off(world, CARLA, BRUNO)
    async with world.database.session() as session:
        for attempt in (
            let_in(session, stale, dario, clock=world.clock),
            leave(session, stale, dario, clock=world.clock),
            read_case(session, stale, sent.case_id, clock=world.clock),
        ):
            with pytest.raises(SessionEndedError):
                await attempt
            await session.rollback()
    await world.let_in(ANNA, "dario")
    async with world.database.session() as session:
        assert len(await list_cases(session, await world.signed_in("dario"), clock=world.clock)) == 1


async def test_a_report_is_sealed_for_the_key_that_the_desk_has_when_it_is_stored(world: World) -> None:
    await world.make_desk("bologna", ANNA, BRUNO, CARLA)
    keys = await derive(new_receipt())
    async with world.database.session() as session:
        # What this session knows of the desk is from before.
        known = await get_desk(session, "bologna")
        await take_off(world, ANNA, BRUNO)
        case_id = await submit(
            session,
            make_report(world.clock),
            desk_id="bologna",
            receipt_id=keys.receipt_id,
            receipt_public_key=keys.public_key,
            submission="one",
            clock=world.clock,
        )
    async with world.database.session() as session:
        [case] = await list_cases(session, await world.signed_in(CARLA), clock=world.clock)
        assert case.id == case_id
        assert known.id == "bologna"


async def test_two_first_officers_at_once_make_one_pair_of_keys(world: World) -> None:
    async with world.database.session() as session:
        await create_desk(session, "bologna", "Bologna", kind=DeskKind.CITY, clock=world.clock)
        token = await create_officer(session, "bologna", login=ANNA, name="Anna", clock=world.clock)
        accepted = await accept_invitation(session, token, PASSWORD, clock=world.clock)
    async with world.database.session() as session:
        # What this session knows of the desk is from before the other officer was the first.
        known = await get_desk(session, "bologna")
        bruno = await world.join("bologna", BRUNO)
        code = pyotp.TOTP(accepted.totp_secret).at(world.clock.at)
        joined = await confirm_invitation(session, accepted.token, code, clock=world.clock)
        assert (await get_signed_in(session, joined.token, clock=world.clock)).desk_keys is None
    assert (known.id, joined.recovery_key) == ("bologna", None)
    assert bruno.recovery_key is not None
    first = await world.signed_in(BRUNO)
    assert first.require_desk_keys().public == first.desk.public_key


async def test_no_private_key_of_a_desk_lies_in_its_row(world: World) -> None:
    await world.make_desk()
    anna = await world.signed_in(ANNA)
    assert isinstance(anna.desk_keys, KeyPair)
    async with world.database.session() as session:
        desk = await session.get_one(Desk, "bologna")
        officers = list(await session.exec(select(Officer).where(col(Officer.desk_id) == "bologna")))
    kept = [desk.public_key, desk.recovery_public_key, desk.recovery_sealed_key]
    for officer in officers:
        kept += [officer.wrapped_private_key, officer.sealed_desk_key, officer.sealed_totp, officer.public_key]
    for secret in (anna.keys.private, anna.desk_keys.private, world.people[ANNA].secret.encode()):
        assert not any(secret in (blob or b"") for blob in kept)
