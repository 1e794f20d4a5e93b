"""Tar archives, member by member, without a library that follows links or names.

Source: POSIX.1-2008 pax, section "pax Interchange Format"; GNU long names.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.source import Source

_BLOCK = 512
_MOST_NAME = 1 << 16


@dataclass(frozen=True, slots=True)
class TarMember:
    """One file, link or folder in an archive."""

    name: str
    kind: str
    """`file`, `link`, `folder`, or `other`, such as a device."""
    data: int
    size: int
    target: str = ""


def is_header(block: bytes) -> bool:
    """Whether 512 bytes are the head of a member: their checksum says so."""
    if len(block) < _BLOCK or not block[0]:
        return False
    told = block[148:156].strip(b" \0")
    if not told or any(digit not in b"01234567" for digit in told):
        return False
    return int(told, 8) == sum(block[:148]) + 8 * 32 + sum(block[156:])


def tar_members(source: Source, report: Collector) -> Iterator[TarMember]:
    """The members in order; what cannot be read is reported and ends them."""
    at, name, target, size = 0, "", "", -1
    while block := source.read_at(at, _BLOCK):
        if not block.strip(b"\0"):
            _check_end(source, at, report)
            return
        if not is_header(block):
            report.add("archive-malformed", at, "a member of the tar archive has a broken head")
            return
        length = _number(block[124:136])
        data, kind = at + _BLOCK, block[156:157]
        if length < 0 or data + length > source.size:
            report.add("archive-malformed", at, "the tar archive breaks off within a member")
            return
        at = data + -(-length // _BLOCK) * _BLOCK
        if kind in b"LKxg" and kind != b"\0":
            text = source.read_at(data, min(length, _MOST_NAME))
            if kind == b"L":
                name = _text(text)
            elif kind == b"K":
                target = _text(text)
            elif kind == b"x":
                name, target, size = _pax(text, name, target)
            continue
        if size >= 0 and size != length:
            report.add("archive-readers-disagree", data, "two heads tell of different sizes")
        prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else ""
        own = _text(block[:100])
        told = name or (f"{prefix}/{own}" if prefix else own)
        yield TarMember(told, _kind(kind), data, length, target or _text(block[157:257]))
        name, target, size = "", "", -1
    report.add("archive-malformed", at, "the tar archive has no end")


def _check_end(source: Source, at: int, report: Collector) -> None:
    for chunk in source.chunks(at):
        if chunk.strip(b"\0"):
            report.add("archive-readers-disagree", at, "bytes follow after the tar archive's end")
            return
        at += len(chunk)
        if at > 1 << 24:  # writers pad to 10 KiB at most
            report.add("archive-readers-disagree", at, "the tar archive is padded beyond measure")
            return


def _number(field: bytes) -> int:
    if field[:1] >= b"\x80":
        return int.from_bytes(field[1:], "big")
    told = field.strip(b" \0")
    if not told:
        return 0
    return int(told, 8) if all(digit in b"01234567" for digit in told) else -1


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "backslashreplace")


def _kind(flag: bytes) -> str:
    if flag in (b"0", b"\0", b"7"):
        return "file"
    if flag in (b"1", b"2"):
        return "link"
    return "folder" if flag == b"5" else "other"


def _pax(data: bytes, name: str, target: str) -> tuple[str, str, int]:
    size = -1
    while data:
        length, _, rest = data.partition(b" ")
        if not length.isdigit() or not 0 < int(length) <= len(data):
            break
        key, _, value = rest[: int(length) - len(length) - 2].partition(b"=")
        if key == b"path":
            name = value.decode("utf-8", "backslashreplace")
        elif key == b"linkpath":
            target = value.decode("utf-8", "backslashreplace")
        elif key == b"size" and value.isdigit():
            size = int(value)
        data = data[int(length) :]
    return name, target, size
