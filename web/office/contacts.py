"""Contacts of services: the team confirms, corrects or hides them, and the assistant says so minutes later."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from conversation.models import ContactDoubt
from core.errors import HubError
from core.normalise import fold
from identity.operators import OperatorRole
from knowledge.base import Entry
from knowledge.corrections import ServiceContactOverride, correct_contact, drop_correction
from knowledge.dates import is_stale
from knowledge.schema import Kind
from web.forms import field
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute
from web.office.places import country_options

router = APIRouter(route_class=OfficeRoute)
MOST = 100
DOUBTS_OF = timedelta(days=90)


@dataclass(frozen=True)
class ShownContact:
    """One line of the list. ``state``: hidden, stale, confirmed or unconfirmed."""

    entry: Entry
    title: str
    state: str
    doubts: int


@router.get("/office/contacts")
async def contacts_page(page: OfficeParts, text: str = "", country: str = "", state: str = "") -> HTMLResponse:
    """Those first that people doubt, then the oldest."""
    page.require(OperatorRole.EDITOR)
    doubts = await _count_doubts(page.session, page)
    wanted = fold(text.strip())
    shown = []
    for entry in page.hub.wording.base.entries.values():
        if entry.kind is not Kind.SERVICE or (country and entry.service.country != country):
            continue
        title = entry.title(page.language)
        if wanted and wanted not in fold(f"{title} {entry.service.name_local} {entry.id}"):
            continue
        line = ShownContact(entry, title, _state(page, entry), doubts[entry.id])
        if state in {"", line.state} or (state == "doubted" and line.doubts):
            shown.append(line)
    shown.sort(key=lambda line: (-line.doubts, line.entry.service.as_of or "", line.title))
    return page.render(
        "contacts.html",
        contacts=shown[:MOST],
        count=len(shown),
        most=MOST,
        countries=country_options(page),
        states=[
            (name, page.t(f"office.contacts.state_{name}"))
            for name in ("doubted", "stale", "unconfirmed", "confirmed", "hidden")
        ],
        text=text,
        country=country,
        state=state,
    )


@router.get("/office/contacts/{name}")
async def contact_page(page: OfficeParts, name: str) -> HTMLResponse:
    """One service: what stands in the facts, and the team's word on it."""
    return await _show(page, f"service/{name}")


@router.post("/office/contacts/{name}")
async def correct(page: OfficeParts, name: str) -> Response:
    """Keep the team's word; this process says so at once, the others within a minute."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    entry_id, wiring = f"service/{name}", page.hub.corrections
    try:
        if field(form, "action") == "drop":
            await drop_correction(page.session, entry_id)
        else:
            await correct_contact(
                page.session,
                page.hub.wording.base,
                entry_id,
                phone=field(form, "phone"),
                email=field(form, "email"),
                url=field(form, "url"),
                is_hidden=field(form, "is_hidden") == "yes",
                is_confirmed=field(form, "is_confirmed") == "yes",
                by=page.operator.id,
                clock=page.clock,
            )
    except HubError as error:
        typed = {part: field(form, part) for part in ("phone", "email", "url")}
        return await _show(page, entry_id, [page.say(error)], status=error.status, typed=typed)
    await page.record("office.contact_changed", entry_id)
    if wiring is not None:
        await wiring.refresh(page.session)
    return page.go(f"/office/contacts/{name}", done="office.contact_changed")


async def _show(
    page: OfficePage,
    entry_id: str,
    errors: list[str] | None = None,
    *,
    status: int = 200,
    typed: dict[str, str] | None = None,
) -> HTMLResponse:
    page.require(OperatorRole.EDITOR)
    base = page.hub.wording.base
    fact = base.original_service(entry_id)
    entry = base.get_entry(entry_id)
    row = await page.session.get(ServiceContactOverride, entry_id)
    stated = {"phone": fact.phone or "", "email": fact.email or "", "url": str(fact.url or "")}
    own = {name: value for name in stated if row is not None and (value := getattr(row, name)) is not None}
    return page.render(
        "contact.html",
        status=status,
        errors=errors or [],
        entry=entry,
        name=entry_id.removeprefix("service/"),
        title=entry.title(page.language),
        state=_state(page, entry),
        stated=stated,
        as_of=fact.as_of or "",
        source=fact.source_url,
        typed=stated | own | (typed or {}),
        row=row,
        changed=page.when(row.changed_at) if row else "",
        confirmed=page.day(row.confirmed_on) if row else "",
        doubts=(await _count_doubts(page.session, page))[entry_id],
    )


def _state(page: OfficePage, entry: Entry) -> str:
    fact = entry.service
    if fact.is_hidden:
        return "hidden"
    if is_stale(fact.as_of, page.now.date()):
        return "stale"
    return "confirmed" if fact.confirmed_on else "unconfirmed"


async def _count_doubts(session: AsyncSession, page: OfficePage) -> Counter[str]:
    """How often people said that a contact is wrong, of late; what was confirmed since counts no more."""
    since = page.now.date() - DOUBTS_OF
    counts: Counter[str] = Counter()
    for doubt in await session.exec(select(ContactDoubt).where(col(ContactDoubt.doubted_on) > since)):
        entry = page.hub.wording.base.entries.get(doubt.entry)
        confirmed_on = entry.service.confirmed_on if entry is not None and entry.kind is Kind.SERVICE else None
        if confirmed_on is None or doubt.doubted_on.isoformat() > confirmed_on:
            counts[doubt.entry] += doubt.count
    return counts
