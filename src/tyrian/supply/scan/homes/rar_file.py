"""RAR archives: their headers are open, and so are members that are stored; the rest is hidden.

Source: https://www.rarlab.com/technote.htm; for the older format the same page of RAR 4.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.source import Source

_NEW = b"Rar!\x1a\x07\x01\0"
_OLD = b"Rar!\x1a\x07\0"
_MOST_HEADER = 2 << 20
_FILE, _ENCRYPTION, _END = 2, 4, 5
_OLD_MAIN, _OLD_FILE, _OLD_END = 0x73, 0x74, 0x7B

ScanMember = Callable[[Source, Collector, str], None]


@dataclass(frozen=True, slots=True)
class RarMember:
    """A file as its header tells of it."""

    name: str
    data: int
    packed: int
    is_stored: bool
    is_encrypted: bool


class _Fault(Exception):  # noqa: N818  # ends the reading of one file
    pass


class _HiddenError(Exception):
    pass


def scan_rar(source: Source, report: Collector, scan: ScanMember) -> list[str]:
    """Scan what is stored; what is packed or encrypted nobody can look into. Gives the names."""
    names: list[str] = []
    members = _new if source.read_at(0, 8) == _NEW else _old
    try:
        for member in members(source):
            names.append(member.name)
            inside = report.inside(member.name)
            if member.is_encrypted:
                inside.add("archive-encrypted", member.data, "it is encrypted")
            elif member.is_stored:
                scan(source.part(member.data, member.packed), inside, member.name)
            else:
                inside.add("archive-foreign", member.data, "it is packed by RAR's own method")
    except _HiddenError:
        report.add("archive-encrypted", 0, "its very headers are encrypted")
    except _Fault as fault:
        report.add("archive-malformed", 0, f"the RAR archive {fault}")
    return names


class _Header:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        if length < 0 or self._at + length > len(self._data):
            raise _Fault("breaks off within a header")
        self._at += length
        return self._data[self._at - length : self._at]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self.number(1)
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise _Fault("has a number of more than ten bytes")

    @property
    def read(self) -> int:
        return self._at


def _new(source: Source) -> Iterator[RarMember]:
    at = len(_NEW)
    while at < source.size:
        head = _Header(source.read_at(at, 16))
        head.take(4)
        size = head.varint()
        start = at + head.read
        if size > _MOST_HEADER or start + size > source.size:
            raise _Fault("breaks off within a header")
        head = _Header(source.read_at(start, size))
        kind, flags = head.varint(), head.varint()
        extra = head.varint() if flags & 1 else 0
        packed = head.varint() if flags & 2 else 0
        data = start + size
        if data + packed > source.size:
            raise _Fault("breaks off within a member")
        if kind == _ENCRYPTION:
            raise _HiddenError
        if kind == _END:
            return
        if kind == _FILE:
            yield _new_member(head, source.read_at(data - extra, extra), data, packed)
        at = data + packed
    raise _Fault("has no end")


def _new_member(head: _Header, extra: bytes, data: int, packed: int) -> RarMember:
    flags = head.varint()
    head.varint()
    head.varint()
    head.take((4 if flags & 2 else 0) + (4 if flags & 4 else 0))
    method = head.varint() >> 7 & 7
    head.varint()
    name = head.take(head.varint()).decode("utf-8", "backslashreplace")
    rest, is_encrypted = _Header(extra), False
    while rest.read < len(extra):
        size = rest.varint()
        before = rest.read
        is_encrypted |= rest.varint() == 1
        rest.take(size - (rest.read - before))
    return RarMember(name, data, packed, not method, is_encrypted)


def _old(source: Source) -> Iterator[RarMember]:
    at = len(_OLD)
    while at < source.size:
        head = _Header(source.read_at(at, 11))
        head.take(2)
        kind, flags, size = head.number(1), head.number(2), head.number(2)
        packed = head.number(4) if flags & 0x8000 or kind == _OLD_FILE else 0
        if size < 7 or at + size > source.size:
            raise _Fault("breaks off within a header")
        if kind == _OLD_MAIN and flags & 0x80:
            raise _HiddenError
        if kind == _OLD_END:
            return
        if kind == _OLD_FILE:
            member = _old_member(_Header(source.read_at(at, size)), flags, at + size)
            packed = member.packed
            yield member
        at += size + packed
        if at > source.size:
            raise _Fault("breaks off within a member")


def _old_member(head: _Header, flags: int, data: int) -> RarMember:
    head.take(7)
    packed = head.number(4)
    head.take(4 + 1 + 4 + 4 + 1)
    method, length = head.number(1), head.number(2)
    head.take(4)
    if flags & 0x100:
        packed |= head.number(4) << 32
        head.take(4)
    name = head.take(length).partition(b"\0")[0].decode("utf-8", "backslashreplace")
    return RarMember(name, data, packed, method == 0x30, bool(flags & 4))
