"""Comments and application segments of JPEG: COM, EXIF, XMP (extended too) and IPTC."""

from tyrian.detectors.image.header import jpeg_segments
from tyrian.detectors.image.metadata.exif import exif_texts
from tyrian.detectors.image.metadata.found import Found
from tyrian.detectors.image.metadata.iptc import PHOTOSHOP, iptc_texts
from tyrian.detectors.image.metadata.xmp import xmp_text

_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\x00"
_EXTENDED_HEAD = len(_EXTENDED_XMP) + 40
_COMMENT, _APP1, _APP13 = 0xFE, 0xE1, 0xED
_ALONE = frozenset({0x00, 0xFF, *range(0xD0, 0xD8)})


def read_jpeg(data: bytes, found: Found) -> None:
    """Every text of a JPEG goes to `found`, and where the image ends."""
    extended: list[bytes] = []
    scan = 0
    for marker, start, end in jpeg_segments(data):
        body = data[start:end]
        if marker == _COMMENT:
            found.add_bytes(body)
        elif marker == _APP1 and body.startswith(b"Exif\x00\x00"):
            exif_texts(body, found)
        elif marker == _APP1 and body.startswith(_XMP):
            xmp_text(body[len(_XMP) :], found)
        elif marker == _APP1 and body.startswith(_EXTENDED_XMP):
            extended.append(body[_EXTENDED_HEAD:])
        elif marker == _APP13 and body.startswith(PHOTOSHOP):
            found.add_all(iptc_texts(body))
        elif marker == 0xDA:
            scan = end
    if extended:
        xmp_text(b"".join(extended), found)
    if scan:
        _read_behind(data, scan, found)


def _read_behind(data: bytes, at: int, found: Found) -> None:
    """Walk the scans to the end of the image; comments may stand between them."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        marker = data[at + 1]
        if marker == 0xD9:
            found.end = at + 2
            return
        if marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _COMMENT:
            found.add_bytes(data[at + 4 : at + 2 + size])
        at += 2 + max(size, 2)
