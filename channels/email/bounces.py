"""What comes back after a server took a mail: reports that it was not delivered (RFC 3464), and complaints (RFC 5965).

A report encloses the mail or its headers, so our own Message-ID tells which delivery it speaks of. What names none of
ours is left alone, since people answer to that mailbox too.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage, Message

from channels.base import Bounce, BounceKind
from channels.email.server import is_lasting

_MESSAGE_ID = re.compile(r"<\s*([0-9a-f]{32})@([^>\s]+)\s*>", re.IGNORECASE)
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REPLY = re.compile(r"\b([45]\d\d)\b")
_RETURNED = frozenset({"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"})
MOST_BYTES = 2_000_000
"""Of a report that is read; ours enclose a mail that we wrote."""


def read_report(content: bytes, *, domain: str) -> Bounce | None:
    """What a mail reports of one of ours; None for everything else: other mail, delays, successes."""
    message = email.message_from_bytes(content[:MOST_BYTES], policy=email.policy.default)
    if message.get_content_type() != "multipart/report":
        return None
    kind = str(message.get_param("report-type") or "").lower()
    delivery_id = _find_delivery(message, domain)
    if delivery_id is None:
        return None
    if kind == "feedback-report":
        return Bounce(delivery_id, BounceKind.COMPLAINT, "complaint")
    for fields in _recipients(message):
        if str(fields.get("Action", "")).strip().lower() != "failed":
            continue
        code, status = _codes(fields)
        lasting = is_lasting(code, status)
        reason = " ".join(filter(None, [str(code) if code else "", status, "report"]))
        return Bounce(delivery_id, BounceKind.GONE if lasting else BounceKind.UNDELIVERED, reason)
    return None


def _codes(fields: Message) -> tuple[int, str]:
    """The server's reply code, where it is quoted, and the enhanced status."""
    quoted = str(fields.get("Diagnostic-Code", ""))
    found = _STATUS.search(str(fields.get("Status", "")))
    status = found[1] if found else ""
    if status in {"", "5.0.0"} and (better := _STATUS.search(quoted)) is not None:
        # The relay's own status says only that it failed.
        status = better[1]
    reply = _REPLY.search(quoted)
    return int(reply[1]) if reply else 0, status


def _recipients(report: EmailMessage) -> Iterator[Message]:
    """The blocks of fields of message/delivery-status, one for each recipient; the first is about the server."""
    for part in report.walk():
        if part.get_content_type() == "message/delivery-status":
            blocks = part.get_payload()
            if isinstance(blocks, list):
                yield from (block for block in blocks if isinstance(block, Message) and "Action" in block)


def _find_delivery(report: EmailMessage, domain: str) -> str | None:
    for part in report.walk():
        if part.get_content_type() in _RETURNED:
            found = _MESSAGE_ID.search(_returned_id(part))
            if found is not None and found[2].lower() == domain.lower():
                return found[1].lower()
    return None


def _returned_id(part: Message) -> str:
    payload = part.get_payload()
    if isinstance(payload, list):
        inner = payload[0] if payload else None
        return str(inner.get("Message-ID", "")) if isinstance(inner, Message) else ""
    content = part.get_payload(decode=True)
    headers = content if isinstance(content, bytes) else str(payload).encode("utf-8", "replace")
    return str(email.message_from_bytes(headers).get("Message-ID", ""))
