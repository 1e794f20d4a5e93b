"""Zip archives, read by directory and by local headers; where these disagree it is a finding.

Loaders differ: Python's `zipfile` trusts the directory and checks local names, checksums and flags;
PyTorch's reader checks none of these. So every member is read as each would, whatever its flags.
Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import lzma
import struct
import zlib
from bz2 import BZ2Decompressor
from collections.abc import Iterator
from dataclasses import dataclass
from lzma import (
    FORMAT_RAW,
    LZMADecompressor,
    LZMAError,
)

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.source import CHUNK, Source
from tyrian.supply.scan.unpack import Unpacker, pieces

_EOCD = struct.Struct("<4s4H2LH")
_EOCD64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MOST_MEMBERS = 200_000
_NO_MORE = 0xFFFFFFFF
STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14


class ZipError(Exception):
    """An archive that cannot be read as one."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member as the directory tells of it."""

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    header: int
    """Where its local header is."""
    mode: int
    """Unix permissions and kind; 0 where it has none."""
    data: int = 0
    """Where its bytes begin."""


def members_of(source: Source, report: Collector) -> list[Member]:
    """All members; what the two readings disagree on is reported."""
    start, count, size, base = _directory(source, report)
    found: list[Member] = []
    at = start
    for _ in range(count):
        member, at = _central(source, at, base)
        found.append(member)
    if at != start + size:
        report.add("archive-readers-disagree", at, "the directory is longer than it says")
    placed = [_local(source, member, report) for member in found]
    _check_layout(source, placed, start, report)
    return placed


def _directory(source: Source, report: Collector) -> tuple[int, int, int, int]:
    tail_at = max(0, source.size - 65_557)
    tail = source.read_at(tail_at, 65_557)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise ZipError("has no directory; it breaks off, or is none")
    if tail.count(b"PK\x05\x06") > 1:
        report.add("archive-readers-disagree", tail_at + at, "it has more than one directory end")
    fields = tail[at : at + _EOCD.size]
    if len(fields) < _EOCD.size:
        raise ZipError("breaks off within the end of its directory")
    _, disk, _, here, count, size, start, comment = _EOCD.unpack(fields)
    end = tail_at + at
    if end + _EOCD.size + comment != source.size:
        report.add("archive-readers-disagree", end, "bytes follow after the archive's end")
    if disk not in (0, 0xFFFF):
        raise ZipError("is one part of several")
    if source.read_at(end - 20, 4) == b"PK\x06\x07":
        end = struct.unpack("<Q", source.read_at(end - 12, 8))[0]
        large = source.read_at(end, _EOCD64.size)
        if len(large) < _EOCD64.size or large[:4] != b"PK\x06\x06":
            raise ZipError("has a large directory that is not where it says")
        here, count, size, start = _EOCD64.unpack(large)[6:]
    if here != count or count > _MOST_MEMBERS:
        raise ZipError(f"tells of {count} members in {here} entries")
    base = end - size - start
    if base < 0:
        raise ZipError("has a directory that does not lie within it")
    if base:
        report.add("archive-readers-disagree", 0, f"{base} bytes stand before the archive")
    return start + base, count, size, base


def _central(source: Source, at: int, base: int) -> tuple[Member, int]:
    head = source.read_at(at, _CENTRAL.size)
    if len(head) < _CENTRAL.size or head[:4] != b"PK\x01\x02":
        raise ZipError("has a directory that breaks off")
    fields = _CENTRAL.unpack(head)
    flags, method, crc, packed, size = fields[3], fields[4], *fields[7:10]
    (names, extras, comments), (outer, header) = fields[10:13], fields[15:]
    rest = source.read_at(at + _CENTRAL.size, names + extras)
    size, packed, header = _large(rest[names:], size, packed, header)
    name = _decoded(rest[:names], flags)
    member = Member(name, flags, method, crc, packed, size, header + base, outer >> 16)
    return member, at + _CENTRAL.size + names + extras + comments


def _large(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """The sizes of a zip64 member."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1:
            body = extra[4 : 4 + length]
            body = body[: len(body) // 8 * 8]
            values = [one[0] for one in struct.iter_unpack("<Q", body)]
            size = values.pop(0) if size == _NO_MORE and values else size
            packed = values.pop(0) if packed == _NO_MORE and values else packed
            header = values.pop(0) if header == _NO_MORE and values else header
            break
        extra = extra[4 + length :]
    return size, packed, header


def _decoded(name: bytes, flags: int) -> str:
    return name.decode("utf-8" if flags & 0x800 else "cp437", "backslashreplace")


def _local(source: Source, member: Member, report: Collector) -> Member:
    head = source.read_at(member.header, _LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != b"PK\x03\x04":
        raise ZipError(f"has no member where its directory says ({member.name[:80]!r})")
    _, _, flags, method, _, _, crc, packed, size, names, extras = _LOCAL.unpack(head)
    rest = source.read_at(member.header + _LOCAL.size, names + extras)
    size, packed, _ = _large(rest[names:], size, packed, 0)
    inside = report.inside(member.name)
    differing: list[str] = []
    if _decoded(rest[:names], flags) != member.name:
        differing.append("its name")
    if method != member.method:
        differing.append("its compression")
    if not flags & 8 and (crc, packed, size) != (member.crc, member.packed, member.size):
        differing.append("its sizes or checksum")
    if (flags ^ member.flags) & 0x61:
        differing.append("its flags")
    if differing:
        told = " and ".join(differing)
        inside.add("archive-readers-disagree", member.header, f"the directory differs in {told}")
    if (flags | member.flags) & 0x2061:
        inside.add(
            "archive-readers-disagree",
            member.header,
            "it says that it is encrypted or patched, which some loaders heed and others do not",
        )
    data = member.header + _LOCAL.size + names + extras
    if data + member.packed > source.size:
        raise ZipError(f"breaks off within {member.name[:80]!r}")
    return Member(
        member.name, flags, member.method, member.crc, member.packed, member.size,
        member.header, member.mode, data,
    )  # fmt: skip


def _check_layout(source: Source, members: list[Member], end: int, report: Collector) -> None:
    """Nothing overlaps, and nothing lies between members that no directory tells of."""
    at = 0
    for member in sorted(members, key=lambda one: one.header):
        if member.header < at:
            report.inside(member.name).add(
                "archive-readers-disagree", member.header, "it lies upon another member"
            )
        elif member.header > at:
            _check_gap(source, at, member.header, report)
        at = member.data + member.packed
        if member.flags & 8:
            at += _descriptor(source, at)
    if at > end:
        report.add("archive-readers-disagree", at, "a member lies upon the directory")
    elif at < end:
        _check_gap(source, at, end, report)


def _descriptor(source: Source, at: int) -> int:
    """The length of the sizes that may stand behind a member."""
    data = source.read_at(at, 32)
    signed = 4 if data[:4] == b"PK\x07\x08" else 0
    for length in (12, 20):
        if data[signed + length : signed + length + 2] == b"PK":
            return signed + length
    return signed + 12


def _check_gap(source: Source, start: int, end: int, report: Collector) -> None:
    data = source.read_at(start, min(end - start, CHUNK))
    if b"PK\x03\x04" in data:
        report.add("archive-readers-disagree", start, "the directory hides a member there")
    elif data.strip(b"\0"):
        report.add("archive-readers-disagree", start, "bytes lie between the members")


def unpacked(source: Source, member: Member) -> Iterator[bytes]:
    """The bytes of a member, whatever its flags say; raises ZipError where they are broken."""
    part = source.part(member.data, member.packed)
    if member.method == STORED:
        yield from part.chunks()
        return
    start = 0
    unpack: Unpacker
    if member.method == DEFLATED:
        unpack = zlib.decompressobj(-15)
    elif member.method == BZIP2:
        unpack = BZ2Decompressor()
    elif member.method == LZMA:
        unpack, start = _lzma(part)
    else:
        raise ZipError(f"packs {member.name[:80]!r} by method {member.method}, unknown here")
    try:
        yield from pieces(unpack, part.chunks(start))
    except (zlib.error, OSError, LZMAError, EOFError) as error:
        raise ZipError(f"cannot unpack {member.name[:80]!r}: {error}") from None


def _lzma(part: Source) -> tuple[LZMADecompressor, int]:
    head = part.read_at(0, 9)
    if len(head) < 9 or head[2:4] != b"\x05\0":
        raise ZipError("has a broken LZMA header")
    filters = [lzma._decode_filter_properties(0x4000000000000001, head[4:9])]  # type: ignore[attr-defined]
    return LZMADecompressor(FORMAT_RAW, filters=filters), 9
