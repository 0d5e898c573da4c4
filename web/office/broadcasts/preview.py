"""A message as its readers will see it, by mail and in Telegram, in frames that can do nothing.

The form that is being written is sent into the frame by a button, and while one types by a script; so it is live with
JavaScript and one press away without.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from fastapi import APIRouter
from fastapi.responses import Response

from channels.base import ReadyChat, ReadyMail
from core.errors import HubError
from core.languages import LANGUAGES
from subscriptions.broadcasts.errors import TestNotSentError
from subscriptions.broadcasts.workshop import unsaved_text
from subscriptions.models import BroadcastText, ChannelName
from web.forms import field
from web.office.broadcasts.overview import show_overview
from web.office.broadcasts.view import ROOT, Shown, sentences, show, workshop_of
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute
from web.office.framing import framed
from web.pages import direction

router = APIRouter(route_class=OfficeRoute)

_CHAT_STYLE = (
    "body{margin:0;padding:12px;background:#d5e3d3;color:#111;font:16px/1.4 system-ui,sans-serif}"
    ".bubble{max-width:30rem;margin:0 0 8px;padding:8px 12px;background:#fff;border-radius:12px;white-space:pre-wrap;"
    "overflow-wrap:anywhere}.empty{color:#333}a{color:#0b57a0}blockquote{margin:0;padding-inline-start:8px;"
    "border-inline-start:3px solid #0b57a0}"
)


@router.get(ROOT + "/{broadcast_id}/preview")
async def saved(page: OfficeParts, broadcast_id: str, language: str = "", channel: str = "email") -> Response:
    """The message as it is saved, for the first look."""
    shown = await show(page, broadcast_id)
    return await _frame(page, shown, language or shown.broadcast.original_language, channel, None)


@router.post(ROOT + "/{broadcast_id}/preview")
async def unsaved(page: OfficeParts, broadcast_id: str) -> Response:
    """The message as it stands in a form. Nothing is saved."""
    form = await page.form()
    shown = await show(page, broadcast_id)
    language = field(form, "language") or shown.broadcast.original_language
    text = unsaved_text(
        shown.broadcast, language, subject=field(form, "subject"), body=field(form, "body"), clock=page.clock
    )
    return await _frame(page, shown, language, page.request.query_params.get("channel", "email"), text)


@router.post(ROOT + "/{broadcast_id}/test")
async def test(page: OfficeParts, broadcast_id: str) -> Response:
    """Send it to oneself."""
    form = await page.form()
    shown = await show(page, broadcast_id)
    try:
        if shown.original is None:
            raise TestNotSentError(reason=page.t("broadcast.obstacle.no_text"))
        await workshop_of(page).send_test(
            page.session,
            shown.broadcast,
            language=field(form, "language") or shown.broadcast.original_language,
            email=page.operator.email,
            name=page.operator.name,
            time_zone=page.operator.time_zone,
        )
    except HubError as error:
        return await show_overview(page, broadcast_id, sentences(page, error), status=error.status)
    await page.record("broadcast.tested", broadcast_id)
    return page.go(shown.path, done="broadcast.tested")


async def _frame(page: OfficePage, shown: Shown, language: str, channel: str, text: BroadcastText | None) -> Response:
    workshop = workshop_of(page)
    by = ChannelName.TELEGRAM if channel == ChannelName.TELEGRAM else ChannelName.EMAIL
    ready = await workshop.preview(
        page.session,
        shown.broadcast,
        language=language if language in LANGUAGES else shown.broadcast.original_language,
        channel=by,
        name=page.operator.name,
        time_zone=page.operator.time_zone,
        unsaved=text,
    )
    match ready:
        case ReadyMail(html=str(html)):
            return framed(html)
        case ReadyChat() if workshop.chat_parts is not None:
            # Made by the channel's own renderer, which lets only Telegram's few tags through.
            return framed(_chat_page(page, workshop.chat_parts(ready), language))
    return framed(_chat_page(page, [], language))


def _chat_page(page: OfficePage, parts: Sequence[str], language: str) -> str:
    bubbles = "".join(f'<div class="bubble" dir="auto">{part}</div>' for part in parts)
    empty = f'<p class="empty">{escape(page.t("broadcast.preview.empty"))}</p>'
    title = escape(page.t("broadcast.preview.telegram_frame"))
    return (
        f'<!doctype html><html lang="{escape(language)}" dir="{direction(language)}"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_CHAT_STYLE}</style></head><body>{bubbles or empty}</body></html>"
    )
