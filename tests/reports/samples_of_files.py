"""Small files of every kind that is taken, each with a secret in every corner where programs leave traces."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import io
import struct
import wave
import zipfile
import zlib

import pikepdf
from mutagen.id3 import COMM, ID3, TIT2
from mutagen.ogg import OggPage
from PIL import Image
from PIL.PngImagePlugin import PngInfo

SECRET = "Via-Zamboni-33"
"""Whatever is cleaned must not hold this."""
BYTES = SECRET.encode()


def picture(size: tuple[int, int] = (64, 32)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, (200, 20, 20))
    image.paste((20, 20, 200), (size[0] // 2, 0, *size))
    return image


def exif(orientation: int = 1) -> Image.Exif:
    data = Image.Exif()
    data[0x010E] = SECRET  # description
    data[0x010F] = SECRET  # camera
    data[0x0112] = orientation
    data.get_ifd(0x8825)[1] = "N"  # GPS
    data.get_ifd(0x8825)[27] = BYTES
    return data


def jpeg(orientation: int = 1, size: tuple[int, int] = (64, 32)) -> bytes:
    out = io.BytesIO()
    picture(size).save(out, "JPEG", exif=exif(orientation), comment=BYTES, icc_profile=BYTES * 3)
    return out.getvalue()


def png() -> bytes:
    info = PngInfo()
    info.add_text("Author", SECRET)
    info.add_itxt("XML:com.adobe.xmp", SECRET)
    out = io.BytesIO()
    picture().save(out, "PNG", pnginfo=info, exif=exif())
    return out.getvalue()


def transparent_png() -> bytes:
    out = io.BytesIO()
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    image.quantize(8).save(out, "PNG")
    return out.getvalue()


def webp() -> bytes:
    out = io.BytesIO()
    picture().save(out, "WEBP", exif=exif(), xmp=BYTES)
    return out.getvalue()


def pdf() -> bytes:
    """A page with text, a photo, a note, a link, an attachment and programs."""
    document = pikepdf.new()
    page = document.add_blank_page(page_size=(200, 200))
    photo = document.make_stream(jpeg())
    photo.Type, photo.Subtype, photo.Filter = pikepdf.Name.XObject, pikepdf.Name.Image, pikepdf.Name.DCTDecode
    photo.Width, photo.Height = 64, 32
    photo.ColorSpace, photo.BitsPerComponent = pikepdf.Name.DeviceRGB, 8
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=photo))
    page.Contents = document.make_stream(b"q 64 0 0 32 10 10 cm /Im0 Do Q % the words of the page")
    action = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String(f"app.alert('{SECRET}')"))
    uri = pikepdf.Dictionary(S=pikepdf.Name.URI, URI=pikepdf.String(f"http://track.example/{SECRET}"))
    rect = pikepdf.Array([0, 0, 10, 10])
    page.Annots = pikepdf.Array(
        [
            document.make_indirect(
                pikepdf.Dictionary(
                    Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Text, Rect=rect, T=pikepdf.String(SECRET), A=action
                )
            ),
            pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=rect, A=uri),
        ]
    )
    page.AA = pikepdf.Dictionary(O=action)
    document.attachments["secret.txt"] = BYTES
    document.Root.OpenAction = action
    document.Root.Names.JavaScript = pikepdf.Dictionary(Names=pikepdf.Array([pikepdf.String("x"), action]))
    document.docinfo["/Author"] = SECRET
    with document.open_metadata() as metadata:
        metadata["dc:creator"] = [SECRET]
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def locked_pdf() -> bytes:
    document = pikepdf.new()
    document.add_blank_page()
    out = io.BytesIO()
    document.save(out, encryption=pikepdf.Encryption(owner="a", user="b"))
    return out.getvalue()


def pdf_bomb(layers: int = 1) -> bytes:
    """A stream of 300 MB that takes almost no place."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(300)) + packer.flush()
    for _ in range(layers - 1):
        packed = zlib.compress(packed, 9)
    document = pikepdf.new()
    page = document.add_blank_page()
    stream = document.make_stream(b"")
    filters = [pikepdf.Name.FlateDecode] * layers
    stream.write(packed, filter=pikepdf.Array(filters))
    page.Contents = stream
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def png_bomb() -> bytes:
    """Ten thousand million points in a few hundred kilobytes."""
    size = 100_000

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", size, size, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(10_000_000)))
        + chunk(b"IEND", b"")
    )


def ogg() -> bytes:
    """A voice message: Opus with tags."""
    head = OggPage()
    head.serial, head.first = 7, True
    head.packets = [b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 48000, 0, 0)]
    tags = OggPage()
    tags.serial, tags.sequence = 7, 1
    tags.packets = [
        b"OpusTags" + _vorbis_text(b"Lavf " + BYTES) + struct.pack("<I", 1) + _vorbis_text(b"TITLE=" + BYTES)
    ]
    sound = OggPage()
    sound.serial, sound.sequence, sound.last, sound.position = 7, 2, True, 960
    sound.packets = [b"\xf8\xff\xfe"]
    return b"".join(page.write() for page in (head, tags, sound))


def _vorbis_text(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)


def mp3() -> bytes:
    tags = ID3()
    tags.add(TIT2(encoding=3, text=SECRET))
    tags.add(COMM(encoding=3, lang="eng", desc="", text=SECRET))
    out = io.BytesIO()
    tags.save(out)
    old = b"TAG" + BYTES.ljust(125, b"\0")
    return out.getvalue() + MP3_FRAME * 20 + old


def aac() -> bytes:
    tags = io.BytesIO()
    written = ID3()
    written.add(TIT2(encoding=3, text=SECRET))
    written.save(tags)
    length = 7 + 16
    head = bytes([0xFF, 0xF1, 0x50, 0x80 | length >> 11, length >> 3 & 0xFF, (length & 7) << 5 | 0x1F, 0xFC])
    return tags.getvalue() + (head + bytes(16)) * 10 + b"TAG" + BYTES.ljust(125, b"\0")


def wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\1\2" * 800)
    content = out.getvalue()
    listed = b"INFO" + b"IART" + struct.pack("<I", len(BYTES)) + BYTES
    listed += b"\0" * (len(listed) % 2)
    whole = content[12:] + b"LIST" + struct.pack("<I", len(listed)) + listed
    return b"RIFF" + struct.pack("<I", len(whole) + 4) + b"WAVE" + whole


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def m4a(handler: bytes = b"soun", brand: bytes = b"M4A ") -> bytes:
    """A voice memo, with the place in its tags and the time in its heads."""
    times = struct.pack(">II", 0x5A696D62, 0x6F6E6933)
    head = box(b"mvhd", bytes(4), times, bytes(92))
    media = box(
        b"mdia",
        box(b"mdhd", bytes(4), times, bytes(16)),
        box(b"hdlr", bytes(8), handler, bytes(12), b"Core " + BYTES + b"\0"),
        box(b"minf", box(b"stbl", box(b"stco", bytes(8)))),
    )
    track = box(b"trak", box(b"tkhd", bytes(4), times, bytes(72)), media)
    told = box(b"udta", box(b"\xa9xyz", BYTES), box(b"meta", bytes(4), box(b"ilst", box(b"\xa9nam", BYTES))))
    return (
        box(b"ftyp", brand, bytes(4), brand, b"isom")
        + box(b"moov", head, track, told)
        + box(b"uuid", bytes(16), BYTES)
        + box(b"mdat", b"the sound itself")
        + box(b"free", BYTES)
    )


def heic() -> bytes:
    return box(b"ftyp", b"heic", bytes(4), b"mif1", b"heic") + box(b"meta", bytes(40))


def packed(name: str = "story.txt", content: bytes = BYTES) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


def zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.txt", bytes(200 * 1024 * 1024))
    return out.getvalue()


SAMPLES = {
    "image/jpeg": jpeg,
    "image/png": png,
    "image/webp": webp,
    "application/pdf": pdf,
    "audio/ogg": ogg,
    "audio/mpeg": mp3,
    "audio/mp4": m4a,
    "audio/aac": aac,
    "audio/wav": wav,
}
