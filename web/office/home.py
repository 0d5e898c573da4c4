"""The first page: what needs somebody of the team today, and which cities can be reached."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import func
from sqlmodel import col, select

from channels.letter import isolated
from conversation.models import Handoff, HandoffStatus
from identity.operators import OperatorRole, list_operators
from subscriptions.alerts import list_alerts, settle_alert
from subscriptions.broadcasts.authors import may_release
from subscriptions.broadcasts.templates import TEMPLATES, is_template_approved
from subscriptions.broadcasts.texts import list_waiting_texts
from subscriptions.directory import measure_cities
from subscriptions.failures import list_failures
from subscriptions.models import (
    Broadcast,
    BroadcastStatus,
    ChannelPause,
    DueDate,
    Subscriber,
    TeamAlert,
)
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute

router = APIRouter(route_class=OfficeRoute)
FAILED_SINCE = timedelta(days=7)
MOST_FAILED = 5
"""Broadcasts named one by one."""
DUE_WITHIN = timedelta(days=30)


@dataclass(frozen=True)
class Task:
    """One thing to do: a sentence, and where it is done."""

    words: str
    url: str
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first things to do in a new hub: ``office.steps.<name>``, and where it is done."""

    name: str
    path: str
    is_done: bool


@dataclass(frozen=True)
class ShownAlert:
    """Something that happened to a city's contact."""

    id: int
    words: str
    when: str
    person: str | None
    person_url: str | None


@router.get("/office")
async def home_page(page: OfficeParts) -> HTMLResponse:
    """What needs me today."""
    is_team = page.may(OperatorRole.EDITOR, OperatorRole.APPROVER)
    reach = await measure_cities(page.session, page.hub.wording.base.cities, network=page.network)
    named = sorted(((page.place_name(one.city), one) for one in reach), key=lambda pair: pair[0].casefold())
    return page.render(
        "home.html",
        tasks=[task async for task in _tasks(page)],
        alerts=await _alerts(page) if page.may(OperatorRole.EDITOR) else [],
        reach=named,
        unreached=[pair for pair in named if not pair[1].is_reached] if is_team else [],
        reached=sum(one.is_sure for one in reach),
        unsure=sum(one.is_reached and not one.is_sure for one in reach),
        steps=await _first_steps(page),
        may_edit=page.may(OperatorRole.EDITOR),
    )


@router.post("/office/alerts/{alert_id}")
async def settle(page: OfficeParts, alert_id: int) -> Response:
    """Somebody looked at it."""
    page.require(OperatorRole.EDITOR)
    await page.form()
    await settle_alert(page.session, alert_id, page.operator.id, clock=page.clock)
    await page.record("office.alert_settled", str(alert_id))
    return page.go("/office", done="office.saved")


async def _tasks(page: OfficePage) -> AsyncIterator[Task]:
    texts = await list_waiting_texts(page.session, page.operator)
    if texts:
        one = texts[0][1]
        url = f"/office/broadcasts/{one.broadcast_id}/text/{one.language}" if len(texts) == 1 else "/office/broadcasts"
        yield _task(page, "texts", len(texts), url)
    if may_release(page.operator):
        query = select(Broadcast.approved_by).where(Broadcast.status == BroadcastStatus.IN_REVIEW)
        waiting = [by for by in await page.session.exec(query) if page.operator.id not in by]
        yield _task(page, "reviews", len(waiting), "/office/broadcasts", is_urgent=True)
    if not page.may(OperatorRole.EDITOR):
        return
    questions = await _count(page, select(func.count()).where(col(Handoff.status) == HandoffStatus.OPEN))
    yield _task(page, "questions", questions, "/office/questions")
    failures = await list_failures(page.session, since=page.now - FAILED_SINCE)
    yield _task(page, "failed", failures.closed, "/office/subscribers?state=unreachable")
    for failed in failures.broadcasts[:MOST_FAILED]:
        path = f"/office/broadcasts/{failed.broadcast_id}/progress?status=unreached#rows"
        yield _task(page, "failed_of", failed.people, path, title=isolated(failed.subject))
    yield _task(page, "failed_alone", failures.alone, f"/office/subscribers/{failures.person}")
    yield _task(page, "templates", await _count_silent(page), "/office/broadcasts/templates", is_urgent=True)
    for pause in await page.session.exec(select(ChannelPause)):
        words = page.t(
            "office.home.away", channel=page.t(f"office.channel.{pause.channel}"), since=page.when(pause.since)
        )
        yield Task(words, page.url("/office/broadcasts"), is_urgent=True)
    today = page.now.date()
    open_dates = select(func.count()).where(col(DueDate.done_on).is_(None))
    late = await _count(page, open_dates.where(col(DueDate.due_on) < today))
    yield _task(page, "late", late, "/office/cities?which=soon", is_urgent=True)
    soon = await _count(page, open_dates.where(col(DueDate.due_on) >= today, col(DueDate.due_on) <= today + DUE_WITHIN))
    yield _task(page, "due", soon, "/office/cities?which=soon")


async def _first_steps(page: OfficePage) -> list[Step]:
    """What a new hub needs, as far as this operator can do it; nothing once all of it is done."""
    if not page.may(OperatorRole.EDITOR):
        return []
    people = await _count(page, select(func.count()).select_from(Subscriber))
    written = await _count(page, select(func.count()).select_from(Broadcast))
    steps = [Step("import", "/office/subscribers/import", people > 0)]
    if page.role is OperatorRole.ADMINISTRATOR:
        team = await list_operators(page.session)
        steps += [
            Step("colleague", "/office/operators", len(team) > 1),
            Step("mail", "/office/outbox", page.hub.settings.smtp_url is not None),
        ]
    steps.append(Step("message", "/office/broadcasts", written > 0))
    return [] if all(step.is_done for step in steps) else steps


async def _count_silent(page: OfficePage) -> int:
    """Automatic messages that do not go since nobody approved their words; none while there is nobody to remind."""
    contacts = await _count(page, select(func.count()).where(col(Subscriber.is_mandatory_contact)))
    dates = await _count(page, select(func.count()).where(col(DueDate.done_on).is_(None)))
    if not contacts and not dates:
        return 0
    texts = page.hub.wording.texts
    return len([name for name in TEMPLATES if not await is_template_approved(page.session, name, texts)])


def _task(page: OfficePage, what: str, count: int, path: str, *, is_urgent: bool = False, **names: str) -> Task:
    """With nothing to do there are no words, and the page leaves it out."""
    address, _, rest = path.partition("#")
    address, _, query = address.partition("?")
    values = dict([query.split("=")]) if query else {}
    url = page.url(address, **values) + (f"#{rest}" if rest else "")
    return Task(page.t(f"office.home.{what}", count=count, **names) if count else "", url, is_urgent)


async def _count(page: OfficePage, query: object) -> int:
    connection = await page.session.connection()
    return int((await connection.execute(query)).scalar_one())  # type: ignore[call-overload]


async def _alerts(page: OfficePage) -> list[ShownAlert]:
    alerts: list[TeamAlert] = await list_alerts(page.session)
    people = {
        person.id: person.name
        for person in await page.session.exec(
            select(Subscriber).where(col(Subscriber.id).in_([one.subscriber_id for one in alerts if one.subscriber_id]))
        )
    }
    return [
        ShownAlert(
            alert.id or 0,
            page.t(
                f"office.alert.{alert.kind}",
                city=page.place_name(alert.city) if alert.city else page.t("office.alert.nowhere"),
            ),
            page.when(alert.raised_at),
            people.get(alert.subscriber_id or ""),
            page.url(f"/office/subscribers/{alert.subscriber_id}") if alert.subscriber_id in people else None,
        )
        for alert in alerts
    ]
