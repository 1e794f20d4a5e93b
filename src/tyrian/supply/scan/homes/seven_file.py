"""7z archives: unpacked folder by folder, and every file in them scanned."""

from collections.abc import Callable, Iterable, Iterator

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.seven.coders import SevenError
from tyrian.supply.scan.seven.header import Entry, Folder, read_header, unpack_folder
from tyrian.supply.scan.source import Source, TooLargeError, spooled

_LINK = 0o120000

ScanMember = Callable[[Source, Collector, str], None]
Measured = Callable[[Iterable[bytes], int], Iterable[bytes]]
"""Gives the chunks on, until they have grown beyond what data does."""


def scan_seven(
    source: Source, report: Collector, scan: ScanMember, measured: Measured, most: int
) -> list[str]:
    """Scan all files; gives their names, so that these can be judged."""
    entries: list[Entry] = []
    try:
        folders, entries, end = read_header(source)
        if end != source.size:
            told = f"{source.size - end} bytes follow after the 7z archive"
            report.add("archive-readers-disagree", end, told)
        for number, folder in enumerate(folders):
            own = [entry for entry in entries if entry.folder == number]
            _scan_folder(source, folder, own, report, scan, measured, most)
    except SevenError as error:
        rule = "archive-malformed"
        if error.is_hidden:
            rule = "archive-encrypted"
        elif error.is_unread:
            rule = "not-examined"
        report.add(rule, 0, f"the 7z archive {error}")
    except TooLargeError as error:
        report.add("archive-bomb", 0, error.message)
    return [entry.name for entry in entries]


def _scan_folder(
    source: Source, folder: Folder, entries: list[Entry], report: Collector,
    scan: ScanMember, measured: Measured, most: int,
) -> None:  # fmt: skip
    chunks: Iterator[bytes] = unpack_folder(source, folder)
    with spooled(measured(chunks, folder.packed), most) as content:
        for entry in entries:
            part = content.part(entry.offset, entry.size)
            inside = report.inside(entry.name)
            if entry.mode & 0o170000 == _LINK:
                target = part.read_at(0, 4096).decode("utf-8", "replace")
                inside.add("archive-path-escapes", 0, f"a link to {ascii(target)[:99]}")
            else:
                scan(part, inside, entry.name)
