"""Reads reports, and answers of calendars, from the mailbox that HUB_BOUNCE_URL names, over IMAP.

Only those are fetched, unread ones, without marking them as read; one is marked once it was noted. Mail of people is
not touched.
"""

from __future__ import annotations

import asyncio
import imaplib
import logging
import ssl
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

from channels.base import Bounce, CalendarAnswer, ChannelUnavailableError
from channels.email.bounces import MOST_BYTES, read_report
from channels.email.calendar_answers import MOST_BYTES as MOST_BYTES_OF_ANSWER
from channels.email.calendar_answers import read_answer, split_address
from core.errors import ConfigurationError

log = logging.getLogger(__name__)

PATIENCE = 30.0
MOST_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where reports come in."""

    host: str
    port: int
    encrypted: bool
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"

    @classmethod
    def parse(cls, url: str) -> Mailbox:
        """From ``imap[s]://user:password@host/folder``. Raises ConfigurationError."""
        try:
            parts = urlsplit(url)
            if parts.scheme not in {"imap", "imaps"} or not (parts.hostname and parts.username and parts.password):
                raise ValueError(parts.scheme)
            encrypted = parts.scheme == "imaps"
            port = parts.port or (993 if encrypted else 143)
        except ValueError:
            raise ConfigurationError(reason="HUB_BOUNCE_URL is no address of a mailbox") from None
        folder = unquote(parts.path.strip("/")) or "INBOX"
        return cls(parts.hostname, port, encrypted, unquote(parts.username), unquote(parts.password), folder)


class _ImapMail[Found: (Bounce, CalendarAnswer)](ABC):
    """One kind of mail in a mailbox. The library blocks, so each visit is made in a thread."""

    def __init__(self, mailbox: Mailbox, *search: str, most_bytes: int) -> None:
        self._mailbox = mailbox
        self._search = search
        self._most_bytes = most_bytes
        self._seen: set[str] = set()
        """Unread mail that is none of ours; looked at once."""

    async def fetch(self) -> list[Found]:
        """What was not noted yet. Raises ChannelUnavailableError."""
        return await asyncio.to_thread(self._fetch)

    async def finish(self, found: Sequence[Found]) -> None:
        """Mark it as read. Raises ChannelUnavailableError."""
        if found:
            await asyncio.to_thread(self._mark, [one.uid for one in found])

    @abstractmethod
    def _read(self, content: bytes) -> Found | None:
        """What a mail says; None: it is none of these."""

    def _fetch(self) -> list[Found]:
        found: list[Found] = []
        with self._open(readonly=True) as imap:
            _, [listed] = imap.uid("SEARCH", "UNSEEN", *self._search)
            uids = [uid.decode() for uid in (listed or b"").split() if uid.decode() not in self._seen]
            for uid in uids[:MOST_AT_ONCE]:
                _, answer = imap.uid("FETCH", uid, f"(BODY.PEEK[]<0.{self._most_bytes}>)")
                content = next((part[1] for part in answer if isinstance(part, tuple)), b"")
                one = self._try(content)
                if one is None:
                    self._seen.add(uid)
                else:
                    found.append(replace(one, uid=uid))
        return found

    def _try(self, content: bytes) -> Found | None:
        try:
            return self._read(content)
        except Exception as error:
            # Anybody may write to this mailbox, and parsers stumble over some of what they write.
            log.warning("mail_unreadable error=%s", type(error).__name__)
            return None

    def _mark(self, uids: list[str]) -> None:
        with self._open(readonly=False) as imap:
            imap.uid("STORE", ",".join(uids), "+FLAGS.SILENT", r"(\Seen)")

    @contextmanager
    def _open(self, *, readonly: bool) -> Iterator[imaplib.IMAP4]:
        box = self._mailbox
        try:
            imap = (
                imaplib.IMAP4_SSL(box.host, box.port, ssl_context=ssl.create_default_context(), timeout=PATIENCE)
                if box.encrypted
                else imaplib.IMAP4(box.host, box.port, timeout=PATIENCE)
            )
        except (OSError, imaplib.IMAP4.error) as error:
            raise ChannelUnavailableError(f"{type(error).__name__} mailbox", whole=True) from None
        try:
            imap.login(box.user, box.password)
            quoted = '"' + box.folder.replace("\\", r"\\").replace('"', r"\"") + '"'
            status, _ = imap.select(quoted, readonly=readonly)
            if status != "OK":
                raise ChannelUnavailableError("no folder mailbox", whole=True)
            yield imap
        except (OSError, imaplib.IMAP4.error) as error:
            raise ChannelUnavailableError(f"{type(error).__name__} mailbox", whole=True) from None
        finally:
            with suppress(OSError, imaplib.IMAP4.error):
                imap.logout()


class ImapReports(_ImapMail[Bounce]):
    """A ``BounceSource``."""

    def __init__(self, mailbox: Mailbox, *, domain: str) -> None:
        super().__init__(mailbox, "HEADER", "Content-Type", "multipart/report", most_bytes=MOST_BYTES)
        self._domain = domain

    def _read(self, content: bytes) -> Bounce | None:
        return read_report(content, domain=self._domain)


class ImapAnswers(_ImapMail[CalendarAnswer]):
    """A ``CalendarAnswerSource``: what came to an address with something behind a plus."""

    def __init__(self, mailbox: Mailbox, *, address: str) -> None:
        name = split_address(address)[0]
        super().__init__(mailbox, "HEADER", "To", f'"{name}+"', most_bytes=MOST_BYTES_OF_ANSWER)
        self._address = address

    def _read(self, content: bytes) -> CalendarAnswer | None:
        return read_answer(content, address=self._address)
