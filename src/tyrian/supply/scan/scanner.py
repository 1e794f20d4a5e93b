"""Scans one file by its content, and everything inside of it, without loading any of it."""

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tyrian.supply.scan.claims import check_claims
from tyrian.supply.scan.digest import Digest, hashed
from tyrian.supply.scan.finding import Collector, ScanReport, TextJudge
from tyrian.supply.scan.later import Later
from tyrian.supply.scan.names import check_name
from tyrian.supply.scan.sniff import EXPECTED, MESSAGES, PACKED, PICKLES, extension, kind_of
from tyrian.supply.scan.source import ChangedError, Source, opened

if TYPE_CHECKING:
    from tyrian.supply.scan.homes.archive import scan_archive
    from tyrian.supply.scan.homes.gguf_file import scan_gguf
    from tyrian.supply.scan.homes.hdf5_file import scan_hdf5
    from tyrian.supply.scan.homes.msgpack_file import scan_msgpack
    from tyrian.supply.scan.homes.numpy_file import scan_npy
    from tyrian.supply.scan.homes.pickle_file import scan_pickle_file
    from tyrian.supply.scan.homes.protobuf_file import scan_protobuf
    from tyrian.supply.scan.homes.safetensors_file import scan_safetensors
    from tyrian.supply.scan.homes.text_file import scan_text
    from tyrian.supply.scan.homes.tf_checkpoint import scan_checkpoint
    from tyrian.supply.scan.pickles.machine import Machine
else:
    scan_archive = Later("homes.archive:scan_archive")
    scan_gguf = Later("homes.gguf_file:scan_gguf")
    scan_hdf5 = Later("homes.hdf5_file:scan_hdf5")
    scan_msgpack = Later("homes.msgpack_file:scan_msgpack")
    scan_npy = Later("homes.numpy_file:scan_npy")
    scan_pickle_file = Later("homes.pickle_file:scan_pickle_file")
    scan_protobuf = Later("homes.protobuf_file:scan_protobuf")
    scan_safetensors = Later("homes.safetensors_file:scan_safetensors")
    scan_text = Later("homes.text_file:scan_text")
    scan_checkpoint = Later("homes.tf_checkpoint:scan_checkpoint")
    Machine = Later("pickles.machine:Machine")

_MOST_DEPTH = 8
_SAID = {"onnx": "onnx", "msgpack": "msgpack", "saved_model.pb": "saved-model"}
"""What is scanned as what its name says, since nothing else tells: a broken one is a finding."""
_ARCHIVES = frozenset({"zip", "tar", "7z", "rar", "image"})
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
    if kind in _ARCHIVES or kind in PACKED:
        return scan_archive(kind, source, report, name, depth, scan_source)
    if kind == "npy":
        scan_npy(source, report, _scan_bytes, depth)
    elif kind == "safetensors":
        scan_safetensors(source, report)
    elif kind == "hdf5":
        scan_hdf5(source, report, _scan_bytes, depth)
    elif kind in MESSAGES:
        scan_protobuf(kind, source, report)
    elif kind == "tf-checkpoint":
        scan_checkpoint(source, report, name)
    elif kind == "msgpack":
        scan_msgpack(source, report, _scan_bytes, depth)
    elif kind == "gguf":
        scan_gguf(source, report)
    elif kind == "text":
        scan_text(source, report, name)
    elif kind == "program":
        report.add("executable-file", 0, "it is a program")
    else:
        report.add("not-examined", 0, f"{_SKIPPED_WHOLE[kind]} cannot be read here")
    return kind


def _scan_bytes(source: Source, report: Collector, depth: int) -> None:
    scan_source(source, report, "", depth)
