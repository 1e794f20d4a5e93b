"""Scans one file by its content, and everything inside of it, without loading any of it."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath
from zlib import crc32

from tyrian.supply.scan.claims import check_claims
from tyrian.supply.scan.digest import Digest, hashed
from tyrian.supply.scan.finding import Collector, ScanReport, TextJudge
from tyrian.supply.scan.homes.gguf_file import scan_gguf
from tyrian.supply.scan.homes.hdf5_file import scan_hdf5
from tyrian.supply.scan.homes.numpy_file import scan_npy
from tyrian.supply.scan.homes.packed_file import KINDS as PACKED
from tyrian.supply.scan.homes.packed_file import unpacked as unpacked_stream
from tyrian.supply.scan.homes.pickle_file import scan_pickle_file
from tyrian.supply.scan.homes.protobuf_file import KINDS as MESSAGES
from tyrian.supply.scan.homes.protobuf_file import scan_protobuf
from tyrian.supply.scan.homes.rar_file import scan_rar
from tyrian.supply.scan.homes.safetensors_file import scan_safetensors
from tyrian.supply.scan.homes.seven_file import scan_seven
from tyrian.supply.scan.homes.tar_file import tar_members
from tyrian.supply.scan.homes.text_file import scan_text
from tyrian.supply.scan.homes.tf_checkpoint import scan_checkpoint
from tyrian.supply.scan.homes.torch_tar import is_torch_tar, scan_torch_tar
from tyrian.supply.scan.homes.torch_zip import scan_torch_member, torch_root
from tyrian.supply.scan.homes.zip_file import Member, ZipError, members_of, unpacked
from tyrian.supply.scan.pickles.machine import Machine
from tyrian.supply.scan.sniff import EXPECTED, PICKLES, extension, kind_of
from tyrian.supply.scan.source import ChangedError, Source, TooLargeError, opened, spooled

_MOST_DEPTH = 8
_MOST_UNPACKED = 4 << 30
"""Bytes that one packed stream may unpack to."""
_BOMB_RATIO = 1000
_BOMB_SIZE = 64 << 20
"""From here on a member that grows a thousandfold counts as a bomb; zeros of a model stay below."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]")
_SAID = {"onnx": "onnx", "saved_model.pb": "saved-model"}
"""What is scanned as what its name says, since nothing else tells: a broken one is a finding."""
_SKIPPED_WHOLE = {
    "zstd": "a Zstandard stream",
    "lz4": "an LZ4 stream",
    "pdf": "a PDF document",
    "parquet": "a Parquet file",
    "arrow": "an Arrow file",
    "unknown": "content of a kind that is not known",
}


def scan_file(
    path: Path,
    told: str = "",
    name: str = "",
    judge: TextJudge | None = None,
    *,
    is_hashed: bool = False,
) -> ScanReport:
    """All that is to be said of a regular file; what cannot be read is said too.

    `told` is the path to report, `name` the name that says what the file should be, where a link
    has others than the file it leads to. `judge` reads texts too.
    """
    report = Collector(told or str(path), judge=judge)
    name = name or path.name
    check_name(name, report)
    size, kind, digest = 0, "", Digest()
    try:
        with opened(path) as source:
            size = source.size
            with hashed(source, is_wanted=is_hashed) as digest:
                kind = scan_source(source, report, name, 0)
    except ChangedError as error:
        report.add("changed-while-read", 0, error.message)
    except OSError as error:
        report.add("file-unreadable", 0, error.strerror or "it cannot be read")
    except Exception as error:  # noqa: BLE001  # a fault of ours must never let a file pass
        report.add("not-examined", 0, f"the scan itself failed: {type(error).__name__}")
    check_claims(Path(report.path).parent, report)
    return report.report(size, kind, digest.value)


def check_name(name: str, report: Collector) -> None:
    """Names that steer a terminal or show another end than they have."""
    if _CONTROL.search(name) or any("\ud800" <= char <= "\udfff" for char in name):
        report.add("control-characters-in-name", 0, f"its name is {ascii(name)[:200]}")


def scan_source(source: Source, report: Collector, name: str, depth: int) -> str:
    """Find out what the bytes are, and scan them as that; gives the kind."""
    kind = kind_of(source)
    wanted = extension(name)
    if kind in ("unknown", "text", "zlib", "lzma") and _acts_as_pickle(source, wanted, kind):
        kind = "pickle"
    if kind == "unknown":
        kind = _SAID.get(PurePosixPath(name).name.lower(), _SAID.get(wanted, kind))
    expected = EXPECTED.get(wanted)
    if expected and kind not in expected and kind not in ("empty", "unknown"):
        report.add("content-mismatch", 0, f"it is named .{wanted}, and its content is {kind}")
    if kind == "empty":
        if expected and "text" not in expected:
            report.add("content-mismatch", 0, f"it is named .{wanted}, and it is empty")
    elif depth > _MOST_DEPTH:
        report.add("not-examined", 0, f"it lies deeper than {_MOST_DEPTH} archives")
    else:
        return _scan_as(kind, source, report, name, depth)
    return kind


def _acts_as_pickle(source: Source, wanted: str, kind: str) -> bool:
    """Whether bytes without a mark are a pickle: their calls tell, or that they end as one."""
    trial = Collector("")
    machine = Machine(source, trial)
    end = machine.run()
    if machine.calls and machine.last_ref is not None:
        return True
    if wanted in PICKLES and kind in ("text", "unknown"):
        return True
    return end == source.size and kind == "unknown"


def _scan_as(kind: str, source: Source, report: Collector, name: str, depth: int) -> str:
    if kind == "pickle":
        return scan_pickle_file(source, report, _scan_bytes, depth)
    if kind == "zip":
        return _scan_zip(source, report, depth)
    if kind == "tar":
        _scan_tar(source, report, depth)
    elif kind in ("7z", "rar"):
        _scan_foreign(kind, source, report, depth)
    elif kind in PACKED:
        _scan_packed(source, report, name, kind, depth)
    elif kind == "npy":
        scan_npy(source, report, _scan_bytes, depth)
    elif kind == "safetensors":
        scan_safetensors(source, report)
    elif kind == "hdf5":
        scan_hdf5(source, report, _scan_bytes, depth)
    elif kind in MESSAGES:
        scan_protobuf(kind, source, report)
    elif kind == "tf-checkpoint":
        scan_checkpoint(source, report, name)
    elif kind == "gguf":
        scan_gguf(source, report)
    elif kind == "text":
        scan_text(source, report, name)
    elif kind == "program":
        report.add("executable-file", 0, "it is a program")
    elif kind == "image":
        _scan_image(source, report, depth)
    else:
        report.add("not-examined", 0, f"{_SKIPPED_WHOLE[kind]} cannot be read here")
    return kind


def _scan_bytes(source: Source, report: Collector, depth: int) -> None:
    scan_source(source, report, "", depth)


def _scan_image(source: Source, report: Collector, depth: int) -> None:
    """Nothing in an image is run; an archive behind it would be."""
    if b"PK\x05\x06" in source.read_at(max(0, source.size - 65_557), 65_557):
        report.add("content-mismatch", 0, "an archive stands behind the image")
        _scan_zip(source, report, depth)


def _scan_packed(source: Source, report: Collector, name: str, kind: str, depth: int) -> None:
    inner = PurePosixPath(name).stem if extension(name) in ("gz", "bz2", "xz", "lzma", "z") else ""
    if extension(name) == "tgz":
        inner = "tar"
    try:
        with spooled(_measured(unpacked_stream(source, kind, report), source.size),
                     _MOST_UNPACKED) as content:  # fmt: skip
            scan_source(content, report.inside("unpacked"), inner, depth + 1)
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


def _scan_zip(source: Source, report: Collector, depth: int) -> str:
    try:
        members = members_of(source, report)
    except ZipError as error:
        report.add("archive-malformed", 0, f"it {error}")
        _scan_start_of_broken(source, report, depth)
        return "zip"
    _check_names([member.name for member in members], report)
    root = torch_root([member.name for member in members])
    for member in members:
        _scan_member(source, member, report.inside(member.name), root, members, depth)
    return "torch-zip" if root is not None else "zip"


def _scan_start_of_broken(source: Source, report: Collector, depth: int) -> None:
    """The first member of an archive without a directory, which streaming readers still see."""
    report.add("not-examined", 0, "its members could not all be found")


def _scan_member(
    source: Source, member: Member, report: Collector, root: str | None,
    members: list[Member], depth: int,
) -> None:  # fmt: skip
    if member.name.endswith("/") and not member.size:
        return
    if (member.mode & 0o170000) == 0o120000:
        target = source.read_at(member.data, min(member.packed, 4096)).decode("utf-8", "replace")
        if member.method or _escapes(target):
            report.add("archive-path-escapes", 0, f"it is a link to {ascii(target)[:200]}")
        return
    try:
        if member.method == 0:
            content = source.part(member.data, member.packed)
            _check_sizes(member, content.size, report)
            _scan_content(content, report, member.name, root, depth)
            _check_crc(member, content.chunks(), report)
            return
        with spooled(_measured(unpacked(source, member), member.packed), _MOST_UNPACKED) as content:
            _check_sizes(member, content.size, report)
            _scan_content(content, report, member.name, root, depth)
            _check_crc(member, content.chunks(), report)
    except ZipError as error:
        report.add("archive-malformed", member.header, f"the archive {error}")
    except TooLargeError as error:
        report.add("archive-bomb", member.header, error.message)


def _scan_content(
    content: Source, report: Collector, name: str, root: str | None, depth: int
) -> None:
    if root is None or not scan_torch_member(content, report, name, root, _scan_bytes, depth + 1):
        scan_source(content, report, name, depth + 1)


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
        if _escapes(name):
            inside.add("archive-path-escapes", 0, "its name leads out of the folder")


def _escapes(name: str) -> bool:
    windows = PureWindowsPath(name)
    return ".." in windows.parts or bool(windows.anchor) or name.startswith("/")


def _scan_foreign(kind: str, source: Source, report: Collector, depth: int) -> None:
    """7z and RAR, which loaders of models do not read, but people unpack."""

    def scan(part: Source, inside: Collector, name: str) -> None:
        scan_source(part, inside, name, depth + 1)

    if kind == "rar":
        names = scan_rar(source, report, scan)
    else:
        names = scan_seven(source, report, scan, _measured, _MOST_UNPACKED)
    _check_names(names, report)


def _scan_tar(source: Source, report: Collector, depth: int) -> None:
    members = list(tar_members(source, report))
    _check_names([member.name for member in members], report)
    if is_torch_tar([member.name for member in members]):
        scan_torch_tar(source, members, report, _scan_bytes, depth)
        return
    for member in members:
        inside = report.inside(member.name)
        if member.kind == "link" and _escapes(member.target):
            inside.add(
                "archive-path-escapes", member.data, f"a link to {ascii(member.target)[:99]}"
            )
        elif member.kind == "other":
            inside.add("archive-path-escapes", member.data, "it is a device, pipe or the like")
        elif member.kind == "file":
            scan_source(source.part(member.data, member.size), inside, member.name, depth + 1)
