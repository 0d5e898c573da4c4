"""Who gets a message, because of which choice, who does not and why, and the cities that it misses."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from identity.operators import OperatorRole
from subscriptions.audience import list_recipients
from subscriptions.broadcasts.authors import check
from web.office.broadcasts.overview import goes_at, measure
from web.office.broadcasts.view import HERE, ROOT, cause_words, show, workshop_of
from web.office.doorway import OfficeParts, OfficeRoute

router = APIRouter(route_class=OfficeRoute)

REACHED = {"yes": True, "no": False}


@router.get(ROOT + "/{broadcast_id}/audience")
async def audience_page(
    page: OfficeParts, broadcast_id: str, reached: str = "", after: str = "", city: str = ""
) -> Response:
    """Counts for everybody who may see it; names for the team alone."""
    shown = await show(page, broadcast_id)
    check(shown.sees_people)
    if shown.has_begun:
        # Who would get it now is not who got it.
        return page.go(f"{shown.path}/progress")
    reach = await measure(page, shown)
    with_names = page.role is not OperatorRole.NETWORK
    people = None
    if with_names:
        people = await list_recipients(
            page.session,
            shown.broadcast,
            topics=workshop_of(page).topics,
            now=goes_at(page, shown),
            reached=REACHED.get(reached),
            city=city or None,
            after=after or None,
        )
    return page.render(
        "broadcast_audience.html",
        here=HERE,
        part="audience",
        shown=shown,
        reach=reach,
        not_count=sum(reach.not_reached.values()),
        shares=[(share, cause_words(page, share.cause)) for share in reach.shares],
        people=people,
        causes=["" if one.decision.why_not else cause_words(page, one.decision.cause) for one in people.recipients]
        if people
        else [],
        reached=reached if reached in REACHED else "",
        with_names=with_names,
        is_later=reach.last_at > goes_at(page, shown),
    )
