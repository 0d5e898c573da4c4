"""Mail that is kept while no mail server is set: everything that would have been sent."""

from __future__ import annotations

from email.message import EmailMessage

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from channels.email.models import OutboxMail
from channels.email.outbox import list_outbox, read_mail
from identity.operators import OperatorRole
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute
from web.office.framing import framed

router = APIRouter(route_class=OfficeRoute)
MOST = 50
SHOWN_HEADERS = ("From", "To", "Subject", "Date", "Reply-To", "List-Id", "List-Unsubscribe", "Content-Language")


@router.get("/office/outbox")
async def outbox_page(page: OfficeParts, before: str | None = None) -> HTMLResponse:
    """The newest first."""
    page.require(OperatorRole.EDITOR)
    mails = await list_outbox(page.session, limit=MOST + 1, before=before)
    return page.render(
        "outbox.html",
        has_server=page.hub.settings.smtp_url is not None,
        mails=[(mail, page.when(mail.written_at)) for mail in mails[:MOST]],
        older=page.url("/office/outbox", before=mails[MOST - 1].id) if len(mails) > MOST else None,
    )


@router.get("/office/outbox/mail")
async def mail_page(page: OfficeParts, id: str) -> HTMLResponse:  # noqa: A002  (name of the query)
    """One mail: its headers, its look, its text, its files."""
    mail = await _get(page, id)
    content = read_mail(mail.content)
    text = content.get_body(("plain",))
    return page.render(
        "outbox_mail.html",
        mail=mail,
        written=page.when(mail.written_at),
        lines=[(name, str(content[name])) for name in SHOWN_HEADERS if content[name]],
        text=text.get_content() if text is not None else "",
        has_html=content.get_body(("html",)) is not None,
        files=[part.get_filename() or part.get_content_type() for part in content.iter_attachments()],
    )


@router.get("/office/outbox/html")
async def mail_html(page: OfficeParts, id: str) -> HTMLResponse:  # noqa: A002
    """How a mail looks, for a frame that can do nothing."""
    html = _html(read_mail((await _get(page, id)).content))
    return framed(html)


@router.get("/office/outbox/file")
async def mail_file(page: OfficeParts, id: str) -> Response:  # noqa: A002
    """The whole mail, for a mail program."""
    mail = await _get(page, id)
    headers = {"Content-Disposition": 'attachment; filename="message.eml"'}
    return Response(mail.content, media_type="message/rfc822", headers=headers)


async def _get(page: OfficePage, mail_id: str) -> OutboxMail:
    page.require(OperatorRole.EDITOR)
    mail = await page.session.get(OutboxMail, mail_id)
    if mail is None:
        raise HTTPException(404)
    return mail


def _html(mail: EmailMessage) -> str:
    body = mail.get_body(("html",))
    return str(body.get_content()) if body is not None else ""
