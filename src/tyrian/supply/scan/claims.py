"""Files that hold nothing but the numbers of another: who says so, and whether it is all of them.

ONNX keeps large tensors in files beside the model, TensorFlow in shards beside their index. Such
files have no mark of their own, so they are clean only where another file claims every byte.
"""

import os
import stat
from pathlib import Path

from tyrian.supply.scan.finding import Collector, Outcome, ScanReport

UNKNOWN = "unknown"
_MOST_PADDING = 1 << 16


def check_claims(folder: Path, report: Collector) -> None:
    """Whether what a file claims lies beside it, as itself and long enough."""
    for claim in report.claims:
        try:
            found = os.stat(folder / claim.name)
            own = os.lstat(folder / claim.name)
        except (OSError, ValueError):
            told = f"its numbers lie in {claim.name[:160]!r}, which is not there"
            report.add("not-examined", 0, told)
            continue
        if found.st_size < claim.end or not stat.S_ISREG(found.st_mode):
            told = (
                f"{claim.name[:160]!r} has {found.st_size} bytes of the {claim.end} that it needs"
            )
            report.add("claimed-data", 0, told)
        elif found.st_nlink > 1 and not stat.S_ISLNK(own.st_mode):
            told = f"{claim.name[:160]!r} is a hard link to a file that has other names"
            report.add("claimed-data", 0, told)


def note_claims(report: ScanReport, ends: dict[str, int]) -> None:
    """Keep what a report claims, by absolute path."""
    folder = os.path.dirname(os.path.abspath(report.path))
    for claim in report.claims:
        place = os.path.normpath(os.path.join(folder, claim.name))
        ends[place] = max(ends.get(place, 0), claim.end)


def is_unknown(report: ScanReport) -> bool:
    """Whether the only thing said of a file is that its content has no mark."""
    return report.kind == UNKNOWN and report.outcome is Outcome.NOT_EXAMINED


def settled(report: ScanReport, ends: dict[str, int]) -> ScanReport:
    """The report of a file without a mark, once all who could claim it were read."""
    end = ends.get(os.path.abspath(report.path))
    if end is None or not _is_padding(Path(report.path), end, report.size):
        return report
    return report._replace(outcome=Outcome.CLEAN, findings=(), kind="tensor-data")


def _is_padding(path: Path, start: int, end: int) -> bool:
    """Whether nothing but zeros stands between the last number and the end of the file."""
    if not 0 <= end - start <= _MOST_PADDING:
        return False
    with path.open("rb") as file:
        file.seek(start)
        return not file.read(_MOST_PADDING).strip(b"\0")
