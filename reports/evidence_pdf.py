"""Cleaning of PDF files: what acts (programs, attachments, calls to the outside) and what describes is taken out."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterable, Iterator

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, PdfError, Stream

from reports.errors import FileRefusedError

MOST_UNPACKED = 200 * 1024 * 1024
MOST_PIXELS = 100_000_000
MOST_STREAMS = 200_000
PIECE = 64 * 1024
_STREAM = re.compile(rb"stream\r?\n")
_DESCRIBING = ("/Metadata", "/PieceInfo", "/LastModified", "/AA", "/StructParents")
_ROOT_PARTS = ("/OpenAction", "/AA", "/Metadata", "/PieceInfo", "/URI", "/Collection", "/AF", "/Perms", "/Legal")
_ACTIONS_KEPT = {Name.GoTo, Name.Named}
_NOTES = {
    Name("/" + kind)
    for kind in (
        "Text FreeText Line Square Circle Polygon PolyLine Highlight Underline Squiggly StrikeOut Stamp Caret Ink "
        "Popup FileAttachment Link Redact"
    ).split()
}
"""Notes carry who wrote them and when; the words of a note stay."""
DEEPEST = 100


def clean_pdf(content: bytes) -> bytes:
    """The same pages. Raises FileRefusedError: ``locked`` (a password), ``bomb``, ``broken``."""
    _refuse_bombs(content)
    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            if not len(pdf.pages):
                raise FileRefusedError(reason="broken")
            _clean_root(pdf)
            for item in pdf.objects:
                _clean_tree(item, depth=0)
            out = io.BytesIO()
            pdf.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate, deterministic_id=True)
            return out.getvalue()
    except pikepdf.PasswordError as error:
        raise FileRefusedError(reason="locked") from error
    except PdfError as error:
        raise FileRefusedError(reason="broken") from error


def _refuse_bombs(content: bytes) -> None:
    """Unpack every packed stream, up to a limit for all together, before a library does it without one.

    Twice, since a stream may be packed in a packed one. Nothing is held but a piece at a time.
    """
    view = memoryview(content)
    budget = [MOST_UNPACKED]
    for number, match in enumerate(_STREAM.finditer(content)):
        if number >= MOST_STREAMS:
            raise FileRefusedError(reason="bomb")
        once = _unpack((view[at : at + PIECE] for at in range(match.end(), len(view), PIECE)), budget)
        for _ in _unpack(once, budget):
            pass
        # Most streams are packed once only; what is left of them counts too.
        for _ in once:
            pass


def _unpack(pieces: Iterable[bytes | memoryview], budget: list[int]) -> Iterator[bytes]:
    """What zlib packed into the pieces, as far as they go on to be so. Raises FileRefusedError beyond the budget."""
    unpacker = zlib.decompressobj()
    for piece in pieces:
        data = piece
        while data:
            try:
                unpacked = unpacker.decompress(data, PIECE)
            except zlib.error:
                return
            budget[0] -= len(unpacked)
            if budget[0] < 0:
                raise FileRefusedError(reason="bomb")
            yield unpacked
            if unpacker.eof:
                return
            data = unpacker.unconsumed_tail


def _clean_root(pdf: Pdf) -> None:
    for part in ("/Info", "/ID"):
        if part in pdf.trailer:
            del pdf.trailer[part]
    root = pdf.Root
    for part in _ROOT_PARTS:
        if part in root:
            del root[part]
    names = root.get("/Names")
    if isinstance(names, Dictionary):
        for part in ("/EmbeddedFiles", "/JavaScript", "/URLS", "/IDS"):
            if part in names:
                del names[part]
    form = root.get("/AcroForm")
    if isinstance(form, Dictionary) and "/XFA" in form:
        del form["/XFA"]


def _clean_tree(item: pikepdf.Object, *, depth: int) -> None:
    """An object and what stands inside it; what it only refers to comes by itself."""
    if depth > DEEPEST:
        raise FileRefusedError(reason="broken")
    if isinstance(item, (Dictionary, Stream)):
        _clean_object(item)
        children = [child for _, child in item.items()]
    else:
        children = list(item) if isinstance(item, Array) else []
    for child in children:
        if isinstance(child, (Dictionary, Array)) and not child.is_indirect:
            _clean_tree(child, depth=depth + 1)


def _clean_object(item: Dictionary | Stream) -> None:
    for part in _DESCRIBING:
        if part in item:
            del item[part]
    action = item.get("/A")
    if isinstance(action, Dictionary) and action.get("/S") not in _ACTIONS_KEPT:
        del item["/A"]
    if item.get("/Subtype") == Name.FileAttachment and "/FS" in item:
        del item["/FS"]
    if item.get("/Subtype") in _NOTES:
        for part in ("/T", "/M", "/CreationDate", "/NM"):
            if part in item:
                del item[part]
    if "/EF" in item:
        del item["/EF"]
    if isinstance(item, Stream):
        _clean_stream(item)


def _clean_stream(item: Stream) -> None:
    if item.get("/Subtype") != Name.Image:
        return
    if int(item.get("/Width", 0)) * int(item.get("/Height", 0)) > MOST_PIXELS:
        raise FileRefusedError(reason="bomb")
    if item.get("/Filter") == Name.DCTDecode:
        parms = item.get("/DecodeParms")
        drawn = b"".join(_without_tags(item.read_raw_bytes()))
        item.write(drawn, filter=Name.DCTDecode, decode_parms=parms if isinstance(parms, Dictionary) else None)


def _without_tags(jpeg: bytes) -> Iterator[bytes]:
    """The parts of a JPEG file that draw: no camera, no place, no comment."""
    at = 2
    yield jpeg[:2]
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != 0xDA:
        length = int.from_bytes(jpeg[at + 2 : at + 4]) + 2
        marker = jpeg[at + 1]
        # APP0 (JFIF) and APP14 (Adobe) say how colours are meant.
        if marker in {0xE0, 0xEE} or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            yield jpeg[at : at + length]
        at += length
    yield jpeg[at:]
