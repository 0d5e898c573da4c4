"""Mail to the team itself: the links that let operators in. Never queued, since a link lives for minutes."""

from __future__ import annotations

import logging
import secrets

from channels.base import ChannelUnavailableError, ReadyMail, RecipientRefusedError
from channels.email.layout import Layout
from channels.letter import Letter, LinkLine, Section, one_line
from core.languages import RELEASED, SOURCE_LANGUAGE
from identity.operator_session import LinkKind
from identity.operators import Operator
from web.state import Hub

log = logging.getLogger(__name__)


async def send_link(hub: Hub, operator: Operator, url: str, *, kind: LinkKind) -> bool:
    """Send a link to an operator; False where the mail server does not take it now, which is logged."""
    if hub.mail is None:
        return False
    try:
        await hub.mail.send(write_link(hub, operator, url, kind=kind))
    except (ChannelUnavailableError, RecipientRefusedError) as error:
        log.warning("operator_link_not_sent operator=%s error=%s", operator.id, type(error).__name__)
        return False
    return True


def write_link(hub: Hub, operator: Operator, url: str, *, kind: LinkKind) -> ReadyMail:
    """The mail."""
    language = spoken_by(operator)

    def say(what: str, **values: str) -> str:
        return hub.wording.texts.get(f"office.mail.{kind}.{what}", language, **values)

    letter = Letter(
        language=language,
        title=say("subject"),
        title_language=language,
        greeting=hub.wording.texts.get("office.mail.greeting", language, name=one_line(operator.name)),
        sections=(Section(say("text"), language),),
        because=say("because"),
        sender=hub.wording.texts.get("office.mail.sender", language),
        sender_address=hub.wording.team_address(),
        actions=(LinkLine(say("go"), url),),
    )
    return as_mail(letter, operator)


def as_mail(letter: Letter, to: Operator) -> ReadyMail:
    """The letter, laid out for one operator."""
    layout = Layout()
    return ReadyMail(
        id=secrets.token_hex(16),
        to=to.email,
        name=one_line(to.name),
        language=letter.language,
        subject=letter.title,
        text=layout.text(letter).fill({}),
        html=layout.html(letter).fill({}),
    )


def spoken_by(operator: Operator) -> str:
    """Their language, where the hub has words in it."""
    return operator.language if operator.language in RELEASED else SOURCE_LANGUAGE
