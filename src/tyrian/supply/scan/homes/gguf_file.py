"""GGUF: every length and count is held against the file before it is believed.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import math
import struct

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.homes.template import check_template
from tyrian.supply.scan.source import Source

_FIXED = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY, _UINT32 = 8, 9, 4
_MOST_DIMENSIONS = 4
_MOST_NAME = 64 << 10
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip
"""Elements and bytes of a block of each tensor type."""


class _Fault(Exception):  # noqa: N818  # ends the reading of one file
    pass


class _Reader:
    """Reads on through a source, and never past its end."""

    def __init__(self, source: Source, at: int) -> None:
        self._source = source
        self._buffer = b""
        self._base = at
        self._at = 0

    @property
    def offset(self) -> int:
        return self._base + self._at

    @property
    def left(self) -> int:
        return self._source.size - self.offset

    def take(self, length: int) -> bytes:
        if length > self.left:
            raise _Fault(f"tells of {length} bytes where {self.left} are left")
        if self._at + length > len(self._buffer):
            self._base, self._at = self.offset, 0
            self._buffer = self._source.read_at(self._base, max(length, 1 << 18))
        self._at += length
        return self._buffer[self._at - length : self._at]

    def skip(self, length: int) -> None:
        if length > self.left:
            raise _Fault(f"tells of {length} bytes where {self.left} are left")
        if self._at + length <= len(self._buffer):
            self._at += length
        else:
            self._base, self._at, self._buffer = self.offset + length, 0, b""

    def number(self, width: int = 8) -> int:
        return int.from_bytes(self.take(width), "little")

    def text(self) -> str:
        length = self.number()
        if length > _MOST_NAME:
            raise _Fault(f"has a name of {length} bytes")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise _Fault("has a name that is not in UTF-8") from None


def scan_gguf(source: Source, report: Collector) -> None:
    """Check the head, the metadata, the templates in it and every tensor's place."""
    reader = _Reader(source, 4)
    try:
        version = reader.number(4)
        if version not in (2, 3):
            raise _Fault(f"is of version {version}, which cannot be read here")
        tensors, keys = reader.number(), reader.number()
        if tensors * 24 + keys * 13 > source.size:
            raise _Fault(f"tells of {tensors} tensors and {keys} keys in {source.size} bytes")
        alignment = _metadata(reader, keys, report)
        places = _tensors(reader, tensors)
        _check_places(places, reader.offset, alignment, source.size)
    except _Fault as fault:
        report.add("gguf-malformed", reader.offset, f"it {fault}")


def _metadata(reader: _Reader, keys: int, report: Collector) -> int:
    """Read all keys; the alignment of the tensors."""
    alignment, seen = 32, set[str]()
    for _ in range(keys):
        key, kind = reader.text(), reader.number(4)
        if key in seen:
            raise _Fault(f"has the key {key[:80]!r} twice")
        seen.add(key)
        if key == "general.alignment" and kind == _UINT32:
            alignment = reader.number(4)
            if alignment == 0 or alignment & (alignment - 1):
                raise _Fault(f"has an alignment of {alignment}")
        elif kind == _STRING and "template" in key:
            length = reader.number()
            if length > 1 << 24:
                raise _Fault(f"has a template of {length} bytes")
            check_template(reader.take(length).decode("utf-8", "replace"), report.inside(key))
        else:
            _skip(reader, kind, 0)
    return alignment


def _skip(reader: _Reader, kind: int, depth: int) -> None:
    if kind == _STRING:
        reader.skip(reader.number())
    elif kind == _ARRAY:
        inner, count = reader.number(4), reader.number()
        if depth > 8:
            raise _Fault("nests arrays too deeply")
        if inner in _FIXED:
            reader.skip(count * _FIXED[inner])
            return
        if count * 8 > reader.left:
            raise _Fault(f"has an array of {count} where {reader.left} bytes are left")
        for _ in range(count):
            _skip(reader, inner, depth + 1)
    elif kind in _FIXED:
        reader.skip(_FIXED[kind])
    else:
        raise _Fault(f"has a value of type {kind}, which does not exist")


def _tensors(reader: _Reader, count: int) -> list[tuple[int, int, str]]:
    """Start, length and name of each tensor."""
    found: list[tuple[int, int, str]] = []
    names: set[str] = set()
    for _ in range(count):
        name, dimensions = reader.text(), reader.number(4)
        if dimensions > _MOST_DIMENSIONS:
            raise _Fault(f"has a tensor of {dimensions} dimensions")
        if name in names:
            raise _Fault(f"has the tensor {name[:80]!r} twice")
        names.add(name)
        shape = struct.unpack(f"<{dimensions}Q", reader.take(8 * dimensions))
        kind, offset = reader.number(4), reader.number()
        if kind not in _BLOCKS:
            raise _Fault(f"has a tensor of type {kind}, which is not known")
        elements, (block, size) = math.prod(shape), _BLOCKS[kind]
        if elements >= 1 << 63 or elements % block:
            raise _Fault(f"has a tensor whose shape {shape} does not fit its type")
        found.append((offset, elements // block * size, name))
    return found


def _check_places(
    places: list[tuple[int, int, str]], head_end: int, alignment: int, size: int
) -> None:
    first = -(-head_end // alignment) * alignment
    at = 0
    for start, length, name in sorted(places):
        if start % alignment:
            raise _Fault(f"has the tensor {name[:80]!r} at a place that is not aligned")
        if start < at:
            raise _Fault(f"has the tensor {name[:80]!r} upon another")
        if first + start + length > size:
            raise _Fault(f"has the tensor {name[:80]!r} end beyond the file")
        at = start + length
