"""Models of one's own: their attestation, and what tuning did to them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyrian.errors import InputError
from tyrian.supply.attest import dsse
from tyrian.supply.attest.model_signing import envelope_of, is_bundle
from tyrian.supply.attest.places import ATTESTATION, attestation_path
from tyrian.supply.attest.regression import Regression, Tolerance, regression_of
from tyrian.supply.attest.statement import at, parse_statement
from tyrian.supply.attest.verify import Expected, verify_training
from tyrian.supply.gate.finding import GateFinding, Place, found
from tyrian.supply.gate.model.comparison import judge_comparison, plain, read_comparison
from tyrian.supply.gate.model.lock import LockFile
from tyrian.supply.lock.lock import LockedModel

if TYPE_CHECKING:
    from tyrian.supply.attest.keys import Verifier

_SHOWN = 3
_ROLES = ("base", "tuned")
COMPARISON = ".comparison.json"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the gate was told of keys and tolerances."""

    verifiers: "Sequence[Verifier]"
    tolerance: Tolerance


def judge_own_models(
    locks: Sequence[LockFile], attestations: Sequence[str], root: Path, rules: Rules
) -> Iterator[GateFinding]:
    """Models that no repository published: of the locks, and those that are only attested."""
    told: set[str] = set()
    for lock in locks:
        for model in lock.lock.models if lock.lock is not None else ():
            path = _attestation_of(lock, model, root)
            if path in attestations:
                told.add(path)
                yield from judge_attestation(path, root, rules, model.name)
            elif not model.repository:
                why = f"{model.name} comes from no repository, and there is no {path}"
                yield found(lock.place(model), "attestation-missing", model.name, why)
    for path in attestations:
        if path not in told:
            yield from judge_attestation(path, root, rules)


def _attestation_of(lock: LockFile, model: LockedModel, root: Path) -> str:
    below = (root / lock.path).parent
    directory = below / (model.directory or model.name.rpartition("/")[2])
    whole = attestation_path(directory)
    base = root.resolve()
    return whole.relative_to(base).as_posix() if whole.is_relative_to(base) else whole.as_posix()


def judge_attestation(path: str, root: Path, rules: Rules, name: str = "") -> Iterator[GateFinding]:
    """What is wrong with an attestation, its model, and the evaluations that it links."""
    place = Place(path)
    directory = root / path.removesuffix(ATTESTATION)
    subject = name or directory.name
    try:
        data = dsse.read_bytes(root / path)
        envelope = envelope_of(data, path) if is_bundle(data) else dsse.decode(data, path)
        opened = dsse.Opened(dsse.payload_of(envelope), envelope.payloadType, "")
        statement = parse_statement(opened)
    except InputError as error:
        yield found(place, "not-examined", subject, error.message)
        return
    if not rules.verifiers:
        why = f"whether {path} is genuine cannot be told"
        yield found(place, "attestation-unverified", subject, why)
    elif directory.is_dir():
        yield from _verified(place, envelope, directory, rules, subject)
    else:
        try:
            dsse.open_envelope(envelope, rules.verifiers)
        except InputError as error:
            yield found(place, "attestation-mismatch", subject, error.message)
    if _base_of(statement):
        yield from _evaluations(place, statement, root, rules, subject)


def _verified(
    place: Place, envelope: dsse.Envelope, directory: Path, rules: Rules, subject: str
) -> Iterator[GateFinding]:
    try:
        checked = verify_training(envelope, rules.verifiers, Expected(directory))
    except InputError as error:
        yield found(place, "attestation-mismatch", subject, error.message)
        return
    for one in checked.mismatches[:_SHOWN]:
        said, is_now = one.said or "nothing", one.found or "nothing"
        why = f"{one.subject}: attested {said[:80]}, found {is_now[:80]}"
        yield found(place, "attestation-mismatch", subject, why)
    if (more := len(checked.mismatches) - _SHOWN) > 0:
        why = f"{more} things more do not match"
        yield found(place, "attestation-mismatch", subject, why)


def _base_of(statement: Mapping[str, Any]) -> str:
    """The base model that a statement names; empty for a model that was trained anew."""
    rows = at(statement, "predicate", "buildDefinition", "resolvedDependencies")
    for row in rows if isinstance(rows, list) else ():
        if at(row, "annotations", "role") == "base":
            return str(at(row, "name") or "the base model")
    return ""


def _evaluations(
    place: Place, statement: Mapping[str, Any], root: Path, rules: Rules, subject: str
) -> Iterator[GateFinding]:
    rows = at(statement, "predicate", "runDetails", "byproducts")
    benchmarks: dict[str, set[str]] = {role: set() for role in _ROLES}
    for row in rows if isinstance(rows, list) else ():
        role = at(row, "annotations", "role")
        if role in benchmarks and at(row, "digest", "sha256"):
            benchmarks[role].add(str(at(row, "annotations", "benchmark") or ""))
    missing = [role for role in _ROLES if not benchmarks[role]]
    if missing:
        base = _base_of(statement)
        told = " and of ".join(f"the {role} model" for role in missing)
        why = f"{subject} was tuned from {base}, and no run of {told} is attested"
        yield found(place, "evaluation-missing", subject, why)
        return
    for name in sorted(benchmarks["base"] ^ benchmarks["tuned"]):
        role = "tuned" if name in benchmarks["base"] else "base"
        why = f"{name} was run on one model alone, and not on the {role} model"
        yield found(place, "evaluation-missing", subject, why)
    yield from _comparison(place, statement, root, rules, subject, benchmarks)


def _comparison(
    place: Place,
    statement: Mapping[str, Any],
    root: Path,
    rules: Rules,
    subject: str,
    benchmarks: Mapping[str, set[str]],
) -> Iterator[GateFinding]:
    try:
        comparison = regression_of(statement)
    except InputError as error:
        yield found(place, "attestation-mismatch", subject, error.message)
        return
    beside = place.path.removesuffix(ATTESTATION) + COMPARISON
    if comparison is None and (root / beside).is_file():
        place = Place(beside)
        comparison = _beside(root / beside)
        if comparison is None:
            why = f"{beside} is no output of tyrian eval compare --format json"
            yield found(place, "not-examined", subject, why)
            return
    if comparison is None:
        why = f"{subject} has runs of both; their comparison is neither attested nor in {beside}"
        yield found(place, "evaluation-not-compared", subject, why)
        return
    compared = {plain(change) for change in comparison.changes}
    for name in sorted((benchmarks["base"] & benchmarks["tuned"]) - compared - {""}):
        why = f"{name} was run on both models, and the comparison leaves it out"
        yield found(place, "evaluation-not-compared", subject, why)
    yield from judge_comparison(place, subject, comparison, rules.tolerance)


def _beside(path: Path) -> Regression | None:
    try:
        return read_comparison(json.loads(dsse.read_bytes(path)))
    except (ValueError, InputError, RecursionError):
        return None
