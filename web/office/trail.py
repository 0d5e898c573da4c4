"""Who of the team did what, when: for everybody of the team to see."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from core.languages import SOURCE_LANGUAGE
from identity.operators import OperatorAct, OperatorRole, list_acts, list_operators
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute

router = APIRouter(route_class=OfficeRoute)
MOST = 100


@router.get("/office/trail")
async def trail_page(page: OfficeParts, operator: str = "", before: int | None = None) -> HTMLResponse:
    """The newest first, of everybody or of one."""
    page.require(OperatorRole.EDITOR, OperatorRole.APPROVER)
    names = {one.id: one.name for one in await list_operators(page.session, with_closed=True)}
    acts = await list_acts(page.session, operator_id=operator or None, before=before, limit=MOST + 1)
    return page.render(
        "trail.html",
        lines=[
            (page.when(one.at), names.get(one.operator_id or "", page.t("office.trail.hub")), said(page, one))
            for one in acts[:MOST]
        ],
        operators=sorted(names.items(), key=lambda pair: pair[1].casefold()),
        operator=operator,
        older=page.url("/office/trail", operator=operator, before=acts[MOST - 1].id) if len(acts) > MOST else None,
    )


def said(page: OfficePage, act: OperatorAct) -> str:
    """What was done, in words; an act without words of its own shows its name."""
    key = act.act.replace(".", ".act.", 1)
    return page.t(key) if page.hub.wording.texts.has(key, SOURCE_LANGUAGE) else act.act
