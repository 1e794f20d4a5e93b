"""Datasets as parts: a file, a directory, or the manifest of their rows."""

from pathlib import Path
from types import MappingProxyType

import msgspec

from tyrian.errors import ConfigError, InputError
from tyrian.supply.aibom.models import files_below, tree_digest_of
from tyrian.supply.aibom.parts import DataPart, FilePart
from tyrian.supply.attest.dsse import read_bytes
from tyrian.supply.attest.files import digest_of
from tyrian.supply.data.manifest import MANIFEST_TYPE, read_manifest
from tyrian.supply.lock.digest import Advance, FileFaultError, digest_file

_MOST_MANIFEST = 1 << 28


def data_of(path: Path, name: str = "", advance: Advance = lambda _: None) -> DataPart:
    """The dataset at a path; a directory's digest is that which a lock or attestation has."""
    if not path.exists():
        raise ConfigError(f"there is no dataset {str(path)!r}", hint="--dataset NAME=PATH")
    title = name or path.resolve().name
    if path.is_dir():
        files = files_below(path, advance=advance)
        return DataPart(name=title, digest=tree_digest_of(files), files=files)
    if is_manifest(path):
        return _of_manifest(path, name)
    try:
        found = digest_file(str(path.resolve()), advance=advance)
    except FileFaultError as error:
        raise InputError(f"{path}: {error.message}") from None
    file = FilePart(path=path.name, sha256=found.sha256, size=found.size)
    return DataPart(name=title, digest=f"sha256:{found.sha256}", files=(file,))


def is_manifest(path: Path) -> bool:
    """Whether a file is the head of a manifest, as `tyrian data manifest` writes it."""
    if path.suffix != ".json" or path.stat().st_size > _MOST_MANIFEST:
        return False
    try:
        told = msgspec.json.decode(read_bytes(path))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("type") == MANIFEST_TYPE


def _of_manifest(path: Path, name: str) -> DataPart:
    head = read_manifest(path)
    unread = sum(one.unread for one in head.files)
    notes = {
        "merkle-root": head.root,
        "manifest": path.name,
        "entries-sha256": head.entries.sha256,
        "rows-not-read": str(unread) if unread else "",
    }
    by_source = [(one.source, one.licence, one.rows) for one in head.sources]
    for source, licence, rows in by_source:
        told = f"{rows} rows, {licence or 'no licence stated'}"
        notes[f"source {source}" if source else "source unknown"] = told
    return DataPart(
        name=name or path.name.removesuffix(".json"),
        digest=digest_of(path),
        rows=head.rows,
        licences=tuple(dict.fromkeys(licence for _, licence, _ in by_source if licence)),
        sources=tuple(dict.fromkeys(source for source, _, _ in by_source if source)),
        files=tuple(
            FilePart(path=one.name, sha256=one.sha256, size=one.size) for one in head.files
        ),
        notes=MappingProxyType({key: value for key, value in notes.items() if value}),
    )
