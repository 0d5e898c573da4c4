"""Copies of files without what they tell beside their content: place, camera, author, times, attachments, programs.

Images are drawn anew, upright; PDFs lose everything that acts or describes; sound keeps its samples as they are. All
of it happens in memory.
"""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Callable

from mutagen import FileType
from mutagen.mp3 import MP3
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from PIL import Image, ImageOps

from reports.errors import FileRefusedError
from reports.evidence_kinds import Kind, end_of_id3
from reports.evidence_mp4 import clean_mp4
from reports.evidence_pdf import clean_pdf

for _name in ("PIL", "pikepdf"):
    # Pillow writes every hidden tag, the place among them, into the log of whoever runs the hub at debug level.
    logging.getLogger(_name).setLevel(logging.CRITICAL)

MOST_PIXELS = 64_000_000
"""A drawn image takes three or four bytes a pixel, whatever its file's size."""
JPEG_QUALITY = 90


def clean(kind: Kind, content: bytes) -> bytes:
    """The cleaned copy. Raises FileRefusedError: ``broken``, ``too_many_pixels``, ``locked``, ``bomb``, ``video``."""
    try:
        cleaned = _CLEANERS[kind](content)
    except FileRefusedError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FileRefusedError(reason="too_many_pixels", count=MOST_PIXELS // 1_000_000) from error
    except Exception as error:
        # Libraries raise anything over a file that was made to break them; the sender learns that it is broken.
        raise FileRefusedError(reason="broken") from error
    if not cleaned:
        raise FileRefusedError(reason="broken")
    return cleaned


def _clean_image(content: bytes, form: str) -> bytes:
    with Image.open(io.BytesIO(content), formats=[form]) as image:
        if image.width * image.height > MOST_PIXELS:
            raise FileRefusedError(reason="too_many_pixels", count=MOST_PIXELS // 1_000_000)
        image.load()
        # In its place: each copy of a large picture takes hundreds of megabytes.
        ImageOps.exif_transpose(image, in_place=True)
        has_alpha = image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info
        plain = image.convert("RGBA" if has_alpha and form != "JPEG" else "L" if image.mode == "L" else "RGB")
    plain.info.clear()
    out = io.BytesIO()
    plain.save(out, form, quality=JPEG_QUALITY)
    return out.getvalue()


def _clean_ogg(content: bytes) -> bytes:
    _check_ogg(content)
    kind: type[OggOpus] | type[OggVorbis] = OggOpus if b"OpusHead" in content[:256] else OggVorbis
    file = io.BytesIO(content)
    sound = kind(file)
    sound.delete(fileobj=file)
    file.seek(0)
    sound = kind(file)
    if sound.tags is not None:
        # The name of the program that recorded it.
        sound.tags.vendor = ""
    file.seek(0)
    sound.save(file, padding=lambda _: 0)
    return file.getvalue()


def _check_ogg(content: bytes) -> None:
    """Pages from the first byte to the last (RFC 3533 section 6)."""
    at = 0
    while at < len(content):
        if content[at : at + 4] != b"OggS":
            raise FileRefusedError(reason="broken")
        segments = content[at + 26]
        at += 27 + segments + sum(content[at + 27 : at + 27 + segments])
    if at != len(content):
        raise FileRefusedError(reason="broken")


def _clean_mp3(content: bytes) -> bytes:
    file = io.BytesIO(content)
    sound: FileType = MP3(file)  # type: ignore[no-untyped-call]
    file.seek(0)
    sound.delete(fileobj=file)
    cleaned = file.getvalue()
    if cleaned[-128:-125] == b"TAG":
        cleaned = cleaned[:-128]
    return cleaned[end_of_id3(cleaned) :]


def _clean_aac(content: bytes) -> bytes:
    """The frames alone (ISO/IEC 13818-7, ADTS): 13 bits of each head are its length."""
    at = start = end_of_id3(content)
    while at + 7 <= len(content) and content[at] == 0xFF and content[at + 1] & 0xF6 == 0xF0:
        length = (content[at + 3] & 3) << 11 | content[at + 4] << 3 | content[at + 5] >> 5
        if length < 7 or at + length > len(content):
            break
        at += length
    return content[start:at]


def _clean_wav(content: bytes) -> bytes:
    """The sound and its format; lists, broadcast notes and tags stay behind."""
    kept, at, has_data = [], 12, False
    while at + 8 <= len(content):
        name, size = struct.unpack("<4sI", content[at : at + 8])
        body = content[at + 8 : at + 8 + size]
        if name in {b"fmt ", b"fact", b"data"}:
            kept.append(struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2))
            has_data |= name == b"data" and bool(body)
        at += 8 + size + size % 2
    if not has_data:
        raise FileRefusedError(reason="broken")
    whole = b"".join(kept)
    return struct.pack("<4sI4s", b"RIFF", len(whole) + 4, b"WAVE") + whole


_CLEANERS: dict[Kind, Callable[[bytes], bytes]] = {
    Kind.JPEG: lambda content: _clean_image(content, "JPEG"),
    Kind.PNG: lambda content: _clean_image(content, "PNG"),
    Kind.WEBP: lambda content: _clean_image(content, "WEBP"),
    Kind.PDF: clean_pdf,
    Kind.OGG: _clean_ogg,
    Kind.MP3: _clean_mp3,
    Kind.M4A: clean_mp4,
    Kind.AAC: _clean_aac,
    Kind.WAV: _clean_wav,
}
