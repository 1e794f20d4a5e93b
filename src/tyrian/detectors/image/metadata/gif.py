"""Comments, plain text and XMP of GIF89a."""

from collections.abc import Iterator

from tyrian.detectors.image.metadata.found import MAX_ITEMS, Found
from tyrian.detectors.image.metadata.xmp import xmp_text

_COMMENT, _PLAIN_TEXT, _APPLICATION = 0xFE, 0x01, 0xFF
_XMP = b"XMP DataXMP"
_XMP_TAIL = b"\x01" + bytes(range(255, -1, -1))
"""An XMP packet is written as it is, followed by bytes that lead a reader of blocks to its end."""


def read_gif(data: bytes, found: Found) -> None:
    """Every text of a GIF goes to `found`, and where the image ends."""
    try:
        _read(data, found)
    except IndexError:
        return


def _read(data: bytes, found: Found) -> None:
    at = 13 + _table(data[10])
    for _ in range(MAX_ITEMS):
        kind = data[at]
        if kind == 0x3B:
            found.end = at + 1
            return
        if kind == 0x2C:
            at = _skip(data, at + 11 + _table(data[at + 9]))
        elif kind == 0x21:
            label = data[at + 1]
            at += 2
            end = _skip(data, at)
            if label == _APPLICATION and data[at + 1 : at + 12] == _XMP:
                packet = data[at + 12 : end - 1]
                xmp_text(packet.removesuffix(_XMP_TAIL), found)
                if not packet.endswith(_XMP_TAIL):  # written in blocks, against the rule
                    xmp_text(b"".join(list(_blocks(data, at))[1:]), found)
            elif label in (_COMMENT, _PLAIN_TEXT):
                blocks = list(_blocks(data, at))
                found.add_bytes(b"".join(blocks[1:] if label == _PLAIN_TEXT else blocks))
            at = end
        else:
            return
    found.fail("too-much-metadata", "more blocks than are read")


def _table(flags: int) -> int:
    """Bytes of a colour table."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


def _blocks(data: bytes, at: int) -> Iterator[bytes]:
    while data[at]:
        yield data[at + 1 : at + 1 + data[at]]
        at += data[at] + 1
