"""Legal limits: what is said is what the facts say, and what is unknown is called unknown."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from conversation.replies import Wording
from knowledge.deadlines import FILE, DeadlineFact, LimitArea, LimitKind, Told
from knowledge.errors import KnowledgeError
from reports.contents import Origin, Report, When
from reports.intake.deadlines import Deadlines
from reports.intake.last_days import last_day

DAYS = {"day": 1.0, "working-day": 1.4, "week": 7.0, "month": 30.4, "year": 365.0}
AMOUNT = re.compile(r"(\d+) (working day|day|week|month|year)s?\b")
SHORTER_BY_HAND = {
    "us-deadline-employment", "ro-deadline-employment", "ca-deadline-goods-and-services", "ca-deadline-housing",
    "ca-deadline-education",
}  # fmt: skip
"""Their text names a shorter amount without its unit ('180 elsewhere', 'act within 30 to be safe')."""


@pytest.fixture(scope="module")
def deadlines(wording: Wording) -> Deadlines:
    return Deadlines.load(wording.base, wording.texts)


@pytest.fixture(scope="module")
def facts() -> list[DeadlineFact]:
    return [DeadlineFact.model_validate(item) for item in yaml.safe_load(FILE.read_text(encoding="utf-8"))]


def test_every_country_has_all_seven_areas(facts: list[DeadlineFact]) -> None:
    by_country: dict[str, set[LimitArea]] = {}
    for fact in facts:
        by_country.setdefault(fact.country, set()).add(fact.area)
    assert len(by_country) == 37
    assert all(areas == set(LimitArea) for areas in by_country.values())


def test_what_is_told_is_never_longer_than_any_amount_of_the_fact(facts: list[DeadlineFact]) -> None:
    told = [fact for fact in facts if fact.told]
    assert len(told) == 82
    for fact in told:
        assert fact.told is not None
        named = [int(amount) * DAYS[unit.replace(" ", "-")] for amount, unit in AMOUNT.findall(fact.limit or "")]
        shortest = fact.told.amount * DAYS[fact.told.unit]
        assert shortest < min(named) if fact.id in SHORTER_BY_HAND else shortest == min(named), fact.id


def test_only_a_limit_that_stands_alone_is_told_as_the_one(facts: list[DeadlineFact]) -> None:
    exact = [fact for fact in facts if fact.told and fact.told.kind is LimitKind.EXACT]
    assert exact
    assert all(re.fullmatch(r"\d+ \w+", fact.limit or "") for fact in exact)


def test_the_limit_of_the_area_is_said_with_its_source(deadlines: Deadlines) -> None:
    said = deadlines.after("IE", "employment", "en")
    assert "Work: the time limit that we know is 6 months. Some cases have less." in said.lines
    assert any("Workplace Relations Commission" in line for line in said.lines)
    assert [link.url.startswith("https://") for link in said.links] == [True]


def test_telling_a_desk_stops_no_limit_is_said_first_and_always(deadlines: Deadlines) -> None:
    for said in (deadlines.before(None, "en"), deadlines.before("IT", "en"), deadlines.after(None, None, "en")):
        assert said.lines[0].startswith("Telling it here stops no legal time limit.")


def test_an_unknown_limit_is_called_unknown_and_names_whom_to_ask(deadlines: Deadlines) -> None:
    said = deadlines.after("IT", "housing", "en")
    assert any(line.startswith("We do not know the time limit for this.") for line in said.lines)
    assert any("UNAR" in line for line in said.lines)


def test_a_country_without_facts_is_unknown_too(deadlines: Deadlines) -> None:
    said = deadlines.before("BR", "en")
    assert "We do not know the time limits in Brazil. That does not mean that there are none." in said.lines
    assert said.lines[-1].startswith("Ask a lawyer")


def test_a_limit_that_rests_on_hearsay_says_so(deadlines: Deadlines) -> None:
    assert any("could not check" in line for line in deadlines.before("IT", "en").lines)


def test_english_words_of_the_facts_are_never_shown(deadlines: Deadlines, facts: list[DeadlineFact]) -> None:
    for fact in facts:
        shown = "\n".join(deadlines.before(fact.country, "en").lines)
        for words in (fact.starts, fact.advice, *fact.facts):
            assert not words or words not in shown, fact.id


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("  area: employment", "  area: work", "area"),
        ("amount: 21", "amount: 22", "tells 22, which the limit does not name"),
        ("meanwhile: [au-ahrc, au-vic-veohrc]", "meanwhile: [nobody]", "names the unknown service nobody"),
        ("  source_url: https://piac", "  source_url: piac", "source_url"),
        ("  reliability: secondary", "  reliability: null", "without its source and reliability"),
    ],
)
def test_a_broken_entry_is_refused_with_file_line_and_reason(
    wording: Wording, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    path = tmp_path / "knowledge" / "facts" / "deadlines.yaml"
    path.parent.mkdir(parents=True)
    shutil.copy(FILE, path)
    text = path.read_text(encoding="utf-8")
    at = text[: text.index(old)].count("\n") + 1
    first_line = text[: text.index("- id: au-deadline-employment")].count("\n") + 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(KnowledgeError) as caught:
        Deadlines.load(wording.base, wording.texts, path)

    file, line, problem = caught.value.problems[0].split(":", 2)
    assert file == "knowledge/facts/deadlines.yaml"
    # A rule over several fields names the line where the entry begins.
    assert int(line) == (at if reason in {"area", "source_url"} or "service" in reason else first_line)
    assert "au-deadline-employment" in problem
    assert reason in problem


ARRIVED = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "unit", "kind", "ends_on"),
    [
        (21, "day", LimitKind.EXACT, date(2026, 2, 18)),
        (2, "week", LimitKind.EXACT, date(2026, 2, 11)),
        (10, "working-day", LimitKind.EXACT, date(2026, 2, 11)),
        (1, "month", LimitKind.SHORTEST, date(2026, 2, 28)),
        (13, "month", LimitKind.EXACT, date(2027, 2, 28)),
        (3, "month", LimitKind.JUST_UNDER, date(2026, 4, 27)),
        (2, "year", LimitKind.EXACT, date(2028, 1, 28)),
    ],
)
def test_a_limit_is_counted_by_the_calendar(amount: int, unit: str, kind: LimitKind, ends_on: date) -> None:
    start = date(2026, 1, 31) if (amount, unit) in {(1, "month"), (13, "month")} else date(2026, 1, 28)
    assert last_day(Told(amount=amount, unit=unit, kind=kind), start) == ends_on


@pytest.mark.parametrize(
    ("when", "day"),
    [
        (When(day=date(2026, 11, 20)), date(2027, 1, 20)),
        (When(choice="today"), date(2027, 1, 21)),
        (When(choice="this_week"), date(2027, 1, 15)),
        (When(choice="this_year"), None),
        (When(words="last summer"), None),
    ],
)
def test_a_report_that_says_when_has_the_day_of_its_first_limit(
    deadlines: Deadlines, when: When, day: date | None
) -> None:
    report = Report(language="en", origin=Origin.WEB, arrived_at=ARRIVED, country="IE", area="employment", when=when)
    assert deadlines.last_day(report) == day
    assert deadlines.last_day(report.model_copy(update={"country": "BR"})) is None
