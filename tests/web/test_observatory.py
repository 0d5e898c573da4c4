"""The page of figures and its data: charts with tables, and nothing that was not released."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from core.languages import RELEASED
from core.texts import Texts
from tests.reports.samples import fill_observatory
from tests.web.test_pages import Reader, read
from web.charts import WIDTH, Row, draw_bars
from web.state import Hub

CHOICES = ("", "?year=all", "?year=2025", "?of=desk/alpha", "?of=desk/gamma", "?of=city/it-bologna", "?of=FR&year=2026")


@pytest.fixture
def filled(client: TestClient, hub: Hub) -> TestClient:
    """The hub with the figures of three desks."""
    assert client.portal is not None
    client.portal.call(fill_observatory, hub.database)
    return client


@pytest.fixture
def texts(hub: Hub) -> Texts:
    return hub.wording.texts


def table_of(client: TestClient, query: str = "") -> list[dict[str, str]]:
    response = client.get(f"/observatory.csv{query}")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(response.text)))


def numbers(value: object) -> Iterator[int]:
    """Every whole number inside a JSON value."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value


@pytest.mark.parametrize("language", RELEASED)
def test_without_any_figures_the_page_says_so_and_how_they_are_made(
    client: TestClient, texts: Texts, language: str
) -> None:
    page = read(client, f"/observatory?lang={language}")
    assert texts.get("observatory.none", language) in page.text
    assert texts.get("observatory.how_small", language) in page.text
    assert not page.all("form")


@pytest.mark.parametrize("query", CHOICES)
def test_each_chart_has_its_table_and_says_that_reports_are_not_prevalence(
    filled: TestClient, texts: Texts, query: str
) -> None:
    html = filled.get(f"/observatory{query}").text
    figures = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    assert figures or "desk/gamma" in query
    for figure in figures:
        assert texts.get("observatory.not_prevalence_short", "en") in figure
        assert figure.count("<svg") == figure.count("<table") <= 1
        bars = re.findall(r'class="value">([^<]*)<', figure)
        assert all(f">{value}</td>" in figure for value in bars)


@pytest.mark.parametrize("query", CHOICES)
def test_no_number_below_ten_is_given_and_every_number_is_a_multiple_of_five(filled: TestClient, query: str) -> None:
    data = filled.get(f"/observatory.json{query}").json()
    given = [number for year in data["years"] for number in numbers(year | {"year": 10, "releases": 10})]
    given += [number for release in data["releases"] for number in numbers(release | {"version": 10})]
    given += [int(line["reports"]) for line in table_of(filled, query) if line["reports"]]
    assert all(number % 5 == 0 and (number >= 10 or number == 0) for number in given)
    # Zero stands only where nothing at all is left out of a table.
    assert all(line["cell"] == "not_shown" for line in table_of(filled, query) if line["reports"] == "0")


@pytest.mark.parametrize("query", CHOICES)
def test_every_filter_only_adds_up_what_was_released(filled: TestClient, query: str) -> None:
    data = filled.get(f"/observatory.json{query}").json()
    for sheet in data["years"]:
        releases = [release for release in data["releases"] if release["period"].startswith(str(sheet["year"]))]
        for name in ("area", "ground", "for_whom", "place", "origin"):
            for cell, figure in sheet["tables"].get(name, {"cells": {}})["cells"].items():
                parts = [release["tables"].get(name, {"cells": {}})["cells"].get(cell) for release in releases]
                shown = [part for part in parts if part is not None]
                assert figure["count"] == (sum(shown) if shown else None)
                assert figure["at_least"] == (bool(shown) and len(shown) < len(parts))


def test_a_quarter_is_whole_where_every_release_that_has_it_shows_it(filled: TestClient) -> None:
    quarters = {
        line["cell"]: line["state"] for line in table_of(filled, "?of=desk/alpha") if line["table"] == "quarter"
    }
    assert set(quarters.values()) == {"shown"}
    of_everyone = {line["cell"]: line["state"] for line in table_of(filled) if line["table"] == "quarter"}
    assert of_everyone["2026-Q1"] == "at_least"
    assert of_everyone["2025-Q1"] == "shown"


def test_a_desk_with_too_few_reports_shows_nothing_but_that(filled: TestClient, texts: Texts) -> None:
    page = read(filled, "/observatory?of=desk/gamma")
    assert texts.get("observatory.total_hidden", "en") in page.text
    assert not page.all("table")
    assert {line["state"] for line in table_of(filled, "?of=desk/gamma")} == {"hidden"}


def test_mass_events_stand_beside_the_figures(filled: TestClient, texts: Texts) -> None:
    page = read(filled, "/observatory?of=desk/beta&year=2026")
    assert texts.get("observatory.events_note", "en") in page.text
    lines = table_of(filled, "?of=desk/beta&year=2026")
    assert [line["reports"] for line in lines if line["table"] == "event"] == ["45"]
    assert [line["reports"] for line in lines if line["table"] == "total"] == ["65"]
    assert "A speech" not in filled.get("/observatory.json").text


def test_the_years_are_a_chart_of_their_own_when_all_are_chosen(filled: TestClient, texts: Texts) -> None:
    title = texts.get("observatory.table.year", "en")
    assert title in [text.strip() for text in re.findall(r"<h3>(.*?)</h3>", filled.get("/observatory?year=all").text)]
    assert f"<h3>{title}</h3>" not in filled.get("/observatory").text


@pytest.mark.parametrize(
    "query", ["?of=desk/nobody", "?of=<script>", "?year=1999", "?year=x", "?of=desk/beta&year=2025"]
)
def test_a_choice_that_has_no_figures_shows_the_newest_on_the_page_and_is_refused_as_data(
    filled: TestClient, query: str
) -> None:
    assert "<figure" in filled.get(f"/observatory{query}").text
    for form in ("json", "csv"):
        answer = filled.get(f"/observatory.{form}{query}")
        assert answer.status_code == 404
        assert answer.json()["code"] == "figures_not_found"


def test_words_in_the_table_are_no_formulas(filled: TestClient) -> None:
    assert not [value for line in table_of(filled) for value in line.values() if value.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("language", RELEASED)
def test_every_cell_has_words(filled: TestClient, language: str) -> None:
    page = Reader(filled.get(f"/observatory?year=all&lang={language}").text)
    assert not re.search(r"observatory\.|\{\w+\}|not_said|youth_opportunities", page.text)


def test_bars_grow_with_their_numbers_and_from_the_side_where_reading_begins() -> None:
    rows = [Row("a", "50", 50), Row("b", "100", 100)]
    left, right = draw_bars(rows), draw_bars(rows, direction="rtl")
    assert abs(left.bars[1].length - 2 * left.bars[0].length) <= 1
    assert [bar.x for bar in left.bars] == [0, 0]
    assert all(bar.x + bar.length == WIDTH for bar in right.bars)
