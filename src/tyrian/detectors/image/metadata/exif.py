"""Text in EXIF (CIPA DC-008) and in the directories of TIFF 6.0."""

import struct
from collections.abc import Iterator

from tyrian.detectors.image.metadata.found import MAX_ITEMS, Found
from tyrian.detectors.image.metadata.iptc import iptc_texts
from tyrian.detectors.image.metadata.xmp import xmp_text

_BYTE, _ASCII, _UNDEFINED = 1, 2, 7
_TEXT_KINDS = frozenset({_BYTE, _ASCII, _UNDEFINED, 129})
_SUB_DIRECTORIES = frozenset({0x8769, 0x8825, 0xA005, 0x014A})
_XP_TAGS = range(0x9C9B, 0x9CA0)
_USER_COMMENT = 0x9286
_CODED_TAGS = frozenset({_USER_COMMENT, 0x001B, 0x001C})
"""UserComment and two GPS tags begin with the name of their encoding."""
_XMP_TAG, _IPTC_TAG, _PHOTOSHOP_TAG = 0x02BC, 0x83BB, 0x8649
_MAX_DIRECTORIES = 64


def exif_texts(block: bytes, found: Found) -> None:
    """Every text of a TIFF structure goes to `found`; what is damaged is left out and said."""
    if block.startswith(b"Exif\x00\x00"):
        block = block[6:]
    if block[:4] not in (b"II*\x00", b"MM\x00*"):
        return
    order = "<" if block[:2] == b"II" else ">"
    try:
        for tag, kind, value in _entries(block, order, found):
            _take(tag, kind, value, order, found)
    except struct.error:
        found.fail("bad-metadata", "a directory of metadata that is broken")


def _entries(block: bytes, order: str, found: Found) -> Iterator[tuple[int, int, bytes]]:
    """(tag, type, value) of all directories, each directory once."""
    (first,) = struct.unpack_from(f"{order}I", block, 4)
    waiting, seen, items = [first], set[int](), 0
    while waiting:
        at = waiting.pop()
        if at == 0 or at in seen:
            continue
        seen.add(at)
        (count,) = struct.unpack_from(f"{order}H", block, at)
        items += count
        if items > MAX_ITEMS or len(seen) > _MAX_DIRECTORIES:
            found.fail("too-much-metadata", "more metadata than is read")
            return
        for index in range(count):
            tag, kind, length, here = struct.unpack_from(f"{order}HHII", block, at + 2 + 12 * index)
            if tag in _SUB_DIRECTORIES:
                waiting.append(here)
            elif kind in _TEXT_KINDS:
                start = at + 10 + 12 * index if length <= 4 else here
                yield tag, kind, block[start : start + length]
        end = at + 2 + 12 * count
        if end + 4 <= len(block):
            waiting.append(struct.unpack_from(f"{order}I", block, end)[0])


def _take(tag: int, kind: int, value: bytes, order: str, found: Found) -> None:
    if tag == _XMP_TAG:
        xmp_text(value, found)
    elif tag in (_IPTC_TAG, _PHOTOSHOP_TAG):
        found.add_all(iptc_texts(value))
    elif tag in _XP_TAGS:
        found.add(value.decode("utf-16-le", "replace"))
    elif tag in _CODED_TAGS and kind == _UNDEFINED:
        found.add(_coded(value, order))
    elif kind in (_ASCII, 129):
        found.add_bytes(value.rstrip(b"\x00"))


def _coded(value: bytes, order: str) -> str:
    code, text = value[:8], value[8:]
    if code == b"UNICODE\x00":
        if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return text.decode("utf-16", "replace")
        return text.decode("utf-16-le" if order == "<" else "utf-16-be", "replace")
    if code == b"JIS\x00\x00\x00\x00\x00":
        return text.decode("iso2022_jp", "replace")
    body = text if code in (b"ASCII\x00\x00\x00", bytes(8)) else value
    return body.decode("utf-8", "replace").rstrip("\x00 ")
