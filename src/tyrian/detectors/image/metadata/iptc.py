"""Text in IPTC-IIM records, bare or inside Photoshop's image resources (`8BIM`)."""

from collections.abc import Iterator

from tyrian.detectors.image.metadata.found import MAX_ITEMS, decoded

PHOTOSHOP = b"Photoshop 3.0\x00"
_IPTC_RESOURCE = 0x0404
_EXTENDED = 0x8000


def iptc_texts(block: bytes) -> Iterator[str]:
    """The texts of all data sets, in order."""
    if block.startswith(PHOTOSHOP):
        block = block[len(PHOTOSHOP) :]
    if block.startswith(b"8BIM"):
        for resource in _resources(block):
            yield from _records(resource)
    else:
        yield from _records(block)


def _resources(block: bytes) -> Iterator[bytes]:
    at = 0
    for _ in range(MAX_ITEMS):
        if block[at : at + 4] != b"8BIM" or at + 12 > len(block):
            return
        number = int.from_bytes(block[at + 4 : at + 6], "big")
        name = block[at + 6] + 1
        start = at + 6 + name + name % 2 + 4
        size = int.from_bytes(block[start - 4 : start], "big")
        if number == _IPTC_RESOURCE:
            yield block[start : start + size]
        at = start + size + size % 2


def _records(block: bytes) -> Iterator[str]:
    at = 0
    for _ in range(MAX_ITEMS):
        if block[at : at + 1] != b"\x1c" or at + 5 > len(block):
            return
        size = int.from_bytes(block[at + 3 : at + 5], "big")
        at += 5
        if size & _EXTENDED:
            width = size & ~_EXTENDED
            size = int.from_bytes(block[at : at + min(width, 8)], "big")
            at += width
        yield decoded(block[at : at + size])
        at += size
