"""EXIF and XMP chunks of WebP (RFC 9649), and where a BMP ends."""

from tyrian.detectors.image.metadata.exif import exif_texts
from tyrian.detectors.image.metadata.found import MAX_ITEMS, Found
from tyrian.detectors.image.metadata.xmp import xmp_text


def read_webp(data: bytes, found: Found) -> None:
    """Every text of a WebP goes to `found`, and where the image ends."""
    found.end = 8 + int.from_bytes(data[4:8], "little")
    found.end += found.end % 2
    at = 12
    for _ in range(MAX_ITEMS):
        if at + 8 > min(len(data), found.end):
            return
        kind = data[at : at + 4]
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size]
        if kind == b"EXIF":
            exif_texts(body, found)
        elif kind == b"XMP ":
            xmp_text(body, found)
        at += 8 + size + size % 2
    found.fail("too-much-metadata", "more metadata than is read")


def read_bmp(data: bytes, found: Found) -> None:
    """A BMP has no metadata, but it says how long it is."""
    found.end = int.from_bytes(data[2:6], "little")
