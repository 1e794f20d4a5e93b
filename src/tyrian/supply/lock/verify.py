"""Compare a directory with what was approved, byte by byte."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tyrian.supply.lock.digest import Advance, Digests, digest_all
from tyrian.supply.lock.fault import UNREAD, Fault, FaultKind
from tyrian.supply.lock.lock import LockedFile, LockedModel
from tyrian.supply.lock.walk import FoundFile, Walked, walk

if TYPE_CHECKING:
    from tyrian.supply.lock.cache import Cache


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check found."""

    faults: tuple[Fault, ...]
    files: int
    """Files that were compared."""
    cached: int = 0
    """Of these, how many were not read but remembered."""

    @property
    def is_unread(self) -> bool:
        """Whether something could not be read, and nothing else is wrong."""
        return bool(self.faults) and all(fault.kind in UNREAD for fault in self.faults)


def verify_model(
    directory: Path,
    model: LockedModel,
    *,
    left_out: frozenset[str] = frozenset(),
    cache: "Cache | None" = None,
    advance: Advance = lambda _: None,
    today: date | None = None,
) -> Verified:
    """Every way in which a directory differs from its approval; reads every byte without a cache.

    Files whose size differs already are not read: they are modified.
    """
    walked = walk(directory, left_out)
    locked = {file.path: file for file in model.files}
    alike = [file for file in walked.files if not _is_told_by_size(file, locked.get(file.path))]
    digests = digest_all(alike, advance, cache)
    faults = [
        *walked.faults,
        *digests.faults,
        *_differences(walked, locked, digests),
        *expiry(model, today),
    ]
    told = {fault.path for fault in (*walked.faults, *digests.faults)}
    faults = [
        fault for fault in faults if fault.kind is not FaultKind.MISSING or fault.path not in told
    ]
    cached = sum(digest.is_cached for digest in digests.known.values())
    return Verified(tuple(sorted(faults, key=_order)), len(walked.files), cached)


def _order(fault: Fault) -> tuple[str, str]:
    return fault.path, fault.kind


def _is_told_by_size(file: FoundFile, locked: LockedFile | None) -> bool:
    return locked is not None and bool(locked.sha256) and locked.size != file.size


def _differences(walked: Walked, locked: dict[str, LockedFile], digests: Digests) -> list[Fault]:
    here = {file.path: file for file in walked.files}
    faulty = {fault.path for fault in digests.faults}
    missing = {path: file for path, file in locked.items() if path not in here}
    by_digest = {file.sha256: path for path, file in missing.items() if file.sha256}
    faults = []
    for path, file in here.items():
        if path in faulty:
            continue
        approved = locked.get(path)
        found = digests.known.get(path)
        if approved is None:
            was = by_digest.pop(found.sha256, "") if found else ""
            if was:
                del missing[was]
                faults.append(Fault(FaultKind.MOVED, path, f"it was approved as {was}"))
            else:
                faults.append(Fault(FaultKind.UNEXPECTED, path, "it is not in the lock"))
        elif why := _difference(file, approved, found.sha256 if found else ""):
            faults.append(Fault(FaultKind.MODIFIED, path, why))
    faults += [
        Fault(FaultKind.MISSING, path, "it is in the lock, and not here") for path in missing
    ]
    return faults


def _difference(file: FoundFile, approved: LockedFile, sha256: str) -> str:
    if file.link != approved.link:
        told = [f"a link to {one}" if one else "a file" for one in (file.link, approved.link)]
        return f"it is {told[0]}, and {told[1]} was approved"
    if file.link:
        return ""
    if file.size != approved.size:
        return f"it has {file.size:,} bytes, and {approved.size:,} were approved"
    if sha256 != approved.sha256:
        return f"its SHA-256 is {sha256}, and {approved.sha256} was approved"
    return ""


def expiry(model: LockedModel, today: date | None = None) -> list[Fault]:
    """A fault where the approval no longer holds."""
    today = today or datetime.now(UTC).date()
    if not model.expires:
        return []
    try:
        is_over = date.fromisoformat(model.expires) < today
    except ValueError:
        return [Fault(FaultKind.EXPIRED, ".", f"the approval ends on {model.expires!r}, no date")]
    why = f"the approval by {model.approver} ended on {model.expires}"
    return [Fault(FaultKind.EXPIRED, ".", why)] if is_over else []
