"""From a dataset to its manifest, and back: what is not as the manifest has it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tyrian.errors import InputError
from tyrian.supply.data.compare import Change, ChangeKind, changes
from tyrian.supply.data.engine import Engine, run_local
from tyrian.supply.data.examine import Job
from tyrian.supply.data.files import DataFile, find_files
from tyrian.supply.data.finding import DataFinding
from tyrian.supply.data.manifest import (
    Entry,
    Manifest,
    ManifestFile,
    Writer,
    check_root,
    decode_entry,
    read_lines,
    read_manifest,
)
from tyrian.supply.data.sources import SourceList
from tyrian.supply.data.units import units_of
from tyrian.supply.lock.digest import FileFaultError, digest_file


def write_manifest(
    paths: Sequence[Path],
    target: Path,
    sources: SourceList = SourceList(),  # noqa: B008  it is frozen
    engine: Engine = run_local,
) -> tuple[Manifest, list[DataFinding]]:
    """Write the manifest of all rows that can be read; what is to be said of the others."""
    found = find_files(paths)
    faults = list(found.faults)
    rows: dict[str, int] = {}
    unread: dict[str, int] = {}
    job = Job(sources=sources, wants_digests=True, is_strict=False)
    try:
        writer = Writer(target)
    except OSError as error:
        raise InputError(f"{target}: {error.strerror}", hint="name another file") from None
    try:
        for made in engine(list(units_of(found.files)), job):
            faults += made.findings
            rows[made.file] = rows.get(made.file, 0) + len(made.rows)
            unread[made.file] = unread.get(made.file, 0) + made.unread
            for row, digest, (source, licence) in zip(
                made.rows, made.digests, made.origins, strict=True
            ):
                writer.add(Entry(made.file, row, digest.hex(), source, licence))
        files = [_described(file, rows, unread) for file in found.files]
        return writer.finish(files), faults
    except BaseException:
        writer.abandon()
        raise


def _described(file: DataFile, rows: dict[str, int], unread: dict[str, int]) -> ManifestFile:
    try:
        digest = digest_file(file.place)
    except FileFaultError as error:
        raise InputError(f"{file.name}: {error.message}") from None
    return ManifestFile(
        file.name,
        str(file.kind),
        digest.size,
        digest.sha256,
        rows.get(file.name, 0),
        unread.get(file.name, 0),
    )


def verify_manifest(
    path: Path, paths: Sequence[Path], engine: Engine = run_local
) -> Iterator[Change | DataFinding]:
    """Each row that is not as the manifest has it, and what cannot be read.

    ManifestError where the manifest itself does not hold together.
    """
    head = read_manifest(path)
    check_root(path, head)
    found = find_files(paths)
    yield from found.faults
    before: dict[str, list[tuple[int, bytes]]] = {}
    for line in read_lines(path, head):
        entry = decode_entry(line)
        before.setdefault(entry.file, []).append((entry.row, bytes.fromhex(entry.digest)))
    job = Job(wants_digests=True, is_strict=False)
    after: list[tuple[int, bytes]] = []
    current = ""
    for made in engine(list(units_of(found.files)), job):
        if made.file != current:
            if current:
                yield from changes(current, before.pop(current, []), after)
            current, after = made.file, []
        yield from made.findings
        after += zip(made.rows, made.digests, strict=True)
    if current:
        yield from changes(current, before.pop(current, []), after)
    for file, rows in before.items():
        yield from (Change(ChangeKind.MISSING, file, row) for row, _ in rows)
