"""Reads the evidence on a candidate, and ties each piece to the model's bytes where it can."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from tyrian.errors import ConfigError, InputError
from tyrian.supply.attest.files import digest_of
from tyrian.supply.attest.keys import Verifier, read_verifier
from tyrian.supply.lock.lock import LockedModel, lock_bytes, parse
from tyrian.supply.lock.signature import check_signature
from tyrian.supply.lock.verify import expiry, verify_model
from tyrian.supply.report.documents import bom, findings, scan
from tyrian.supply.report.evidence import Dossier, Evidence, Measured, Stand
from tyrian.supply.report.request import Candidate
from tyrian.supply.report.training import runs, training


@dataclass(slots=True)
class Known:
    """What was found out on the way."""

    root: Path
    keys: tuple[Verifier, ...]
    as_of: date | None
    model: LockedModel | None = None
    digest: str = ""
    scanned: dict[str, int] = field(default_factory=dict)
    """Sizes of examined files by SHA-256."""
    attested_runs: frozenset[str] = frozenset()
    """SHA-256 of the results that an attestation names."""
    measured: list[Measured] = field(default_factory=list)


def gather(candidate: Candidate, root: Path, as_of: date | None = None) -> Dossier:
    """All evidence on a candidate; ConfigError, InputError where a file cannot be read."""
    keys = tuple(read_verifier(root / one) for one in candidate.keys)
    known = Known(root, keys, as_of)
    found = list(_all(candidate, known))
    model = known.model
    files = model.files if model else ()
    return Dossier(
        name=candidate.name,
        digest=known.digest,
        approver=model.approver if model else "",
        approved_at=model.approved_at if model else "",
        source=f"{model.repository}@{model.commit}" if model and model.repository else "",
        licence=model.licence if model else "",
        files=len(files),
        size=sum(file.size for file in files),
        scanned=sum(file.size for file in files if file.sha256 in known.scanned),
        evidence=tuple(found),
        measured=tuple(known.measured),
    )


def _all(candidate: Candidate, known: Known) -> Iterator[Evidence]:
    if candidate.lock:
        yield _lock(candidate, known)
    if candidate.directory:
        yield _files(candidate, known)
    for name in candidate.scan:
        yield scan(known.root, name, known.model, known.scanned)
    for name in candidate.bom:
        yield bom(known.root, name, known.digest)
    if candidate.attestation:
        told, known.attested_runs = training(
            known.root, candidate.attestation, known.digest, known.keys
        )
        yield from told
    for name in candidate.evaluations:
        yield from runs(known.root, name, known.attested_runs, known.measured)
    for name in candidate.data_scan:
        yield findings(known.root, name, "data-scan")
    for name in candidate.gate:
        yield findings(known.root, name, "gate")
    for row, name in sorted(candidate.documents.items()):
        yield _document(row, name, known)


def _lock(candidate: Candidate, known: Known) -> Evidence:
    data = lock_bytes(known.root / candidate.lock)
    name = candidate.locked_as or candidate.name
    model = parse(data, candidate.lock).model(name)
    if model is None:
        raise ConfigError(f"{candidate.lock} has no model {name!r}", hint="name it with locked_as")
    known.model, known.digest = model, model.digest
    told = [f"approved by {model.approver} at {model.approved_at}"]
    if model.repository:
        told.append(f"from {model.repository}@{model.commit}")
    told.append(f"licence {model.licence}" if model.licence else "no licence is told")
    if model.expires:
        told.append(f"the approval ends on {model.expires}")
    over = expiry(model, known.as_of) if known.as_of else []
    told += [fault.why for fault in over]
    stand = Stand.AGAINST if over else Stand.FOR
    if known.keys:
        faults = check_signature(known.root / candidate.lock, data, known.keys)
        told += [fault.why for fault in faults] or ["signed by a key that was given"]
        stand = Stand.OPEN if faults and stand is Stand.FOR else stand
    return Evidence(
        kind="lock",
        name=candidate.lock,
        digest=digest_of(known.root / candidate.lock),
        stand=stand,
        told=tuple(told),
        bound="it says which bytes the model is",
    )


def _files(candidate: Candidate, known: Known) -> Evidence:
    place = known.root / candidate.directory
    if not place.is_dir():
        raise ConfigError(f"there is no directory {candidate.directory!r} of {candidate.name}")
    if known.model is None:
        known.digest = digest_of(place)
        told: tuple[str, ...] = ("hashed; no lock says which bytes were approved",)
        stand, bound = Stand.OPEN, ""
    else:
        checked = verify_model(place, known.model, today=known.as_of or date.min)
        faults = [f"{one.path}: {one.kind}, {one.why}" for one in checked.faults]
        told = tuple(faults[:20]) or (f"all {checked.files} files are as approved",)
        if len(faults) > 20:
            told += (f"{len(faults) - 20} more",)
        stand, bound = (Stand.AGAINST if faults else Stand.FOR), "every byte was read"
    return Evidence(
        kind="files",
        name=candidate.directory,
        digest=digest_of(place),
        stand=stand,
        told=told,
        bound=bound,
    )


def _document(row: str, name: str, known: Known) -> Evidence:
    path = known.root / name
    if not path.is_file():
        raise InputError(f"there is no document {name!r} for {row}")
    return Evidence(
        kind=f"document:{row}",
        name=name,
        digest=digest_of(path),
        stand=Stand.FOR,
        told=("given by who asked for the report; its words were not judged",),
    )
