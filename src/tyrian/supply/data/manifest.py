"""The manifest of a dataset: every row's source, licence and digest under one Merkle root.

Two files: the head (`NAME.json`), which is small, and its entries (`NAME.rows.jsonl`), one row a
line in canonical JSON. A line's bytes are a leaf of the tree. docs/reference/data.md describes it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from tyrian.errors import InputError
from tyrian.supply.attest.dsse import read_bytes
from tyrian.supply.data.merkle import Hash, Root, inclusion_proof, is_included, leaf_hash
from tyrian.supply.lock.write import as_canonical, write_whole

MANIFEST_FORMAT = 1
MANIFEST_TYPE = "tyrian-dataset-manifest"
ROWS_ENDING = ".rows.jsonl"
_MOST_LINE = 1 << 16


class ManifestError(InputError):
    """A manifest that cannot be read, or is not what its own digests say."""


class Entry(msgspec.Struct, frozen=True):
    """One row: where it is, where it is from, and the SHA-256 of its canonical bytes."""

    file: str
    row: int
    digest: str
    """Hexadecimal."""
    source: str = ""
    licence: str = ""

    def line(self) -> bytes:
        """The entry's bytes, which are hashed as a leaf."""
        return as_canonical(msgspec.to_builtins(self))


class ManifestFile(msgspec.Struct, frozen=True):
    """One file of the dataset."""

    name: str
    format: str
    size: int
    sha256: str
    rows: int
    unread: int = 0
    """Rows that could not be read, which have no entry."""


class SourceCount(msgspec.Struct, frozen=True):
    """How many rows are of a source, under a licence."""

    source: str
    licence: str
    rows: int


class EntriesFile(msgspec.Struct, frozen=True):
    """The file with the entries, beside the head."""

    file: str
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The head of a manifest."""

    format: int = MANIFEST_FORMAT
    type: str = MANIFEST_TYPE
    rows: int
    root: str
    """`sha256:` and the Merkle root in hexadecimal."""
    entries: EntriesFile
    files: tuple[ManifestFile, ...]
    sources: tuple[SourceCount, ...]

    def encode(self) -> bytes:
        """The bytes of the head's file."""
        return msgspec.json.format(as_canonical(msgspec.to_builtins(self)), indent=1) + b"\n"


class Writer:
    """Writes entries as they come, and the head behind them."""

    def __init__(self, path: Path) -> None:
        """`path` is the head's; OSError where the entries cannot be written beside it."""
        self._path = path
        self._rows_path = rows_path(path)
        self._partial = self._rows_path.with_name(f".{self._rows_path.name}.part")
        self._file: IO[bytes] = self._partial.open("wb")
        self._root = Root()
        self._sha256 = hashlib.sha256()
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, entry: Entry) -> None:
        """Append a row."""
        line = entry.line()
        self._file.write(line + b"\n")
        self._sha256.update(line + b"\n")
        self._root.add(leaf_hash(line))
        key = entry.source, entry.licence
        self._counts[key] = self._counts.get(key, 0) + 1

    def finish(self, files: Iterable[ManifestFile]) -> Manifest:
        """Write the head, which makes the manifest whole."""
        self._file.close()
        self._partial.replace(self._rows_path)
        made = Manifest(
            rows=self._root.size,
            root=f"sha256:{self._root.value().hex()}",
            entries=EntriesFile(self._rows_path.name, self._sha256.hexdigest()),
            files=tuple(files),
            sources=tuple(
                SourceCount(source, licence, count)
                for (source, licence), count in sorted(self._counts.items())
            ),
        )
        write_whole(self._path, made.encode())
        return made

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        self._partial.unlink(missing_ok=True)


def rows_path(path: Path) -> Path:
    """Where the entries of a head lie."""
    return path.with_name(path.name.removesuffix(".json") + ROWS_ENDING)


def read_manifest(path: Path) -> Manifest:
    """The head; ManifestError where the file is none."""
    try:
        found = msgspec.json.decode(read_bytes(path), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ManifestError(
            f"{path} is no manifest of a dataset: {error}", hint="tyrian data manifest writes one"
        ) from None
    if found.type != MANIFEST_TYPE or found.format != MANIFEST_FORMAT:
        raise ManifestError(f"{path} is a {found.type!r} of format {found.format}, not read here")
    return found


def read_lines(path: Path, head: Manifest) -> Iterator[bytes]:
    """The lines of the entries, whose digest must be the head's once all were read."""
    place = path.with_name(head.entries.file)
    if Path(head.entries.file).name != head.entries.file:
        raise ManifestError(f"{path} names entries in another directory")
    sha256 = hashlib.sha256()
    try:
        with place.open("rb") as file:
            while line := file.readline(_MOST_LINE):
                sha256.update(line)
                yield line.removesuffix(b"\n")
    except OSError as error:
        raise ManifestError(f"{place}: {error.strerror}") from None
    if sha256.hexdigest() != head.entries.sha256:
        raise ManifestError(
            f"{place} was changed since the manifest was written",
            hint="get it again, or write the manifest anew and compare the two",
        )


def decode_entry(line: bytes) -> Entry:
    """The entry of a line; ManifestError where it is none."""
    try:
        return msgspec.json.decode(line, type=Entry)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ManifestError(f"an entry cannot be read: {error}") from None


def check_root(path: Path, head: Manifest) -> list[Hash]:
    """The leaves of a manifest that is what its root says; ManifestError where it is not."""
    root = Root()
    leaves: list[Hash] = []
    for line in read_lines(path, head):
        leaves.append(leaf_hash(line))
        root.add(leaves[-1])
    if f"sha256:{root.value().hex()}" != head.root or root.size != head.rows:
        raise ManifestError(f"the entries of {path} do not give its root {head.root}")
    return leaves


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """That one row is in a dataset, for somebody who knows the root alone."""

    type: str = "tyrian-dataset-proof"
    root: str
    rows: int
    index: int
    """Of the row among all, from 0."""
    entry: Entry
    path: tuple[str, ...]
    """Hashes beside the way up, lowest first, in hexadecimal."""


def prove(path: Path, head: Manifest, file: str, row: int) -> Proof:
    """The proof of one row; ManifestError where the manifest has no such row."""
    leaves = check_root(path, head)
    for index, line in enumerate(read_lines(path, head)):
        entry = decode_entry(line)
        if entry.row == row and entry.file == file:
            hashes = tuple(one.hex() for one in inclusion_proof(leaves, index))
            return Proof(root=head.root, rows=head.rows, index=index, entry=entry, path=hashes)
    raise ManifestError(f"{path} has no row {row} of {file!r}", hint="rows count from 1")


def is_proven(proof: Proof, root: str) -> bool:
    """Whether a proof holds for a root that is known from elsewhere."""
    try:
        path = [bytes.fromhex(one) for one in proof.path]
        wanted = bytes.fromhex(root.removeprefix("sha256:"))
    except ValueError:
        return False
    leaf = leaf_hash(proof.entry.line())
    return is_included(leaf, proof.index, proof.rows, path, wanted)
