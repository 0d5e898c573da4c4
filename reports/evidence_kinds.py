"""Recognising a file by its content. Names and stated kinds are the sender's and prove nothing."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from enum import Enum
from pathlib import PurePath

from core.normalise import clean
from reports.errors import FileRefusedError

MOST_NAME = 80
_HEAD = 1024


class Kind(Enum):
    """What is taken: media type and ending."""

    JPEG = ("image/jpeg", "jpg")
    PNG = ("image/png", "png")
    WEBP = ("image/webp", "webp")
    PDF = ("application/pdf", "pdf")
    OGG = ("audio/ogg", "ogg")
    MP3 = ("audio/mpeg", "mp3")
    M4A = ("audio/mp4", "m4a")
    AAC = ("audio/aac", "aac")
    WAV = ("audio/wav", "wav")

    @property
    def media_type(self) -> str:
        return self.value[0]

    @property
    def extension(self) -> str:
        return self.value[1]


_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"}
"""Photos of iPhones. They are refused: docs/sealing.md says why."""
_MP4_AUDIO = {b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"iso2", b"dash", b"3gp4", b"3gp5", b"3gp6"}


def find_kind(content: bytes) -> Kind:
    """The one kind that the content is. Raises FileRefusedError: ``heic``, ``archive``, ``kind``, ``two_kinds``."""
    kind = _by_beginning(content)
    if kind is None:
        raise FileRefusedError(reason="archive" if content.startswith(b"PK\x03\x04") else "kind")
    if _is_also_archive(content) or (kind is not Kind.PDF and b"%PDF-" in content[:_HEAD]):
        raise FileRefusedError(reason="two_kinds")
    if kind is Kind.PDF and re.search(rb"<(?:html|script|\?php)", content[:_HEAD], re.I):
        raise FileRefusedError(reason="two_kinds")
    return kind


def safe_name(name: str, kind: Kind) -> str:
    """The name without folders, invisible characters and its ending, with the ending of what it is."""
    base = PurePath(clean(name).replace("\\", "/").replace(":", "/")).name
    base = re.sub(r"[\x00-\x1f<>|\"?*\u200e\u200f]", "", base).strip(". ")
    stem = base.rpartition(".")[0] or base
    return f"{stem[:MOST_NAME].strip() or kind.name.lower()}.{kind.extension}"


def _by_beginning(content: bytes) -> Kind | None:
    head = content[:12]
    if head.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if head.startswith(b"%PDF-"):
        return Kind.PDF
    if head.startswith(b"OggS"):
        return Kind.OGG
    if head[:4] == b"RIFF":
        return {b"WEBP": Kind.WEBP, b"WAVE": Kind.WAV}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _by_brand(content)
    return _stream_of_frames(content)


def _by_brand(content: bytes) -> Kind | None:
    size = struct.unpack(">I", content[:4])[0]
    brands = {content[8:12], *(content[at : at + 4] for at in range(16, min(size, 256), 4))}
    if content[8:12] in _HEIF:
        raise FileRefusedError(reason="heic")
    return Kind.M4A if brands & _MP4_AUDIO else None


def _stream_of_frames(content: bytes) -> Kind | None:
    """MP3 or AAC, which begin with a frame or with ID3 tags before it."""
    start = end_of_id3(content)
    head = content[start : start + 4]
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return Kind.AAC
    is_layer_3, is_version = head[1] & 0xE6 == 0xE2, head[1] & 0x18 != 0x08
    is_rate = head[2] >> 4 not in {0, 15} and head[2] & 0x0C != 0x0C
    return Kind.MP3 if is_layer_3 and is_version and is_rate else None


def end_of_id3(content: bytes) -> int:
    """Where the first frame begins, after ID3v2 tags (their length is four bytes of seven bits)."""
    start = 0
    while content[start : start + 3] == b"ID3" and len(content) >= start + 10:
        sizes = content[start + 6 : start + 10]
        has_footer = content[start + 5] & 0x10
        start += 10 + sum((byte & 0x7F) << shift for byte, shift in zip(sizes, (21, 14, 7, 0), strict=True))
        start += 10 if has_footer else 0
    while start < len(content) and content[start] == 0 and start < 65536:
        start += 1
    return start


def _is_also_archive(content: bytes) -> bool:
    """Whether a zip program would find files in it: one file that is two things hides one of them."""
    if b"PK\x05\x06" not in content[-66_000:]:
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return bool(archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False
