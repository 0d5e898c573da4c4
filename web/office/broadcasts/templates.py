"""Messages that go by themselves: their words as they will be read, approved once."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from channels.base import ReadyMail
from core.languages import RELEASED
from identity.operators import OperatorRole
from subscriptions.broadcasts.templates import (
    TEMPLATES,
    TemplateApproval,
    approve_template,
    is_template_approved,
    withdraw_template,
)
from subscriptions.material import Material, Reader
from subscriptions.models import ChannelName, Delivery
from web.forms import field
from web.office.broadcasts.view import HERE, ROOT, operator_names, workshop_of
from web.office.doorway import OfficeParts, OfficeRoute
from web.office.framing import framed

router = APIRouter(route_class=OfficeRoute)
EXAMPLE = "example"


@router.get(ROOT + "/templates")
async def templates_page(page: OfficeParts) -> HTMLResponse:
    """All of them and whether they may go."""
    page.require(OperatorRole.EDITOR, OperatorRole.APPROVER)
    names = await operator_names(page)
    lines = []
    for template in TEMPLATES:
        approval = await page.session.get(TemplateApproval, template)
        lines.append(
            {
                "template": template,
                "approved_at": page.when(approval.approved_at) if approval else "",
                "by": names.get(approval.approved_by, page.t("broadcast.unknown_person")) if approval else "",
                "is_current": await is_template_approved(page.session, template, page.hub.wording.texts),
            }
        )
    languages = [(code, page.language_name(code)) for code in RELEASED]
    return page.render("broadcast_templates.html", here=HERE, lines=lines, languages=languages)


@router.post(ROOT + "/templates")
async def decide(page: OfficeParts) -> Response:
    """Approve one, or stop it."""
    page.require(OperatorRole.EDITOR, OperatorRole.APPROVER)
    form = await page.form()
    template, is_off = field(form, "template"), field(form, "do") == "withdraw"
    if is_off:
        await withdraw_template(page.session, page.operator, template)
    else:
        texts = page.hub.wording.texts
        await approve_template(page.session, page.operator, template, texts=texts, clock=page.clock)
    what = "template_withdrawn" if is_off else "template_approved"
    await page.record(f"broadcast.{what}", template)
    return page.go(f"{ROOT}/templates", done=f"broadcast.{what}")


@router.get(ROOT + "/templates/example")
async def example(page: OfficeParts, template: str = "", language: str = "en") -> Response:
    """The mail as a contact of an example city would get it."""
    page.require(OperatorRole.EDITOR, OperatorRole.APPROVER)
    if template not in TEMPLATES or language not in RELEASED:
        return page.not_found()
    kind, _, about = template.partition("/")
    workshop = workshop_of(page)
    due_on = (page.now + timedelta(days=30)).date()
    row = Delivery(
        id=EXAMPLE,
        message=f"{kind}/{EXAMPLE}",
        address_id=EXAMPLE,
        subscriber_id=EXAMPLE,
        channel=ChannelName.EMAIL,
        language=language,
        because={"rule": "mandatory"},
        parts={"kind": about or "other", "due_on": due_on.isoformat()},
        due_at=page.now,
        created_at=page.now,
    )
    reader = Reader("example@hub.invalid", page.operator.name, page.operator.time_zone, next(iter(workshop.cities)))
    ready = workshop.composer.preview(row, reader, Material(readers={EXAMPLE: reader}))
    return framed(ready.html or "") if isinstance(ready, ReadyMail) else page.not_found()
