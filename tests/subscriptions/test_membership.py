"""City files, their dates, reminders, the welcome, and the team's table of cities."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from openpyxl import Workbook
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import FixedClock
from core.database import Database
from knowledge.base import KnowledgeBase
from subscriptions.errors import (
    FileHasProblemsError,
    FileUnreadableError,
    MembershipInvalidError,
    MembershipNotFoundError,
)
from subscriptions.membership import (
    Membership,
    add_due_date,
    delete_copy,
    find_city_file,
    finish_due_date,
    get_copy,
    list_cities,
    list_due_dates,
    save_city_file,
    save_copy,
)
from subscriptions.membership_import import (
    COLUMNS,
    MembershipPlan,
    import_membership,
    list_membership_rows,
    plan_membership,
)
from subscriptions.models import CityFile, Delivery, DeliveryStatus, DueDate, Subscriber
from subscriptions.rechecking import recheck
from subscriptions.reminders import IsApproved, send_due_reminders, send_welcomes
from subscriptions.reviewing import review
from subscriptions.rows import write_csv
from subscriptions.subscribers import add_email, suppress, update_subscriber
from subscriptions.topics import Topics
from tests.factories import NOW, make_subscriber

CITY = "no-bergen"
DAY = date(2027, 1, 31)
PDF = b"%PDF-1.7 signed"


async def approved(session: AsyncSession, template: str) -> bool:
    return True


async def not_approved(session: AsyncSession, template: str) -> bool:
    return False


async def make_contact(session: AsyncSession, **values: Any) -> Subscriber:
    standard: dict[str, Any] = {"city": CITY, "is_mandatory_contact": True, "welcomed_at": NOW}
    return await make_subscriber(session, **(standard | values))


async def make_due(session: AsyncSession, due_on: date = DAY, kind: str = "index", **values: Any) -> DueDate:
    due = DueDate(city=CITY, kind=kind, due_on=due_on, **values)
    session.add(due)
    await session.commit()
    return due


class Remind:
    """The duty, at nine o'clock of a day or at a moment."""

    def __init__(self, database: Database, clock: FixedClock) -> None:
        self.database, self.clock = database, clock

    async def __call__(self, day: date | datetime, hour: int = 9, is_approved: IsApproved = approved) -> int:
        self.clock.at = day if isinstance(day, datetime) else datetime.combine(day, time(hour), UTC)
        return await send_due_reminders(self.database, is_approved=is_approved, clock=self.clock)

    async def welcome(self, is_approved: IsApproved = approved) -> int:
        return await send_welcomes(self.database, is_approved=is_approved, clock=self.clock)


@pytest.fixture
def remind(database: Database, clock: FixedClock) -> Remind:
    return Remind(database, clock)


async def stages(session: AsyncSession) -> list[str]:
    rows = await session.exec(select(Delivery).order_by(col(Delivery.created_at)))
    return [row.message.rpartition("/")[2] for row in rows if row.message.startswith("reminder/")]


# Reminders


async def test_a_contact_is_reminded_thirty_and_seven_days_before_and_on_the_day_once_each(
    session: AsyncSession, remind: Remind
) -> None:
    await make_contact(session)
    await make_subscriber(session, city=CITY)
    await make_contact(session, city="no-oslo")
    await make_due(session)
    told = []
    for number in range(45):
        day = DAY - timedelta(days=35 - number)
        count = await remind(day)
        assert await remind(day, hour=15) == 0
        told += [(DAY - day).days] * count
    assert told == [30, 7, 0]


async def test_a_hub_that_was_off_catches_up_and_says_nothing_of_what_is_long_over(
    session: AsyncSession, remind: Remind
) -> None:
    await make_contact(session)
    await make_due(session)
    assert await remind(DAY - timedelta(days=12)) == 1, "the thirty days' one, late"
    assert await remind(DAY + timedelta(days=3)) == 1, "the last one, late"
    await make_due(session, DAY - timedelta(days=20), "survey")
    assert await remind(DAY + timedelta(days=4)) == 0
    assert await stages(session) == ["30", "0"]


async def test_a_reminder_comes_on_the_readers_day_and_not_at_night(session: AsyncSession, remind: Remind) -> None:
    await make_contact(session, time_zone="Asia/Tokyo")
    await make_contact(session, time_zone="America/Toronto")
    await make_due(session)
    due = DAY - timedelta(days=30)
    tokyo = datetime.combine(due - timedelta(days=1), time(23), UTC)
    assert await remind(tokyo - timedelta(minutes=1)) == 0
    assert await remind(tokyo) == 1
    assert await remind(datetime.combine(due, time(13), UTC)) == 1, "08:00 in Toronto"


async def test_nothing_goes_before_the_words_are_approved_and_then_it_does(
    session: AsyncSession, remind: Remind
) -> None:
    await make_contact(session)
    await make_due(session)
    assert await remind(DAY - timedelta(days=30), is_approved=not_approved) == 0
    assert await remind(DAY - timedelta(days=29)) == 1


async def test_who_is_named_later_is_told_too_and_quiet_hours_hold(session: AsyncSession, remind: Remind) -> None:
    await make_contact(session)
    await make_due(session)
    day = DAY - timedelta(days=30)
    assert await remind(day) == 1
    late = await make_contact(session, quiet_from=time(8), quiet_to=time(12))
    assert await remind(day + timedelta(days=2)) == 1
    row = (await session.exec(select(Delivery).where(Delivery.subscriber_id == late.id))).one()
    assert (row.status, row.due_at) == (DeliveryStatus.WAITING, remind.clock.at + timedelta(hours=2))


async def test_what_is_done_or_moved_meanwhile_is_not_reminded_of(
    session: AsyncSession, topics: Topics, remind: Remind
) -> None:
    await make_contact(session)
    done, moved = await make_due(session), await make_due(session, kind="survey")
    kept = await make_due(session, kind="contribution")
    assert await remind(DAY - timedelta(days=30)) == 3
    rows = list(await session.exec(select(Delivery)))
    assert done.id is not None
    await finish_due_date(session, done.id, on=remind.clock.at.date())
    moved.due_on += timedelta(days=60)
    session.add(moved)
    await session.commit()
    decisions = await recheck(session, rows, topics=topics, now=remind.clock.at)
    emptied = await review(session, rows, decisions, topics=topics, now=remind.clock.at)
    assert {row.parts["due"] for row in rows if row.id not in emptied} == {kept.id}


async def test_who_has_no_working_address_is_reminded_once_there_is_one(session: AsyncSession, remind: Remind) -> None:
    person = await make_contact(session, email=None)
    await make_due(session)
    assert await remind(DAY - timedelta(days=30)) == 0
    address = await add_email(session, person.id, "new@example.org", clock=remind.clock)
    assert await remind(DAY - timedelta(days=29)) == 1
    await suppress(session, address.id, "bounced", clock=remind.clock)
    assert await remind(DAY - timedelta(days=28)) == 0


# The welcome


async def test_a_new_contact_is_welcomed_once_and_others_are_not(session: AsyncSession, remind: Remind) -> None:
    new = await make_contact(session, welcomed_at=None)
    staff = await make_subscriber(session, city=CITY)
    await make_contact(session, city=None, welcomed_at=None)
    await make_contact(session, welcomed_at=None, left_at=NOW)
    assert await remind.welcome(not_approved) == 0
    for _ in range(2):
        await remind.welcome()
    rows = list(await session.exec(select(Delivery)))
    assert [(row.message, row.subscriber_id) for row in rows] == [(f"welcome/{new.id}", new.id)]
    await update_subscriber(session, staff.id, is_mandatory_contact=True)
    assert await remind.welcome() == 1


async def test_a_contact_without_an_address_is_welcomed_once_there_is_one(
    session: AsyncSession, remind: Remind
) -> None:
    person = await make_contact(session, email=None, welcomed_at=None)
    assert await remind.welcome() == 0
    await add_email(session, person.id, "new@example.org", clock=remind.clock)
    assert await remind.welcome() == 1


# The file of a city


async def test_a_file_is_kept_as_it_was_written(
    session: AsyncSession, knowledge_base: KnowledgeBase, clock: FixedClock
) -> None:
    said = Membership(date(2019, 5, 1), " 5,000 euros ", None, "", "We agree.\nTo all of it.")
    await save_city_file(session, CITY, said, by="op", cities=knowledge_base.cities, clock=clock)
    file = await find_city_file(session, CITY)
    assert file is not None
    assert (file.joined_on, file.contribution, file.index_follow_up) == (date(2019, 5, 1), "5,000 euros", None)
    assert (file.statement_text, file.changed_by, file.changed_at) == ("We agree.\nTo all of it.", "op", NOW)


@pytest.mark.parametrize(
    ("city", "membership", "error"),
    [
        ("nowhere", Membership(), MembershipNotFoundError),
        (CITY, Membership(contribution="x" * 201), MembershipInvalidError),
        (CITY, Membership(joined_on=date(19, 5, 1)), MembershipInvalidError),
    ],
)
async def test_what_cannot_be_is_refused(
    session: AsyncSession,
    knowledge_base: KnowledgeBase,
    clock: FixedClock,
    city: str,
    membership: Membership,
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        await save_city_file(session, city, membership, by="op", cities=knowledge_base.cities, clock=clock)
    assert await find_city_file(session, city) is None


async def test_a_signed_copy_is_known_by_what_it_is_and_survives_an_edit(
    session: AsyncSession, knowledge_base: KnowledgeBase, clock: FixedClock
) -> None:
    cities = knowledge_base.cities
    for content in (b"<html>", b"MZ\x90", b""):
        with pytest.raises(MembershipInvalidError):
            await save_copy(session, CITY, "x.pdf", content, by="op", cities=cities, clock=clock)
    await save_copy(session, CITY, '../a"b\r\n.exe', PDF, by="op", cities=cities, clock=clock)
    session.expunge_all()
    await save_city_file(session, CITY, Membership(contribution="1"), by="op", cities=cities, clock=clock)
    copy = await get_copy(session, CITY)
    assert (copy.name, copy.media_type, copy.content) == ("a-b.pdf", "application/pdf", PDF)
    session.expunge_all()
    await delete_copy(session, CITY, by="op", clock=clock)
    with pytest.raises(MembershipNotFoundError):
        await get_copy(session, CITY)


async def test_what_is_done_can_come_again_next_year(
    session: AsyncSession, knowledge_base: KnowledgeBase, clock: FixedClock
) -> None:
    due = await add_due_date(session, CITY, "contribution", date(2028, 2, 29), None, cities=knowledge_base.cities)
    assert due.id is not None
    for _ in range(2):
        await finish_due_date(session, due.id, on=NOW.date(), again=True)
    assert [row.due_on for row in await list_due_dates(session, CITY)] == [date(2029, 2, 28)]
    assert len(await list_due_dates(session, CITY, with_done=True)) == 2
    with pytest.raises(MembershipInvalidError):
        await add_due_date(session, CITY, "contribution", date(2029, 2, 28), None, cities=knowledge_base.cities)


async def test_the_list_names_every_member_with_its_next_date_and_who_would_hear_of_it(
    session: AsyncSession, knowledge_base: KnowledgeBase, clock: FixedClock
) -> None:
    await make_due(session, DAY, "survey")
    await make_due(session, DAY - timedelta(days=9))
    await make_due(session, DAY - timedelta(days=99), "contribution", done_on=NOW.date())
    await make_contact(session)
    found = {state.city: state for state in await list_cities(session, knowledge_base.cities)}
    assert len(found) > 100
    state = found[CITY]
    assert state.next_due is not None
    assert (state.next_due.kind, state.contacts, state.has_file) == ("index", 1, False)


# The table of cities

GOOD = """City;joined on;contribution;due_kind;due_on;due_words;done_on
Bergen;2019-05-01;5000 EUR;contribution;2027-01-31;;
no-bergen;;;other;2027-03-01;Send the photo;
Oslo;;;survey;2026-01-01;;2026-01-02
Reggio Emilia;;;;;;
"""


async def plan(
    session: AsyncSession, base: KnowledgeBase, content: str | bytes, *, is_workbook: bool = False
) -> MembershipPlan:
    data = content.encode() if isinstance(content, str) else content
    return await plan_membership(session, data, is_workbook=is_workbook, base=base)


async def known_rows(session: AsyncSession) -> tuple[int, int]:
    files, dates = await session.exec(select(CityFile.city)), await session.exec(select(DueDate.id))
    return len(list(files)), len(list(dates))


async def test_a_dry_run_writes_nothing_and_the_import_does_what_it_said(
    session: AsyncSession, knowledge_base: KnowledgeBase, clock: FixedClock
) -> None:
    found = await plan(session, knowledge_base, GOOD)
    assert (found.changed_cities, found.new_dates, found.changed_dates, list(found.problems)) == (1, 3, 0, [])
    assert await known_rows(session) == (0, 0)
    await import_membership(session, found, by="op", clock=clock)
    again = await plan(session, knowledge_base, GOOD)
    assert (again.changed_cities, again.new_dates, again.changed_dates) == (0, 0, 0)
    file = await find_city_file(session, CITY)
    assert file is not None
    assert (file.joined_on, file.contribution, file.changed_by) == (date(2019, 5, 1), "5000 EUR", "op")
    assert [(row.kind, row.words) for row in await list_due_dates(session, CITY)] == [
        ("contribution", None),
        ("other", "Send the photo"),
    ]
    await import_membership(
        session, await plan(session, knowledge_base, "city,contribution\nBergen,\n"), by="x", clock=clock
    )
    assert (await list_due_dates(session, CITY)) != []
    kept = await find_city_file(session, CITY)
    assert kept is not None
    assert kept.contribution == "5000 EUR", "an empty cell leaves what is known"


async def test_every_bad_row_is_named_with_its_reason_and_nothing_is_taken(
    session: AsyncSession, knowledge_base: KnowledgeBase, clock: FixedClock
) -> None:
    text = """city,joined_on,contribution,due_kind,due_on,due_words,done_on
Atlantis,,,,,,
,,5,,,,
Bergen,1.5.2019,,,,,
Bergen,,a,dinner,2027-01-01,,
Bergen,,b,index,,,
Bergen,,,other,2027-01-01,,
Bergen,,,index,2027-01-01,,
Bergen,,,index,2027-01-01,,soon
"""
    found = await plan(session, knowledge_base, text)
    assert [(problem.row, problem.column, problem.key) for problem in found.problems] == [
        (2, "city", "city_unknown"),
        (3, "city", "city_missing"),
        (4, "joined_on", "date_unreadable"),
        (5, "due_kind", "kind_unknown"),
        (6, "contribution", "said_twice"),
        (6, "due_on", "date_missing"),
        (7, "due_words", "words_missing"),
        (9, "done_on", "date_unreadable"),
        (9, "due_on", "date_twice"),
    ]
    with pytest.raises(FileHasProblemsError):
        await import_membership(session, found, by="op", clock=clock)
    assert await known_rows(session) == (0, 0)
    with pytest.raises(FileUnreadableError):
        await plan(session, knowledge_base, "town\nBergen\n")


async def test_a_workbook_with_real_dates_is_read_and_the_export_is_a_file_that_can_be_imported(
    session: AsyncSession, knowledge_base: KnowledgeBase, clock: FixedClock
) -> None:
    def write(lines: Iterable[Iterable[object]]) -> bytes:
        book = Workbook()
        for line in lines:
            book.active.append(list(line))  # type: ignore[union-attr]
        target = io.BytesIO()
        book.save(target)
        return target.getvalue()

    content = write([("city", "due_kind", "due_on", "contribution"), ("Bergen", "index", date(2027, 1, 31), "=1+1")])
    found = await plan(session, knowledge_base, content, is_workbook=True)
    assert list(found.problems) == []
    await import_membership(session, found, by="op", clock=clock)
    rows = await list_membership_rows(session, [CITY, "no-oslo"])
    assert [row["city"] for row in rows] == [CITY, "no-oslo"]
    exported = write_csv(rows, COLUMNS)
    assert "=1+1" not in exported.replace("'=1+1", "")
    again = await plan(session, knowledge_base, exported)
    assert (again.changed_cities, again.new_dates, again.changed_dates, list(again.problems)) == (0, 0, 0, [])
