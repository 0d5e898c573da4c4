"""The page behind a desk's QR code, and the codes themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import segno
from fastapi.testclient import TestClient

from app import build_app
from core.clock import FixedClock
from core.languages import RELEASED
from core.settings import Settings
from reports.desks import Statement, create_desk
from reports.models import DeskKind
from tests.databases import copy_migrated_sqlite
from tests.reports.intake.teller import CRIME
from tests.web.fake_form import FakeForm
from tests.web.test_pages import Reader
from web.qr import qr_drawing
from web.state import Hub

ADDRESS = "https://hub.example.org/report/desk/bologna"


@pytest.fixture
def form() -> FakeForm:
    return FakeForm()


@pytest.fixture
def client(
    hub: Hub, settings: Settings, form: FakeForm, clock: FixedClock, migrated_sqlite: Path
) -> Iterator[TestClient]:
    copy_migrated_sqlite(migrated_sqlite, settings)
    public = settings.model_copy(update={"public_url": "https://hub.example.org"})

    async def make_desks() -> None:
        async with hub.database.session() as session:
            for name in ("bologna", "closed"):
                desk = await create_desk(session, name, "Sportello <Bologna>", kind=DeskKind.CITY, clock=clock)
                desk.opened_at = clock.now() if name == "bologna" else None
                desk.statement = Statement(answer_within_days=14, passes_on=[CRIME]).model_dump(mode="json")
                session.add(desk)
            await session.commit()

    with TestClient(build_app(public, hub=replace(hub, settings=public, form=form))) as client:
        assert client.portal is not None
        client.portal.call(make_desks)
        yield client


def modules(svg: str) -> list[list[bool]]:
    """The dark squares of a drawing by segno, read back from its path of horizontal lines."""
    path = next(path for path in ElementTree.fromstring(svg).iter() if path.get("stroke"))
    tokens = (path.get("d") or "").replace("M", " M ").replace("m", " m ").replace("h", " h ").split()
    dark: set[tuple[int, int]] = set()
    x = y = 0.0
    while tokens:
        command = tokens.pop(0)
        if command == "h":
            length = int(tokens.pop(0))
            dark |= {(int(x) + step, int(y)) for step in range(length)}
            x += length
        else:
            dx, dy = (float(token) for token in (tokens.pop(0), tokens.pop(0)))
            x, y = (dx, dy) if command == "M" else (x + dx, y + dy)
    left, top = min(column for column, _ in dark), min(row for _, row in dark)
    size = max(column for column, _ in dark) - left + 1
    return [[(left + column, top + row) in dark for column in range(size)] for row in range(size)]


def expected(text: str) -> list[list[bool]]:
    return [[bool(module) for module in row] for row in segno.make(text, error="m", micro=False).matrix]


def test_a_receipts_code_holds_the_digits_and_nothing_else() -> None:
    digits = "1234567890123456789012345"
    drawing = qr_drawing(digits)
    assert modules(drawing.replace(' class="segno"', "")) == expected(digits)
    assert "style=" not in drawing
    assert "http" not in drawing.replace("http://www.w3.org/2000/svg", "")


def test_the_page_begins_a_report_for_this_desk(client: TestClient, form: FakeForm) -> None:
    response = client.get("/report/desk/bologna")
    page = Reader(response.text)
    assert "Sportello <Bologna>" in page.text
    assert response.headers["cache-control"] == "no-store"
    fields = {field["name"]: field["value"] for field in page.all("input")}
    client.post("/report", data=fields | {"action": "begin"})
    [draft] = form.drafts.values()
    assert draft.opened_with["desk"] == "bologna"


@pytest.mark.parametrize("language", RELEASED)
def test_who_reads_it_and_what_the_law_demands_stands_before_anything_is_asked(
    client: TestClient, hub: Hub, language: str
) -> None:
    html = client.get(f"/report/desk/bologna?lang={language}").text
    before = Reader(html[: html.index('name="key"')]).text
    texts = hub.wording.texts
    duty = texts.get("report.desk.duty", language, text=CRIME.texts[language], law=CRIME.law)
    assert duty in before
    assert texts.get("report.desk.kind.city", language) in before
    assert texts.get("report.desk.answers", language, count=14) in before
    assert texts.get("report.desk.away", language) in before, "nobody has signed in yet"
    assert texts.get("report_page.desk.others", language) in before
    assert texts.get("report.desk.accused", language) not in before, "nobody was asked whom it is about"


def test_the_poster_leads_to_the_page_by_its_public_address(client: TestClient) -> None:
    html = client.get("/report/desk/bologna").text
    drawing = html[html.index("<svg viewBox") : html.index("</svg>", html.index("<svg viewBox")) + 6]
    assert modules(drawing) == expected(ADDRESS)
    assert ADDRESS in Reader(html).text


def test_the_code_alone_can_be_had_for_another_poster(client: TestClient) -> None:
    response = client.get("/report/desk/bologna/qr.svg")
    assert response.headers["content-type"] == "image/svg+xml"
    namespace = ' xmlns="http://www.w3.org/2000/svg"'
    assert modules(response.text.replace(namespace, "")) == expected(ADDRESS)


def test_the_poster_says_it_in_every_language_that_has_the_words(client: TestClient, hub: Hub) -> None:
    page = Reader(client.get("/report/desk/bologna").text)
    texts = hub.wording.texts
    shown = [(div["lang"], div["dir"]) for div in page.all("div") if div.get("class") == "poster-said"]
    assert ("en", "ltr") in shown
    assert {language for language, _ in shown} == {
        language for language in texts.languages if texts.has("report_page.desk.poster_ask", language)
    }


@pytest.mark.parametrize("desk", ["closed", "unheard-of", "..%2f..%2fetc", "a" * 300, "%00"])
def test_a_desk_that_takes_no_reports_has_no_page(client: TestClient, desk: str) -> None:
    for address in (f"/report/desk/{desk}", f"/report/desk/{desk}/qr.svg"):
        assert client.get(address, headers={"Accept": "text/html"}).status_code == 404
