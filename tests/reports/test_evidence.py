"""Files are what they are, are refused clearly, and leave nothing about the person in their cleaned copies."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import tempfile
import threading
import time
from collections.abc import Callable

import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutagen.oggopus import OggOpus
from PIL import Image

from channels.forms import IncomingFile
from core.settings import PROJECT_ROOT
from core.texts import Texts
from reports.contents import FileNote
from reports.errors import FileRefusedError
from reports.evidence import MOST_BYTES, MOST_BYTES_TOGETHER, MOST_FILES, Evidence, check
from reports.evidence_kinds import Kind, safe_name
from tests.reports import samples_of_files as samples


async def checked(content: bytes, name: str = "x", media_type: str = "text/plain") -> Evidence:
    return await check(IncomingFile(name, media_type, content))


async def refused(content: bytes) -> str:
    with pytest.raises(FileRefusedError) as error:
        await checked(content)
    return str(error.value.values["reason"])


@pytest.mark.parametrize("media_type", list(samples.SAMPLES))
async def test_a_file_is_known_by_its_content_whatever_it_is_called(media_type: str) -> None:
    content = samples.SAMPLES[media_type]()
    evidence = await checked(content, name="report.exe", media_type="application/x-msdownload")
    assert evidence.kind.media_type == media_type
    assert evidence.name == f"report.{evidence.kind.extension}"
    assert evidence.original == content
    assert evidence.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("media_type", list(samples.SAMPLES))
async def test_a_cleaned_copy_holds_no_trace_of_the_person(media_type: str) -> None:
    content = samples.SAMPLES[media_type]()
    evidence = await checked(content)
    assert samples.BYTES in content
    assert samples.BYTES not in evidence.cleaned
    # The cleaned copy is a whole file of the same kind.
    assert (await checked(evidence.cleaned)).kind is evidence.kind


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_cleaned_photo_stands_upright(orientation: int) -> None:
    evidence = await checked(samples.jpeg(orientation))
    with Image.open(io.BytesIO(evidence.cleaned)) as cleaned:
        assert not cleaned.getexif()
        assert cleaned.size == ((64, 32) if orientation < 5 else (32, 64))
        left = {1: "red", 2: "blue", 3: "blue", 4: "red"}.get(orientation)
        red, _, blue = cleaned.convert("RGB").getpixel((2, 2))  # type: ignore[misc]
        if left is not None:
            assert ("red" if red > blue else "blue") == left


async def test_a_transparent_picture_stays_transparent() -> None:
    evidence = await checked(samples.transparent_png())
    with Image.open(io.BytesIO(evidence.cleaned)) as cleaned:
        assert cleaned.convert("RGBA").getpixel((1, 1))[3] == 0  # type: ignore[index]


async def test_a_cleaned_pdf_shows_its_page_and_does_nothing() -> None:
    evidence = await checked(samples.pdf())
    with pikepdf.open(io.BytesIO(evidence.cleaned)) as document:
        page = document.pages[0]
        assert b"the words of the page" in page.Contents.read_bytes()
        photo = page.Resources.XObject.Im0
        with Image.open(io.BytesIO(photo.read_raw_bytes())) as drawn:
            drawn.load()
            assert drawn.size == (64, 32)
            assert not drawn.getexif()
        assert not document.attachments
        assert not {"/OpenAction", "/Metadata", "/AA"} & set(document.Root.keys())
        assert "/Info" not in document.trailer or not document.docinfo
        # Unpacked, since a packed stream hides its words from a search.
        for item in document.objects:
            if isinstance(item, pikepdf.Stream):
                assert samples.BYTES not in item.read_raw_bytes()
                if item.get("/Filter") == pikepdf.Name.FlateDecode:
                    assert samples.BYTES not in item.read_bytes()
            assert samples.SECRET not in repr(item)
            assert "JavaScript" not in repr(item)


async def test_a_cleaned_voice_message_plays_and_has_no_tags() -> None:
    evidence = await checked(samples.ogg())
    sound = OggOpus(io.BytesIO(evidence.cleaned))  # type: ignore[no-untyped-call]
    assert sound.tags is not None
    assert (list(sound.tags), sound.tags.vendor) == ([], "")
    assert evidence.cleaned.endswith(b"\xf8\xff\xfe")


async def test_sound_keeps_every_sample() -> None:
    assert (await checked(samples.mp3())).cleaned == samples.MP3_FRAME * 20
    cleaned = (await checked(samples.wav())).cleaned
    assert b"\1\2" * 800 in cleaned
    cleaned, content = (await checked(samples.m4a())).cleaned, samples.m4a()
    assert len(cleaned) == len(content)
    assert cleaned.index(b"the sound itself") == content.index(b"the sound itself")
    assert b"Zimboni3" not in cleaned


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: b"", "empty"),
        (lambda: b"hello", "kind"),
        (lambda: b"<html><script>alert(1)</script>", "kind"),
        (lambda: b"MZ\x90\x00" + bytes(100), "kind"),
        (lambda: b"GIF89a" + bytes(100), "kind"),
        (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "kind"),
        (lambda: bytes(3) + b"\x18ftypmp42" + bytes(16), "broken"),
        (samples.heic, "heic"),
        (lambda: bytes(3) + b"\x18ftypmif1" + bytes(16), "heic"),
        (lambda: bytes(3) + b"\x18ftypavif" + bytes(16), "kind"),
        (samples.packed, "archive"),
        (samples.zip_bomb, "archive"),
        (lambda: samples.jpeg() + samples.packed(), "two_kinds"),
        (lambda: samples.pdf() + samples.packed(), "two_kinds"),
        (lambda: samples.wav() + samples.packed(), "two_kinds"),
        (lambda: samples.jpeg()[:2] + b"\xff\xfe\x00\x20%PDF-1.7 obj" + bytes(18) + samples.jpeg()[2:], "two_kinds"),
        (lambda: b"%PDF-1.7\n<script>alert(1)</script>\n" + samples.pdf(), "two_kinds"),
        (lambda: samples.m4a(handler=b"vide"), "video"),
        (lambda: samples.jpeg()[:200], "broken"),
        (lambda: samples.png()[:90], "broken"),
        (lambda: samples.webp()[:60], "broken"),
        (lambda: samples.pdf()[:300], "broken"),
        (lambda: samples.ogg()[:60], "broken"),
        (lambda: samples.m4a()[:60], "broken"),
        (lambda: samples.wav()[:30], "broken"),
        (lambda: b"\xff\xfb\x90\x00" + bytes(40), "broken"),
        (samples.locked_pdf, "locked"),
        (samples.pdf_bomb, "bomb"),
        (lambda: samples.pdf_bomb(layers=2), "bomb"),
        (lambda: b"%PDF-1.7\n" + b"stream\n" * 250_000, "bomb"),
        (samples.png_bomb, "too_many_pixels"),
    ],
)
async def test_what_is_not_taken_is_refused_with_its_reason(make: Callable[[], bytes], reason: str) -> None:
    content = make()
    started = time.perf_counter()
    assert await refused(content) == reason
    assert time.perf_counter() - started < 5


def test_every_reason_has_its_sentence() -> None:
    texts = Texts.load(PROJECT_ROOT / "locales")
    reasons = "empty busy gone kind heic archive two_kinds video broken locked bomb too_many_pixels too_large too_many"
    for reason in [*reasons.split(), "too_large_together"]:
        error = FileRefusedError(reason=reason, megabytes=20, count=10)
        assert "{" not in texts.get(error.text_key, "en", **error.values)


async def test_limits_of_size_and_number() -> None:
    def taken(size: int) -> FileNote:
        return FileNote(id="x", name="x.jpg", media_type="image/jpeg", size=size, sha256="0" * 64)

    content = samples.jpeg()
    large = content + bytes(MOST_BYTES - len(content))
    assert (await checked(large)).kind is Kind.JPEG
    assert await refused(large + b"\0") == "too_large"
    file = IncomingFile("x", "", content)
    for before, reason in (
        ([taken(1)] * MOST_FILES, "too_many"),
        ([taken(MOST_BYTES_TOGETHER - len(content) + 1)], "too_large_together"),
    ):
        with pytest.raises(FileRefusedError) as error:
            await check(file, taken=before)
        assert error.value.values["reason"] == reason
    await check(file, taken=[taken(1)] * (MOST_FILES - 1))
    await check(file, taken=[taken(MOST_BYTES_TOGETHER - len(content))])


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("photo.JPG", "photo.jpg"),
        ("../../etc/passwd", "passwd.jpg"),
        ("C:\\Users\\me\\photo.png", "photo.jpg"),
        ("photo\u202egpj.exe", "photogpj.jpg"),
        ("صورة.jpeg", "صورة.jpg"),
        ("", "jpeg.jpg"),
        ("...", "jpeg.jpg"),
        ("a" * 300 + ".jpg", "a" * 80 + ".jpg"),
        ("line\nbreak\x00.jpg", "linebreak.jpg"),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert safe_name(name, Kind.JPEG) == safe


@pytest.mark.parametrize("media_type", list(samples.SAMPLES))
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_a_damaged_file_is_taken_or_refused_and_nothing_else(media_type: str, data: st.DataObject) -> None:
    content = bytearray(samples.SAMPLES[media_type]())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    for damaged in (bytes(content), bytes(content[:cut])):
        with contextlib.suppress(FileRefusedError):
            await checked(damaged)


async def test_nothing_of_a_file_touches_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file")

    for name in ("mkstemp", "NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile", "mkdtemp"):
        monkeypatch.setattr(tempfile, name, forbidden)
    for make in samples.SAMPLES.values():
        await checked(make())


async def test_never_more_than_two_files_are_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten pictures of a few kilobytes that need gigabytes together must not take the hub down."""
    now, most, lock = 0, 0, threading.Lock()

    def watch(kind: Kind, content: bytes) -> bytes:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        return content

    monkeypatch.setattr("reports.evidence.clean", watch)
    await asyncio.gather(*(checked(samples.jpeg()) for _ in range(12)))
    assert most == 2
