"""Mail to people of the team who are asked for something: to check a text, or to release a message as the second.

It goes after the page has answered, and what cannot be sent is logged: the same stands on their first page.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from starlette.background import BackgroundTask

from channels.base import ChannelUnavailableError, ReadyMail, RecipientRefusedError
from channels.letter import Letter, LinkLine, Section, one_line
from core.markdown import escape
from identity.operators import Operator, list_operators
from subscriptions.broadcasts.authors import may_release
from web.office.broadcasts.view import Shown
from web.office.doorway import OfficePage
from web.office.mailing import as_mail, spoken_by
from web.state import Hub

log = logging.getLogger(__name__)


def ask_approver(page: OfficePage, shown: Shown, language: str, approver: Operator) -> BackgroundTask:
    """Tell somebody that a text waits for them."""
    path = f"{shown.path}/text/{language}"
    in_theirs = replace(page, language=spoken_by(approver), chosen=False)
    at = page.when(shown.broadcast.texts_due_at)
    what = {"language": in_theirs.language_name(language), "subject": _subject(shown), "at": at}
    mail = _write(page, approver, "approve", path, text="text_due" if at else "text", **what)
    return BackgroundTask(_send, page.hub, [mail])


async def ask_second_person(page: OfficePage, shown: Shown) -> BackgroundTask:
    """Tell everybody who may be the second person."""
    asked = [
        one
        for one in await list_operators(page.session)
        if one.joined_at is not None and may_release(one) and one.id not in shown.broadcast.approved_by
    ]
    what = {"name": page.operator.name, "subject": _subject(shown)}
    return BackgroundTask(_send, page.hub, [_write(page, one, "release", shown.path, **what) for one in asked])


def _write(page: OfficePage, to: Operator, kind: str, path: str, *, text: str = "text", **values: str) -> ReadyMail:
    language, texts = spoken_by(to), page.hub.wording.texts

    def say(what: str, **more: str) -> str:
        return texts.get(f"broadcast.team_mail.{what}", language, **more)

    letter = Letter(
        language=language,
        title=one_line(say(f"{kind}.subject", **values)),
        title_language=language,
        greeting=say("greeting", name=one_line(to.name)),
        sections=(Section(escape(say(f"{kind}.{text}", **values)), language),),
        because=say(f"{kind}.because"),
        sender=say("sender"),
        sender_address=page.hub.wording.team_address(),
        actions=(LinkLine(say(f"{kind}.go"), f"{page.own_address}{path}"),),
    )
    return as_mail(letter, to)


async def _send(hub: Hub, mails: Sequence[ReadyMail]) -> None:
    for mail in mails:
        try:
            if hub.mail is not None:
                await hub.mail.send(mail)
        except (ChannelUnavailableError, RecipientRefusedError) as error:
            log.warning("team_mail_not_sent error=%s", type(error).__name__)


def _subject(shown: Shown) -> str:
    return one_line(shown.original.subject) if shown.original else "…"
