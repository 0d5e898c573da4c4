"""The way to one desk: the page behind the QR code on its door, which is also the poster with that code."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from core.languages import RELEASED
from reports.desk_words import DeskWords
from reports.desks import NOT_ASKED_YET, DeskChoice, describe_desk, get_desk
from reports.errors import DeskNotFoundError
from reports.receipts import new_receipt
from web.pages import Page, PageParts
from web.qr import qr_drawing, qr_file
from web.report import closed

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Said:
    """What the poster says in one language."""

    language: str
    ask: str
    how: str


@router.get("/report/desk/{desk_id}")
async def desk_page(desk_id: str, page: PageParts) -> HTMLResponse:
    """Begin a report for this desk, or print the poster for its wall."""
    if page.hub.form is None:
        return closed(page)
    desk = await _find(page, desk_id)
    if desk is None:
        return page.not_found()
    texts, address = page.hub.wording.texts, _address(page, desk_id)
    return page.render(
        "report/desk.html",
        desk=desk_id,
        name=desk.name,
        promises=DeskWords(texts).at_its_door(desk, page.language),
        key=new_receipt(),
        drawing=qr_drawing(address),
        address=address,
        poster=_poster(page),
    )


@router.get("/report/desk/{desk_id}/qr.svg")
async def desk_code(desk_id: str, page: PageParts) -> Response:
    """The QR code alone, for a desk's own poster."""
    if page.hub.form is None or await _find(page, desk_id) is None:
        return page.not_found()
    return Response(qr_file(_address(page, desk_id)), media_type="image/svg+xml")


async def _find(page: Page, desk_id: str) -> DeskChoice | None:
    async with page.hub.database.session() as session:
        try:
            desk = await get_desk(session, desk_id, open_only=True)
        except DeskNotFoundError:
            return None
        return await describe_desk(session, desk, about_city=NOT_ASKED_YET, clock=page.hub.clock)


def _address(page: Page, desk_id: str) -> str:
    own = page.hub.settings.public_url or str(page.request.base_url).rstrip("/")
    return f"{own}/report/desk/{desk_id}"


def _poster(page: Page) -> list[Said]:
    """Every language that has the words, so that nobody reads one of them twice."""
    texts = page.hub.wording.texts
    return [
        Said(code, texts.get("report_page.desk.poster_ask", code), texts.get("report_page.desk.poster_how", code))
        for code in RELEASED
        if texts.has("report_page.desk.poster_ask", code)
    ]
