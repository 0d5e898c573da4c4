"""Builds the channel from the settings; called by app.py. Raises ConfigurationError, which says what to mend."""

from __future__ import annotations

import re

from channels.email.channel import EmailChannel
from channels.email.dkim import DkimSigner
from channels.email.mailbox import ImapAnswers, ImapReports, Mailbox
from channels.email.message import MailSender
from channels.email.outbox import Outbox
from channels.email.pool import SmtpPool
from channels.email.server import SmtpServer
from core.clock import Clock
from core.database import Database
from core.errors import ConfigurationError
from core.settings import Settings

NOBODY = MailSender("ICC Hub", "icc-hub@localhost")
"""Who mail in the outbox comes from while nothing is set."""
_NAME = re.compile(r"[a-z0-9._-]{1,15}")
"""With a plus and 48 letters behind it, it must fit the 64 of RFC 5321."""


def build_mail(settings: Settings, database: Database, clock: Clock) -> EmailChannel:
    """Mail by the server that is set, or into the outbox."""
    sender = MailSender.parse(settings.mail_from) if settings.mail_from else NOBODY
    pool = build_carrier(settings)
    if pool is None:
        return EmailChannel(sender=sender, carrier=Outbox(database, clock), clock=clock)
    return EmailChannel(sender=sender, carrier=pool, clock=clock, signer=_build_signer(settings, sender))


def build_carrier(settings: Settings) -> SmtpPool | None:
    """The connections to the server that is set."""
    if settings.smtp_url is None:
        return None
    if settings.mail_from is None:
        raise ConfigurationError(reason="HUB_SMTP_URL needs HUB_MAIL_FROM beside it")
    return SmtpPool(SmtpServer.parse(settings.smtp_url.get_secret_value()))


def build_bounces(settings: Settings) -> ImapReports | None:
    """The mailbox to which undelivered mail comes back, if one is set."""
    if settings.bounce_url is None:
        return None
    if settings.mail_from is None:
        raise ConfigurationError(reason="HUB_BOUNCE_URL needs HUB_MAIL_FROM beside it")
    mailbox = Mailbox.parse(settings.bounce_url.get_secret_value())
    return ImapReports(mailbox, domain=MailSender.parse(settings.mail_from).domain)


def build_calendar_answers(settings: Settings) -> ImapAnswers | None:
    """The mailbox to which calendars answer, if an address for it is set."""
    address = settings.calendar_address
    if address is None:
        return None
    name, _, domain = address.rpartition("@")
    if settings.bounce_url is None:
        raise ConfigurationError(reason="HUB_CALENDAR_ADDRESS needs HUB_BOUNCE_URL beside it")
    if not _NAME.fullmatch(name) or not domain:
        raise ConfigurationError(reason="HUB_CALENDAR_ADDRESS is no mail address with a short name before the @")
    return ImapAnswers(Mailbox.parse(settings.bounce_url.get_secret_value()), address=address)


def _build_signer(settings: Settings, sender: MailSender) -> DkimSigner | None:
    files, selectors = settings.dkim_key_file, settings.dkim_selector
    if files is None and selectors is None:
        return None
    if files is None or selectors is None:
        raise ConfigurationError(reason="HUB_DKIM_KEY_FILE and HUB_DKIM_SELECTOR need each other")
    return DkimSigner.load(sender.domain, key_files=files, selectors=selectors)
