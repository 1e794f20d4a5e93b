"""MessagePack, as Flax keeps its weights: every value is stepped over, and all bytes are some.

Nothing in MessagePack runs; loaders on top of it unpickle what they find in some places, so bytes
that are a pickle or an archive are scanned as such.
Sources: https://github.com/msgpack/msgpack/blob/master/spec.md and flax/serialization.py.
"""

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.homes.pickle_file import ScanInside, probe_of
from tyrian.supply.scan.source import Source

_MOST_VALUES = 20_000_000
_MOST_OPEN = 512
_WINDOW = 1 << 16
_SIZES = {
    **dict.fromkeys((0xC0, 0xC2, 0xC3), 0),
    0xCA: 4,
    0xCB: 8,
    0xCC: 1,
    0xCD: 2,
    0xCE: 4,
    0xCF: 8,
    0xD0: 1,
    0xD1: 2,
    0xD2: 4,
    0xD3: 8,
}
"""Bytes after the first of values of a fixed length."""
_BYTES = {0xC4: 1, 0xC5: 2, 0xC6: 4}
_TEXTS = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_ARRAYS = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}
"""Width of the count, and values for each of it: maps have two."""
_EXTENSIONS = {0xC7: 1, 0xC8: 2, 0xC9: 4}
_FIXED = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
_KNOWN = frozenset({1, 2, 3, 255})
"""Extensions that hold data alone: Flax's array, complex number and scalar, and the timestamp."""
_NESTED = frozenset({1, 3})
"""Of these, those that hold MessagePack again: shape, name of the type, and bytes."""


class _Fault(Exception):  # noqa: N818  # ends the reading of one file
    def __init__(self, why: str, offset: int) -> None:
        super().__init__(why)
        self.offset = offset


def scan_msgpack(source: Source, report: Collector, scan_inside: ScanInside, depth: int) -> None:
    """Step over all values; what is broken, unknown or a pickle is reported."""
    try:
        _Reader(source, report, scan_inside, depth).run()
    except _Fault as fault:
        report.add("msgpack-malformed", fault.offset, f"it {fault}")


class _Reader:
    """Where the reading of one file stands."""

    def __init__(
        self, source: Source, report: Collector, scan_inside: ScanInside, depth: int
    ) -> None:
        self._source = source
        self._report = report
        self._inside = scan_inside, depth
        self._probe = probe_of(report, scan_inside, depth)
        self._window, self._base = b"", 0

    def run(self) -> None:
        """One value, whose parts fill the source."""
        at, count, left = 0, 0, [1]
        while left:
            if not left[-1]:
                left.pop()
                continue
            left[-1] -= 1
            count += 1
            if count > _MOST_VALUES:
                self._report.add("not-examined", at, f"it has more than {_MOST_VALUES} values")
                return
            at, inner = self._value(at)
            if inner:
                left.append(inner)
                if len(left) > _MOST_OPEN:
                    raise _Fault(f"nests deeper than {_MOST_OPEN} levels", at)
        if at != self._source.size:
            raise _Fault(f"has {self._source.size - at} bytes after its value", at)

    def _value(self, at: int) -> tuple[int, int]:
        """The offset after a value, without its parts, and how many parts follow."""
        first = self._number(at, 1)
        if first < 0x80 or first >= 0xE0:
            return at + 1, 0
        if first < 0x90:
            return at + 1, 2 * (first & 15)
        if first < 0xA0:
            return at + 1, first & 15
        if first < 0xC0:
            return self._past(at, at + 1, first & 31), 0
        if first in _SIZES:
            return self._past(at, at + 1, _SIZES[first]), 0
        if first in _ARRAYS:
            width, values = _ARRAYS[first]
            return at + 1 + width, values * self._number(at + 1, width)
        if width := _TEXTS.get(first, 0):
            return self._past(at, at + 1 + width, self._number(at + 1, width)), 0
        if width := _BYTES.get(first, 0):
            start, length = at + 1 + width, self._number(at + 1, width)
            end = self._past(at, start, length)
            if length >= 4:
                self._probe(self._source.part(start, length), start, False)
            return end, 0
        return self._extension(at, first), 0

    def _extension(self, at: int, first: int) -> int:
        width = _EXTENSIONS.get(first, 0)
        length = self._number(at + 1, width) if width else _FIXED.get(first, -1)
        if length < 0:
            raise _Fault(f"has 0x{first:02x} where a value begins", at)
        start = at + 2 + width
        kind, end = self._number(start - 1, 1), self._past(at, start, length)
        if kind not in _KNOWN:
            told = f"an extension of kind {kind}, which only the program that wrote it knows"
            self._report.add("not-examined", at, told)
        elif kind in _NESTED:
            part = self._source.part(start, length)
            _Reader(part, self._report, *self._inside).run()
        return end

    def _past(self, at: int, start: int, length: int) -> int:
        if start + length > self._source.size:
            raise _Fault(f"tells of {length} bytes where it ends before", at)
        return start + length

    def _number(self, at: int, width: int) -> int:
        """An unsigned number, big endian."""
        begin = at - self._base
        if begin < 0 or begin + width > len(self._window):
            self._window, self._base, begin = self._source.read_at(at, _WINDOW), at, 0
            if len(self._window) < width:
                raise _Fault("breaks off within a value", at)
        return int.from_bytes(self._window[begin : begin + width], "big")
