"""Taking the team's own table of cities, and giving it out: one row for each date that is due, or for a city alone.

A dry run says what would change and lists every bad row with its reason. A file with a bad row changes nothing. An
empty cell leaves what is known; what the file does not name stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.normalise import clean, fold
from knowledge.base import KnowledgeBase
from subscriptions.errors import FileHasProblemsError, MembershipInvalidError
from subscriptions.membership import WITHOUT_COPY, Membership, check_due
from subscriptions.models import CityFile, DueDate
from subscriptions.rows import Problem, name_cities, read_rows

CITY_COLUMNS = ("joined_on", "contribution", "last_index_on", "index_follow_up", "statement_text")
DUE_COLUMNS = ("due_kind", "due_on", "due_words", "done_on")
COLUMNS = ("city", *CITY_COLUMNS, *DUE_COLUMNS)
DAYS = frozenset({"joined_on", "last_index_on"})

type Due = tuple[str, str, date]
"""What makes a date one: city, kind, day."""


@dataclass(frozen=True, slots=True)
class DueEntry:
    """A date as a row says it. ``words`` and ``done_on`` None: not said."""

    words: str | None = None
    done_on: date | None = None


@dataclass(frozen=True)
class MembershipPlan:
    """What a file would do."""

    cities: Mapping[str, Mapping[str, str | date]]
    """What the file says of each city: only what it says."""
    dates: Mapping[Due, DueEntry]
    problems: Sequence[Problem]
    changed_cities: int = 0
    new_dates: int = 0
    changed_dates: int = 0


async def plan_membership(
    session: AsyncSession, content: bytes, *, is_workbook: bool, base: KnowledgeBase
) -> MembershipPlan:
    """The dry run: reads and checks everything, writes nothing. Raises FileUnreadableError."""
    reader = _Reader(base)
    for number, row in enumerate(read_rows(content, is_workbook=is_workbook, columns=COLUMNS, needed="city"), 2):
        if any(row.values()):
            reader.read(number, row)
    files, dates = await _known(session, reader.cities)
    changed = sum(
        any(getattr(files.get(city), name, None) != value for name, value in values.items())
        for city, values in reader.cities.items()
    )
    new = [due for due in reader.dates if due not in dates]
    other = [due for due, entry in reader.dates.items() if due in dates and _differs(entry, dates[due])]
    return MembershipPlan(reader.cities, reader.dates, reader.problems, changed, len(new), len(other))


async def import_membership(session: AsyncSession, plan: MembershipPlan, *, by: str, clock: Clock) -> None:
    """Do what was planned, in one transaction. Raises FileHasProblemsError when a row is bad: nothing is taken then."""
    if plan.problems:
        raise FileHasProblemsError(count=len(plan.problems))
    files, dates = await _known(session, plan.cities)
    for city, values in plan.cities.items():
        file = files.get(city) or CityFile(city=city, changed_at=clock.now())
        if not values and city in files:
            continue
        for name, value in values.items():
            setattr(file, name, value)
        file.changed_by, file.changed_at = by, clock.now()
        session.add(file)
    for (city, kind, due_on), entry in plan.dates.items():
        due = dates.get((city, kind, due_on)) or DueDate(city=city, kind=kind, due_on=due_on)
        due.words, due.done_on = entry.words or due.words, entry.done_on or due.done_on
        session.add(due)
    await session.commit()


async def list_membership_rows(session: AsyncSession, cities: Iterable[str]) -> list[dict[str, str]]:
    """What is known of cities, as rows of such a file."""
    cities = sorted(cities)
    files, dates = await _known(session, cities)
    rows = []
    for city in cities:
        file = files.get(city)
        own = {name: _cell(getattr(file, name, None)) for name in CITY_COLUMNS}
        dues = [due for (of, _, _), due in sorted(dates.items()) if of == city]
        first = {"city": city} | own
        rows += [(first if number == 0 else {"city": city}) | _due_row(due) for number, due in enumerate(dues)]
        rows += [first] if not dues else []
    return rows


class _Reader:
    """Checks rows and collects what they say, and what is wrong with them."""

    def __init__(self, base: KnowledgeBase) -> None:
        self._names = name_cities(base)
        self.cities: dict[str, dict[str, str | date]] = {}
        self.dates: dict[Due, DueEntry] = {}
        self.problems: list[Problem] = []

    def read(self, number: int, row: Mapping[str, str]) -> None:
        city = self._names.get(fold(row.get("city", "")))
        if city is None:
            key = "city_unknown" if row.get("city") else "city_missing"
            self._note(number, "city", key, row.get("city", ""))
            return
        self._read_city(number, city.id, row)
        if any(row.get(name) for name in DUE_COLUMNS):
            self._read_due(number, city.id, row)

    def _read_city(self, number: int, city: str, row: Mapping[str, str]) -> None:
        known = self.cities.setdefault(city, {})
        for name in CITY_COLUMNS:
            value = self._day(number, name, row) if name in DAYS else clean(row.get(name, "")) or None
            if value is None:
                continue
            if known.get(name, value) != value:
                self._note(number, name, "said_twice", str(value))
            known[name] = value
            try:
                Membership(**{name: value}).checked()  # type: ignore[arg-type]
            except MembershipInvalidError as error:
                self._note(number, name, error.values["problem"], str(value))

    def _read_due(self, number: int, city: str, row: Mapping[str, str]) -> None:
        kind = fold(row.get("due_kind", "")).strip() or "other"
        due_on, done_on = self._day(number, "due_on", row), self._day(number, "done_on", row)
        if due_on is None:
            if not row.get("due_on"):
                self._note(number, "due_on", "date_missing")
            return
        try:
            words = check_due(kind, due_on, row.get("due_words"))
        except MembershipInvalidError as error:
            problem = str(error.values["problem"])
            column = {"kind_unknown": "due_kind", "date_wrong": "due_on"}.get(problem, "due_words")
            self._note(number, column, problem, row.get(column, ""))
            return
        if (city, kind, due_on) in self.dates:
            self._note(number, "due_on", "date_twice", due_on.isoformat())
        self.dates[city, kind, due_on] = DueEntry(words, done_on)

    def _day(self, number: int, column: str, row: Mapping[str, str]) -> date | None:
        text = row.get(column, "").strip()
        # A workbook gives the beginning of the day.
        text = text.removesuffix(" 00:00:00")
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            self._note(number, column, "date_unreadable", text)
            return None

    def _note(self, number: int, column: str, key: str, value: str = "") -> None:
        self.problems.append(Problem(number, column, key, value[:120]))


async def _known(session: AsyncSession, cities: Iterable[str]) -> tuple[dict[str, CityFile], dict[Due, DueDate]]:
    wanted = list(cities)
    files = await session.exec(select(CityFile).where(col(CityFile.city).in_(wanted)).options(WITHOUT_COPY))
    dates = await session.exec(select(DueDate).where(col(DueDate.city).in_(wanted)))
    return {file.city: file for file in files}, {(due.city, due.kind, due.due_on): due for due in dates}


def _differs(entry: DueEntry, due: DueDate) -> bool:
    return (entry.words or due.words, entry.done_on or due.done_on) != (due.words, due.done_on)


def _due_row(due: DueDate) -> dict[str, str]:
    return {
        "due_kind": due.kind,
        "due_on": due.due_on.isoformat(),
        "due_words": due.words or "",
        "done_on": _cell(due.done_on),
    }


def _cell(value: str | date | None) -> str:
    return value.isoformat() if isinstance(value, date) else value or ""
