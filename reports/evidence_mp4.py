"""Cleaning of MP4 sound (ISO/IEC 14496-12): boxes that describe are emptied in place, so that no offset moves."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from reports.errors import FileRefusedError

_TOP = {b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"free", b"skip", b"wide"}
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf", b"mvex"}
_DESCRIBING = {b"udta", b"meta", b"uuid", b"iods"}
_TIMED = {b"mvhd", b"tkhd", b"mdhd"}
_DEEPEST = 8


def clean_mp4(content: bytes) -> bytes:
    """The same sound with no tags, places, names and times. Raises FileRefusedError for a video or a broken file."""
    data = bytearray(content)
    has_sound = _clean_boxes(data, 0, len(data), depth=0)
    if not has_sound:
        raise FileRefusedError(reason="broken")
    return bytes(data)


def _clean_boxes(data: bytearray, start: int, end: int, *, depth: int) -> bool:
    has_sound = False
    for kind, at, body, after in _boxes(data, start, end):
        if kind in _DESCRIBING or (depth == 0 and kind not in _TOP) or kind in {b"free", b"skip"}:
            data[at + 4 : at + 8] = b"free"
            data[body:after] = bytes(after - body)
        elif kind in _CONTAINERS and depth < _DEEPEST:
            has_sound |= _clean_boxes(data, body, after, depth=depth + 1)
        elif kind in _TIMED:
            # Version 1 has times of eight bytes.
            size = 16 if data[body] == 1 else 8
            data[body + 4 : body + 4 + size] = bytes(size)
        elif kind == b"hdlr":
            handler = bytes(data[body + 8 : body + 12])
            if handler == b"vide":
                raise FileRefusedError(reason="video")
            has_sound |= handler == b"soun"
            data[body + 24 : after] = bytes(max(0, after - body - 24))
    return has_sound


def _boxes(data: bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Kind, beginning, beginning of the content, end."""
    at = start
    while at < end:
        if at + 8 > end:
            raise FileRefusedError(reason="broken")
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = at + 8
        if size == 1:
            size, body = struct.unpack(">Q", data[body : body + 8])[0], body + 8
        elif size == 0:
            size = end - at
        if size < body - at or at + size > end:
            raise FileRefusedError(reason="broken")
        yield kind, at, body, at + size
        at += size
