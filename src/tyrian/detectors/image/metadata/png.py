"""Text chunks of PNG (W3C PNG 3, section 11.3.3), compressed or not, EXIF and XMP."""

from collections.abc import Iterator

from tyrian.detectors.image.header import PNG_MAGIC
from tyrian.detectors.image.metadata.exif import exif_texts
from tyrian.detectors.image.metadata.found import MAX_ITEMS, Found, decoded
from tyrian.detectors.image.metadata.iptc import iptc_texts
from tyrian.detectors.image.metadata.xmp import xmp_text

_XMP_KEYWORD = b"XML:com.adobe.xmp"
_RAW_PROFILE = b"Raw profile type "


def read_png(data: bytes, found: Found) -> None:
    """Every text of a PNG goes to `found`, and where the image ends."""
    for kind, body, end in _chunks(data, found):
        match kind:
            case b"tEXt":
                keyword, _, text = body.partition(b"\x00")
                _take(keyword, text, found)
            case b"zTXt":
                keyword, _, rest = body.partition(b"\x00")
                _take(keyword, found.inflated(rest[1:]), found)
            case b"iTXt":
                _international(body, found)
            case b"eXIf":
                exif_texts(body, found)
            case b"IEND":
                found.end = end
                return


def _chunks(data: bytes, found: Found) -> Iterator[tuple[bytes, bytes, int]]:
    """(type, content, end) of each chunk; image data is skipped unread."""
    at = len(PNG_MAGIC)
    others = 0
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        end = at + 12 + size
        if kind not in (b"IDAT", b"fdAT"):
            others += 1
            if others > MAX_ITEMS:
                found.fail("too-much-metadata", "more metadata than is read")
                return
            yield kind, data[at + 8 : at + 8 + size], end
        at = end


def _international(body: bytes, found: Found) -> None:
    keyword, _, rest = body.partition(b"\x00")
    is_compressed, rest = rest[:1] == b"\x01", rest[2:]
    language, _, rest = rest.partition(b"\x00")
    translated, _, text = rest.partition(b"\x00")
    found.add_bytes(language)
    found.add_bytes(translated)
    _take(keyword, found.inflated(text) if is_compressed else text, found)


def _take(keyword: bytes, text: bytes, found: Found) -> None:
    if keyword == _XMP_KEYWORD:
        xmp_text(text, found)
    elif keyword.startswith(_RAW_PROFILE):
        _raw_profile(text, found)
    else:
        if len(keyword) > len(b"Creation Time"):
            found.add_bytes(keyword)
        found.add_bytes(text)


def _raw_profile(text: bytes, found: Found) -> None:
    """A profile as ImageMagick writes it: name, length and hexadecimal lines."""
    lines = decoded(text).split()
    try:
        body = bytes.fromhex("".join(lines[2:]))
    except ValueError:
        found.add_bytes(text)
        return
    if body[:6] == b"Exif\x00\x00":
        exif_texts(body, found)
    elif body[:1] == b"<":
        xmp_text(body, found)
    else:
        found.add_all(iptc_texts(body))
