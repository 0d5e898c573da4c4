"""What you told us, what we changed: written by period in every language, shown behind every open receipt."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from core.errors import HubError
from core.languages import RELEASED, format_day
from reports.errors import NewsIncompleteError
from reports.news import LONGEST, find_news, list_news, publish_news, withdraw_news
from reports.periods import Period
from web.desk.doorway import DeskRoute, Inside, Visit

router = APIRouter(route_class=DeskRoute)
QUARTERS_SHOWN = 8


@router.get("/desk/news")
async def news_page(visit: Inside, period: str = "") -> HTMLResponse:
    """What was published, and a form that begins with the words of the chosen period."""
    chosen = Period.read(period) or periods_until_now(visit)[0]
    news = await find_news(visit.session, visit.signed_in.desk.id, chosen)
    return await _news(visit, chosen, news.texts if news else {})


@router.post("/desk/news")
async def publish(visit: Inside) -> Response:
    """Publish, or take back."""
    visit.signed_in.require_desk_keys()
    period = Period.read(visit.form.get("period")) or periods_until_now(visit)[0]
    if visit.form.get("action") == "withdraw":
        await withdraw_news(visit.session, visit.signed_in, period, clock=visit.clock)
        return visit.go("/desk/news", done="news_withdrawn")
    texts = {language: visit.form.get(f"text_{language}") for language in RELEASED}
    try:
        await publish_news(visit.session, visit.signed_in, period, texts, clock=visit.clock)
    except NewsIncompleteError as error:
        return await _news(visit, period, texts, error)
    return visit.go("/desk/news", done="news_published")


def periods_until_now(visit: Visit) -> list[Period]:
    """This quarter and those before it, and their years."""
    now = Period.quarter_of(visit.clock.now())
    quarters = [now]
    while len(quarters) < QUARTERS_SHOWN:
        last = quarters[-1]
        assert last.quarter is not None
        quarters.append(Period(last.year, last.quarter - 1) if last.quarter > 1 else Period(last.year - 1, 4))
    return [*quarters, *sorted({quarter.whole_year for quarter in quarters}, reverse=True)]


def period_words(visit: Visit, period: Period) -> str:
    """A period in the reader's language."""
    if period.quarter is None:
        return str(period.year)
    return visit.t(f"observatory.quarter.q{period.quarter}", year=period.year)


async def _news(visit: Visit, chosen: Period, texts: dict[str, str], error: HubError | None = None) -> HTMLResponse:
    language = visit.page.language
    published = [
        (period, period_words(visit, period), format_day(row.published_at.date(), language), row.texts.get(language))
        for row in await list_news(visit.session, visit.signed_in.desk.id)
        if (period := Period.read(row.period)) is not None
    ]
    return visit.render(
        "news.html",
        status=error.status if error else 200,
        errors=[visit.say(error)] if error else [],
        chosen=chosen,
        chosen_words=period_words(visit, chosen),
        periods=[(str(period), period_words(visit, period)) for period in periods_until_now(visit)],
        texts=texts,
        languages=RELEASED,
        longest=LONGEST,
        published=published,
        is_published=any(period == chosen for period, *_ in published),
    )
