"""Archives and packed streams: every member is scanned as what it is."""

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from zlib import crc32

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.homes.packed_file import unpacked as unpacked_stream
from tyrian.supply.scan.homes.pickle_file import ScanInside
from tyrian.supply.scan.homes.rar_file import scan_rar
from tyrian.supply.scan.homes.seven_file import scan_seven
from tyrian.supply.scan.homes.tar_file import tar_members
from tyrian.supply.scan.homes.torch_tar import is_torch_tar, scan_torch_tar
from tyrian.supply.scan.homes.torch_zip import scan_torch_member, torch_root
from tyrian.supply.scan.homes.zip_file import Member, ZipError, members_of, unpacked
from tyrian.supply.scan.names import check_name, escapes
from tyrian.supply.scan.sniff import PACKED, extension
from tyrian.supply.scan.source import Source, TooLargeError, spooled

ScanSource = Callable[[Source, Collector, str, int], str]
"""Scans bytes with that name at that depth; gives their kind."""

_MOST_UNPACKED = 4 << 30
"""Bytes that one packed stream may unpack to."""
_BOMB_RATIO = 1000
_BOMB_SIZE = 64 << 20
"""From here on a member that grows a thousandfold counts as a bomb; zeros of a model stay below."""


def scan_archive(
    kind: str, source: Source, report: Collector, name: str, depth: int, scan: ScanSource
) -> str:
    """Scan all that is inside; gives the kind, which is `torch-zip` where PyTorch wrote it."""
    if kind == "zip":
        return _scan_zip(source, report, depth, scan)
    if kind == "tar":
        _scan_tar(source, report, depth, scan)
    elif kind in PACKED:
        _scan_packed(kind, source, report, name, depth, scan)
    elif kind == "image":
        _scan_image(source, report, depth, scan)
    else:
        _scan_foreign(kind, source, report, depth, scan)
    return kind


def _nameless(scan: ScanSource) -> ScanInside:
    def inside(source: Source, report: Collector, depth: int) -> None:
        scan(source, report, "", depth)

    return inside


def _scan_image(source: Source, report: Collector, depth: int, scan: ScanSource) -> None:
    """Nothing in an image is run; an archive behind it would be."""
    if b"PK\x05\x06" in source.read_at(max(0, source.size - 65_557), 65_557):
        report.add("content-mismatch", 0, "an archive stands behind the image")
        _scan_zip(source, report, depth, scan)


def _scan_packed(
    kind: str, source: Source, report: Collector, name: str, depth: int, scan: ScanSource
) -> None:
    inner = PurePosixPath(name).stem if extension(name) in ("gz", "bz2", "xz", "lzma", "z") else ""
    if extension(name) == "tgz":
        inner = "tar"
    try:
        with spooled(_measured(unpacked_stream(source, kind, report), source.size),
                     _MOST_UNPACKED) as content:  # fmt: skip
            scan(content, report.inside("unpacked"), inner, depth + 1)
    except TooLargeError as error:
        report.add("archive-bomb", 0, error.message)


def _measured(chunks: Iterable[bytes], packed: int) -> Iterable[bytes]:
    """The chunks, until they have grown beyond what data does."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > _BOMB_SIZE and size > _BOMB_RATIO * packed:
            raise TooLargeError(f"{packed} bytes unpack to over {size}")
        yield chunk


def _scan_zip(source: Source, report: Collector, depth: int, scan: ScanSource) -> str:
    try:
        members = members_of(source, report)
    except ZipError as error:
        report.add("archive-malformed", 0, f"it {error}")
        report.add("not-examined", 0, "its members could not all be found")
        return "zip"
    _check_names([member.name for member in members], report)
    root = torch_root([member.name for member in members])
    for member in members:
        _scan_member(source, member, report.inside(member.name), root, depth, scan)
    return "torch-zip" if root is not None else "zip"


def _scan_member(
    source: Source, member: Member, report: Collector, root: str | None,
    depth: int, scan: ScanSource,
) -> None:  # fmt: skip
    if member.name.endswith("/") and not member.size:
        return
    if (member.mode & 0o170000) == 0o120000:
        target = source.read_at(member.data, min(member.packed, 4096)).decode("utf-8", "replace")
        if member.method or escapes(target):
            report.add("archive-path-escapes", 0, f"it is a link to {ascii(target)[:200]}")
        return
    try:
        if member.method == 0:
            content = source.part(member.data, member.packed)
            _check_sizes(member, content.size, report)
            _scan_content(content, report, member.name, root, depth, scan)
            _check_crc(member, content.chunks(), report)
            return
        with spooled(_measured(unpacked(source, member), member.packed), _MOST_UNPACKED) as content:
            _check_sizes(member, content.size, report)
            _scan_content(content, report, member.name, root, depth, scan)
            _check_crc(member, content.chunks(), report)
    except ZipError as error:
        report.add("archive-malformed", member.header, f"the archive {error}")
    except TooLargeError as error:
        report.add("archive-bomb", member.header, error.message)


def _scan_content(
    content: Source,
    report: Collector,
    name: str,
    root: str | None,
    depth: int,
    scan: ScanSource,
) -> None:
    inside = _nameless(scan)
    if root is None or not scan_torch_member(content, report, name, root, inside, depth + 1):
        scan(content, report, name, depth + 1)


def _check_sizes(member: Member, size: int, report: Collector) -> None:
    if size != member.size:
        told = f"the directory tells of {member.size} bytes, and {size} are there"
        report.add("archive-readers-disagree", member.header, told)


def _check_crc(member: Member, chunks: Iterable[bytes], report: Collector) -> None:
    crc = 0
    for chunk in chunks:
        crc = crc32(chunk, crc)
    if crc != member.crc:
        report.add("archive-readers-disagree", member.header, "its checksum is wrong")


def _check_names(names: list[str], report: Collector) -> None:
    seen: set[str] = set()
    for name in names:
        inside = report.inside(name)
        check_name(name, inside)
        plain = name.replace("\\", "/").lower().rstrip("/")
        if plain in seen:
            inside.add("archive-readers-disagree", 0, "two members have this name")
        seen.add(plain)
        if escapes(name):
            inside.add("archive-path-escapes", 0, "its name leads out of the folder")


def _scan_foreign(
    kind: str, source: Source, report: Collector, depth: int, scan: ScanSource
) -> None:
    """7z and RAR, which loaders of models do not read, but people unpack."""

    def scan_part(part: Source, inside: Collector, name: str) -> None:
        scan(part, inside, name, depth + 1)

    if kind == "rar":
        names = scan_rar(source, report, scan_part)
    else:
        names = scan_seven(source, report, scan_part, _measured, _MOST_UNPACKED)
    _check_names(names, report)


def _scan_tar(source: Source, report: Collector, depth: int, scan: ScanSource) -> None:
    members = list(tar_members(source, report))
    _check_names([member.name for member in members], report)
    if is_torch_tar([member.name for member in members]):
        scan_torch_tar(source, members, report, _nameless(scan), depth)
        return
    for member in members:
        inside = report.inside(member.name)
        if member.kind == "link" and escapes(member.target):
            inside.add(
                "archive-path-escapes", member.data, f"a link to {ascii(member.target)[:99]}"
            )
        elif member.kind == "other":
            inside.add("archive-path-escapes", member.data, "it is a device, pipe or the like")
        elif member.kind == "file":
            scan(source.part(member.data, member.size), inside, member.name, depth + 1)
