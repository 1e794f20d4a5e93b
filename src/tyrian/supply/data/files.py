"""Which files of a path are data, of which format, and under which name."""

import os
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from tyrian.errors import ConfigError
from tyrian.supply.data.finding import DataFinding


class Kind(StrEnum):
    """The formats of data."""

    JSONL = "jsonl"
    JSONL_GZ = "jsonl.gz"
    JSONL_ZST = "jsonl.zst"
    JSON = "json"
    """One array of objects."""
    CSV = "csv"
    TSV = "tsv"
    PARQUET = "parquet"
    ARROW = "arrow"
    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    PDF = "pdf"
    DOCX = "docx"


DOCUMENTS = frozenset({Kind.TEXT, Kind.MARKDOWN, Kind.HTML, Kind.PDF, Kind.DOCX})
"""Files that are one row each."""
LINES = frozenset({Kind.JSONL, Kind.JSONL_GZ, Kind.JSONL_ZST})

_ENDINGS: tuple[tuple[str, Kind], ...] = (
    (".jsonl.gz", Kind.JSONL_GZ),
    (".ndjson.gz", Kind.JSONL_GZ),
    (".jsonl.zst", Kind.JSONL_ZST),
    (".ndjson.zst", Kind.JSONL_ZST),
    (".jsonl", Kind.JSONL),
    (".ndjson", Kind.JSONL),
    (".json", Kind.JSON),
    (".csv", Kind.CSV),
    (".tsv", Kind.TSV),
    (".parquet", Kind.PARQUET),
    (".arrow", Kind.ARROW),
    (".feather", Kind.ARROW),
    (".txt", Kind.TEXT),
    (".md", Kind.MARKDOWN),
    (".markdown", Kind.MARKDOWN),
    (".html", Kind.HTML),
    (".htm", Kind.HTML),
    (".xhtml", Kind.HTML),
    (".pdf", Kind.PDF),
    (".docx", Kind.DOCX),
)
_ABOUT = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"})
"""What Hugging Face's `datasets` writes beside the data."""


class DataFile(msgspec.Struct, frozen=True):
    """A file with rows."""

    place: str
    """Where it lies."""
    name: str
    """What it is called in reports: relative to the directory that was named, with `/`."""
    kind: Kind


class Found(msgspec.Struct):
    """The files of some paths, and what is to be said of others there."""

    files: list[DataFile]
    faults: list[DataFinding]


def find_files(paths: Sequence[Path]) -> Found:
    """All data files in the order of their names; ConfigError where two would share a name."""
    found = Found([], [])
    is_alone = len(paths) == 1
    for path in paths:
        if path.is_dir():
            prefix = "" if is_alone else f"{path.resolve().name}/"
            _add_folder(path, prefix, found)
        elif path.exists():
            _add(path, path.name, found)
        else:
            raise ConfigError(f"there is no file {str(path)!r}", hint="name what is there")
    _check_names(found.files)
    found.files.sort(key=lambda file: file.name)
    return found


def _check_names(files: Iterable[DataFile]) -> None:
    known: dict[str, str] = {}
    for file in files:
        if known.setdefault(file.name, file.place) != file.place:
            raise ConfigError(
                f"{known[file.name]} and {file.place} would both be called {file.name}",
                hint="name the directory above both",
            )


def _add_folder(folder: Path, prefix: str, found: Found) -> None:
    root = folder.resolve()
    for path in _walk(folder):
        name = prefix + path.relative_to(folder).as_posix()
        if path.name in _ABOUT:
            _check_shards(path, name, found)
            continue
        if path.is_symlink() and not _stays(path, root):
            found.faults.append(_fault(name, "it is a link that leaves the directory"))
            continue
        _add(path, name, found)


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder, without names with a dot first, as loaders do."""
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(base, name) for name in sorted(names) if not name.startswith("."))


def _stays(path: Path, root: Path) -> bool:
    """The hub's cache keeps a snapshot's files in `blobs` beside `snapshots`."""
    target = path.resolve()
    is_hub = root.parent.name == "snapshots" and target.parent == root.parent.parent / "blobs"
    return is_hub or target.is_relative_to(root)


def _check_shards(path: Path, name: str, found: Found) -> None:
    """What `save_to_disk` says it wrote must be there."""
    if path.name != "state.json":
        return
    try:
        told = msgspec.json.decode(path.read_bytes(), type=_State)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        found.faults.append(_fault(name, f"it does not tell the files of the dataset: {error}"))
        return
    for one in told.data_files:
        if not (path.parent / one.filename).is_file():
            found.faults.append(_fault(name, f"it names {one.filename!a}, which is not there"))


class _Shard(msgspec.Struct):
    filename: str


class _State(msgspec.Struct):
    data_files: list[_Shard] = msgspec.field(name="_data_files", default_factory=list)


def _add(path: Path, name: str, found: Found) -> None:
    if not path.is_file():
        found.faults.append(_fault(name, "it is no file: a broken link, a pipe or a device"))
        return
    kind = next((kind for end, kind in _ENDINGS if name.lower().endswith(end)), None)
    if kind is None:
        found.faults.append(_fault(name, "it is of no format that is known by its name"))
        return
    if kind is Kind.JSON and _first(path) == b"{":
        kind = Kind.JSONL
    found.files.append(DataFile(os.path.abspath(path), name, kind))


def _first(path: Path) -> bytes:
    """The first byte that is no white space."""
    try:
        with path.open("rb") as file:
            return file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    except OSError:
        return b""


def _fault(name: str, why: str) -> DataFinding:
    return DataFinding(rule="file-unread", file=name, why=why)
