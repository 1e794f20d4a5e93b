"""From paths to files: links are not followed out, and what is no file is told."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from tyrian.supply.scan.claims import is_unknown, note_claims, settled
from tyrian.supply.scan.finding import Collector, ScanReport, TextJudge
from tyrian.supply.scan.names import check_name
from tyrian.supply.scan.scanner import scan_file

_SKIPPED = frozenset({".git"})
"""Folders of version control: their content is that of the files beside them, packed."""


def scan_paths(
    paths: Iterable[Path], judge: TextJudge | None = None, *, is_hashed: bool = False
) -> Iterator[ScanReport]:
    """A report for each file, in order of their names; each file once. `judge` reads texts too.

    Files that may be the numbers of others come last, when all others were read.
    """
    ends: dict[str, int] = {}
    unknown: list[ScanReport] = []
    for report in _reports(paths, _Walk(judge, is_hashed)):
        note_claims(report, ends)
        if is_unknown(report):
            unknown.append(report)
        else:
            yield report
    yield from (settled(report, ends) for report in unknown)


class _Walk:
    """What is the same for all files of a scan."""

    __slots__ = ("is_hashed", "judge", "seen")

    def __init__(self, judge: TextJudge | None, is_hashed: bool) -> None:
        self.judge = judge
        self.is_hashed = is_hashed
        self.seen: set[str] = set()


def _reports(paths: Iterable[Path], walk: _Walk) -> Iterator[ScanReport]:
    for path in paths:
        if path.is_dir():
            yield from _scan_folder(path, path.resolve(), walk)
        else:
            yield from _scan_entry(path, None, walk)


def size_of(paths: Iterable[Path]) -> int:
    """Bytes of all files, as far as they can be seen."""
    return sum(
        os.path.getsize(file)
        for path in paths
        for file in (_files(path) if path.is_dir() else [path])
        if file.is_file()
    )


def _files(folder: Path) -> Iterator[Path]:
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        yield from (Path(base, name) for name in names)


def _scan_folder(folder: Path, root: Path, walk: _Walk) -> Iterator[ScanReport]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield _unreadable(folder, error)
        return
    for entry in entries:
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name in _SKIPPED:
                continue
            report = Collector(str(path))
            check_name(entry.name, report)
            if report.findings:
                yield report.report(0, "folder")
            yield from _scan_folder(path, root, walk)
        else:
            yield from _scan_entry(path, root, walk)


def _scan_entry(path: Path, root: Path | None, walk: _Walk) -> Iterator[ScanReport]:
    if (place := os.path.abspath(path)) in walk.seen:
        return
    walk.seen.add(place)
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            target = path.resolve()
            if root is not None and not target.is_relative_to(root) and not _is_hub(target, root):
                report = Collector(str(path))
                report.add("link-leaves-directory", 0, f"it leads to {ascii(str(target))[:200]}")
                yield report.report(0, "link")
                return
            if target.is_dir():  # its files are met where they lie
                return
            found, told = target.stat(), str(path)
        else:
            target, told = path, str(path)
    except (OSError, RuntimeError) as error:
        yield _unreadable(path, error)
        return
    if not stat.S_ISREG(found.st_mode):
        report = Collector(told)
        report.add("not-examined", 0, "it is a pipe, socket or device")
        yield report.report(0, "special")
        return
    yield scan_file(target, told, path.name, walk.judge, is_hashed=walk.is_hashed)


def _is_hub(target: Path, root: Path) -> bool:
    """The hub's cache keeps a snapshot's files in `blobs` beside `snapshots`."""
    return root.parent.name == "snapshots" and target.parent == root.parent.parent / "blobs"


def _unreadable(path: Path, error: BaseException) -> ScanReport:
    report = Collector(str(path))
    why = getattr(error, "strerror", None) or str(error) or "it cannot be read"
    report.add("file-unreadable", 0, why)
    return report.report(0, "")
