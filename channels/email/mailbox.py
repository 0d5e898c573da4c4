"""Reads reports from the mailbox that HUB_BOUNCE_URL names, over IMAP.

Only reports are fetched, unread ones, without marking them as read; a report is marked once it was noted. Mail of
people is not touched.
"""

from __future__ import annotations

import asyncio
import imaplib
import logging
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from channels.base import Bounce, ChannelUnavailableError
from channels.email.bounces import MOST_BYTES, read_report
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


class ImapReports:
    """A ``BounceSource``. The library blocks, so each visit is made in a thread."""

    def __init__(self, mailbox: Mailbox, *, domain: str) -> None:
        self._mailbox = mailbox
        self._domain = domain
        self._seen: set[str] = set()
        """Unread mail that is none of ours; looked at once."""

    async def fetch(self) -> list[Bounce]:
        """Reports that were not noted yet. Raises ChannelUnavailableError."""
        return await asyncio.to_thread(self._fetch)

    async def finish(self, bounces: Sequence[Bounce]) -> None:
        """Mark reports as read. Raises ChannelUnavailableError."""
        if bounces:
            await asyncio.to_thread(self._mark, [bounce.uid for bounce in bounces])

    def _fetch(self) -> list[Bounce]:
        found: list[Bounce] = []
        with self._open(readonly=True) as imap:
            _, [listed] = imap.uid("SEARCH", "UNSEEN", "HEADER", "Content-Type", "multipart/report")
            uids = [uid.decode() for uid in (listed or b"").split() if uid.decode() not in self._seen]
            for uid in uids[:MOST_AT_ONCE]:
                _, answer = imap.uid("FETCH", uid, f"(BODY.PEEK[]<0.{MOST_BYTES}>)")
                content = next((part[1] for part in answer if isinstance(part, tuple)), b"")
                bounce = _read(content, self._domain)
                if bounce is None:
                    self._seen.add(uid)
                else:
                    found.append(Bounce(bounce.delivery_id, bounce.kind, bounce.reason, uid))
        return found

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


def _read(content: bytes, domain: str) -> Bounce | None:
    try:
        return read_report(content, domain=domain)
    except Exception as error:
        # Anybody may write to this mailbox, and the parser stumbles over some of what they write.
        log.warning("bounce_unreadable error=%s", type(error).__name__)
        return None
