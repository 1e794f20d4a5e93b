"""What an image says of itself in its first bytes, read without decoding anything.

Formats: PNG (W3C PNG 3), JPEG (ITU T.81), GIF89a, WebP (RFC 9649), BMP, TIFF 6.0.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tyrian.detectors.image.unreadable import UnreadableError

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
_MAX_SEGMENTS = 10_000


@dataclass(frozen=True, slots=True)
class Header:
    """Format and size of an image, as its header claims them."""

    format: str
    """`PNG`, `JPEG`, `GIF`, `WEBP`, `BMP` or `TIFF`."""
    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Pixels of one frame."""
        return self.width * self.height


def read_header(data: bytes) -> Header:
    """The header of an image of a known format; UnreadableError for anything else."""
    kind = format_of(data)
    if not kind:
        raise UnreadableError("not-an-image", _name_of(data))
    try:
        width, height = _SIZES[kind](data)
    except (struct.error, IndexError):
        raise UnreadableError("truncated", f"a {kind} image that ends in its header") from None
    if width <= 0 or height <= 0:
        raise UnreadableError("bad-header", f"a {kind} image without pixels")
    return Header(kind, width, height)


def format_of(data: bytes) -> str:
    """The format by its magic number, empty for what is no image that is read here."""
    if data.startswith(PNG_MAGIC):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith(b"BM") and data[14:18] in _DIB_SIZES:
        return "BMP"
    if data.startswith((b"II*\x00", b"MM\x00*")):
        return "TIFF"
    return ""


_DIB_SIZES = frozenset(struct.pack("<I", size) for size in (12, 16, 40, 52, 56, 64, 108, 124))
_KNOWN = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"II+\x00", "a BigTIFF image, which is not read"),
    (b"MM\x00+", "a BigTIFF image, which is not read"),
)


def is_svg(data: bytes, declared: str) -> bool:
    """True for a drawing in XML, by what it says or by what it holds."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return declared == "image/svg+xml" or (head.startswith(b"<") and b"<svg" in head)


def _name_of(data: bytes) -> str:
    if not data:
        return "an image of no bytes"
    if data[4:8] == b"ftyp":
        return "an image or film of a format that is not read (HEIF, AVIF or MP4)"
    for magic, name in _KNOWN:
        if data.startswith(magic):
            return f"what is sent as an image is {name}"
    return "what is sent as an image is none that is known"


def _png(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        raise UnreadableError("bad-header", "a PNG image that does not begin with its header")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of the segments before the picture data, payloads without length."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        while at < len(data) and data[at] == 0xFF and data[at + 1 : at + 2] == b"\xff":
            at += 1
        if at + 4 > len(data) or data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker in _BARE_MARKERS:
            at += 2
            continue
        if marker == 0xD9:
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2:
            return
        yield marker, at + 4, min(at + 2 + length, len(data))
        if marker == 0xDA:
            return
        at += 2 + length


def _jpeg(data: bytes) -> tuple[int, int]:
    for marker, start, _ in jpeg_segments(data):
        if marker in _SOF:
            height, width = struct.unpack_from(">HH", data, start + 1)
            return width, height
    raise UnreadableError("truncated", "a JPEG image without a frame header")


def _gif(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _webp(data: bytes) -> tuple[int, int]:
    chunk = data[12:16]
    if chunk == b"VP8X":
        if len(data) < 30:
            raise IndexError
        width = int.from_bytes(data[24:27], "little") + 1
        return width, int.from_bytes(data[27:30], "little") + 1
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise UnreadableError("bad-header", "a WebP image without a picture")


def _bmp(data: bytes) -> tuple[int, int]:
    (size,) = struct.unpack_from("<I", data, 14)
    if size == 12:
        width, height = struct.unpack_from("<HH", data, 18)
        return width, height
    width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)


def _tiff(data: bytes) -> tuple[int, int]:
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    size = {256: 0, 257: 0}
    for index in range(count):
        tag, kind = struct.unpack_from(f"{order}HH", data, at + 2 + 12 * index)
        if tag in size:
            form = "H" if kind == 3 else "I"
            (size[tag],) = struct.unpack_from(order + form, data, at + 10 + 12 * index)
    return size[256], size[257]


_SIZES: dict[str, Callable[[bytes], tuple[int, int]]] = {
    "PNG": _png,
    "JPEG": _jpeg,
    "GIF": _gif,
    "WEBP": _webp,
    "BMP": _bmp,
    "TIFF": _tiff,
}
