"""How a mail is written: headers, text and HTML beside each other, a calendar entry, files.

The standard library's writer takes some five milliseconds a mail, more than sending it does, and nearly all of it for
parsing headers that we have just made. So mails are written here, in the few forms that the hub sends, and tests read
every one of them back with the standard library's strict parser. Everything is 7-bit, so that any server takes it.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import encode_rfc2231, format_datetime, parseaddr
from functools import lru_cache

from channels.base import Calendar, File, ReadyMail, RecipientRefusedError
from core.errors import ConfigurationError

LONGEST_LINE = 900
"""Bytes; 998 are allowed."""
MANY_LETTERS = 6
"""Text with more than one byte in so many outside ASCII is shorter, and no less readable, as base64."""
FOLD_AT = 76
SHORT_NAME = 36
"""Bytes that fit into one encoded word beside the header's name."""
_LONG_LINE = re.compile(rb"[^\n]{%d}" % LONGEST_LINE)
_UNFIT = re.compile(rb"\x00|--=_")
"""The second begins our boundaries; neither of the other two encodings can have it."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x20\x7f]+@[^\s@<>()\[\],;:\\\"\x00-\x20\x7f]+")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")
_ENCODED = "=?"
"""Begins an encoded word, which readers decode, also where somebody typed it; so it is encoded itself."""
_BOUNDARY = "=_{id}_{part}"


@dataclass(frozen=True, slots=True)
class MailSender:
    """Who mail comes from."""

    name: str
    address: str

    @classmethod
    def parse(cls, value: str) -> MailSender:
        """From ``Name <address>``. Raises ConfigurationError."""
        name, address = parseaddr(value)
        try:
            return cls(name, plain_address(address))
        except RecipientRefusedError:
            raise ConfigurationError(reason="HUB_MAIL_FROM is no mail address") from None

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    def message_id(self, delivery_id: str) -> str:
        """The same for the same delivery, however often it goes out."""
        return f"<{delivery_id}@{self.domain}>"


def plain_address(address: str) -> str:
    """The address as servers take it, its domain in ASCII. Raises RecipientRefusedError for what is none."""
    if not _ADDRESS.fullmatch(address) or len(address) > 320:
        raise RecipientRefusedError("no address")
    if address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    try:
        local.encode("ascii")
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        raise RecipientRefusedError("address not in ascii") from None


def write_mail(mail: ReadyMail, *, sender: MailSender, written_at: datetime) -> bytes:
    """The whole mail as it goes to the server. Raises RecipientRefusedError when the address is none."""
    headers = [
        _shared_headers(sender, mail.subject, mail.language, mail.list_id, mail.list_name, mail.reply_to),
        f"To: {_mailbox(mail.name, plain_address(mail.to))}",
        f"Date: {format_datetime(written_at)}",
        f"Message-ID: {sender.message_id(mail.id)}",
    ]
    if mail.follows:
        earlier = sender.message_id(mail.follows)
        headers += [f"In-Reply-To: {earlier}", f"References: {earlier}"]
    if mail.unsubscribe_url:
        headers += _unsubscribe(mail.unsubscribe_url)
    return "\r\n".join(headers).encode("ascii") + b"\r\n" + _body(mail)


@lru_cache(maxsize=256)
def _shared_headers(
    sender: MailSender, subject: str, language: str, list_id: str | None, list_name: str, reply_to: str | None
) -> str:
    """What all recipients of a broadcast in one language have in common."""
    headers = [
        f"From: {_mailbox(sender.name, sender.address)}",
        f"Subject: {_words(subject, 'Subject')}",
        "MIME-Version: 1.0",
        f"Content-Language: {language}",
        # RFC 3834; the second is what Exchange heeds.
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: OOF, AutoReply",
    ]
    if reply_to:
        headers.append(f"Reply-To: {plain_address(reply_to)}")
    if list_id:
        name = re.sub(r"[^a-z0-9-]+", "-", list_id.lower()).strip("-")
        headers.append("List-Id: " + f"{_phrase(list_name)} <{name}.{sender.domain}>".lstrip())
    return "\r\n".join(headers)


def _unsubscribe(url: str) -> list[str]:
    url = _CONTROL.sub("", url).replace(" ", "%20")
    if not url.isascii() or len(url) > LONGEST_LINE:
        raise ValueError("an unsubscribe address that no header takes")
    # RFC 8058 speaks of HTTPS only; a hub without it still names its page.
    one_click = ["List-Unsubscribe-Post: List-Unsubscribe=One-Click"] if url.startswith("https://") else []
    return [f"List-Unsubscribe: <{url}>", *one_click]


def _mailbox(name: str, address: str) -> str:
    phrase = _phrase(name)
    return f"{phrase}\r\n <{address}>" if len(phrase) + len(address) > 60 else f"{phrase} <{address}>".lstrip()


def _phrase(name: str) -> str:
    """A name before an address."""
    name = _one_line(name)
    if not name:
        return ""
    if name.isascii() and _ENCODED not in name:
        return '"' + name.replace("\\", r"\\").replace('"', r"\"") + '"'
    return _words(name, "To")


def _words(text: str, header: str) -> str:
    """Free text in a header, folded; other letters than ASCII as RFC 2047 has them."""
    text = _one_line(text)
    is_plain = text.isascii() and _ENCODED not in text
    if not is_plain and len(content := text.encode("utf-8")) <= SHORT_NAME:
        return f"=?utf-8?b?{binascii.b2a_base64(content, newline=False).decode('ascii')}?="
    charset = "us-ascii" if is_plain else "utf-8"
    return Header(text, charset, maxlinelen=FOLD_AT, header_name=header).encode(linesep="\r\n")


def _one_line(text: str) -> str:
    return _CONTROL.sub(" ", text.encode("utf-8", "replace").decode("utf-8")).strip()


# The body


def _body(mail: ReadyMail) -> bytes:
    alternatives = [_text_part(mail.text, "plain")]
    if mail.html is not None:
        alternatives.append(_text_part(mail.html, "html"))
    if mail.calendar is not None:
        alternatives.append(_calendar_part(mail.calendar))
    main = alternatives[0] if len(alternatives) == 1 else _multipart("alternative", mail.id, alternatives)
    files = [_file_part(file) for file in mail.files]
    if mail.calendar is not None:
        # Outlook reads the part among the alternatives, other programs the file.
        files.insert(0, _file_part(File("invite.ics", "application/ics", mail.calendar.content)))
    return _multipart("mixed", mail.id, [main, *files]) if files else main


def _multipart(kind: str, mail_id: str, parts: list[bytes]) -> bytes:
    boundary = _BOUNDARY.format(id=mail_id, part=kind[:3])
    line = f"\r\n--{boundary}\r\n".encode("ascii")
    head = f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"\r\n'.encode("ascii")
    return head + line + line.join(parts) + f"\r\n--{boundary}--\r\n".encode("ascii")


def _text_part(text: str, subtype: str) -> bytes:
    encoding, content = _encode(text)
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode("ascii") + content


def _encode(text: str) -> tuple[str, bytes]:
    """The shortest readable way to send a text as ASCII."""
    content = text.encode("utf-8", "replace")
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    content = content.rstrip(b"\n").replace(b"\n", b"\r\n") + b"\r\n"
    if text.isascii() and not _LONG_LINE.search(content) and not _UNFIT.search(content):
        return "7bit", content
    others = len(content) - len(text)
    if others * MANY_LETTERS < len(content):
        return "quoted-printable", binascii.b2a_qp(content, istext=True)
    return "base64", _base64(content)


def _base64(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


@lru_cache(maxsize=64)
def _calendar_part(calendar: Calendar) -> bytes:
    method = re.sub(r"[^A-Z]", "", calendar.method.upper())
    head = (
        f"Content-Type: text/calendar; charset=utf-8; method={method}\r\n"
        'Content-Disposition: inline; filename="invite.ics"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    )
    return head.encode("ascii") + _base64(calendar.content)


@lru_cache(maxsize=8)
def _file_part(file: File) -> bytes:
    kind = file.media_type.lower()
    kind = kind if _MEDIA_TYPE.fullmatch(kind) and not kind.startswith(("multipart/", "message/")) else ""
    name = _one_line(file.name).replace("/", "_").replace("\\", "_") or "file"
    if name.isascii():
        shown = 'filename="' + name.replace('"', "'") + '"'
    else:
        shown = f"filename*={encode_rfc2231(name, 'utf-8')}"
    head = (
        f"Content-Type: {kind or 'application/octet-stream'}\r\n"
        f"Content-Disposition: attachment;\r\n {shown}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode("ascii") + _base64(file.content)
