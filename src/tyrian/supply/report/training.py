"""Evidence from attestations and from runs of evaluations."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tyrian.errors import InputError
from tyrian.supply.attest import dsse
from tyrian.supply.attest.keys import Verifier
from tyrian.supply.attest.materials import Evaluation, evaluations_below
from tyrian.supply.attest.regression import Tolerance, in_words, losses, regression_of
from tyrian.supply.attest.statement import at, parse_statement
from tyrian.supply.attest.training import BUILD_TYPE
from tyrian.supply.lock.write import as_canonical
from tyrian.supply.report.evidence import Evidence, Measured, Stand, text_of

_DEFINITION = ("predicate", "buildDefinition")


def training(
    root: Path, name: str, model_digest: str, keys: Sequence[Verifier]
) -> tuple[list[Evidence], frozenset[str]]:
    """What an attestation is evidence of, and the SHA-256 of the results that it names."""
    data = dsse.read_bytes(root / name)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    envelope = dsse.decode(data, name)
    told: list[str] = []
    stand = Stand.FOR
    if keys:
        try:
            told.append(f"signed by {dsse.open_envelope(envelope, keys).keyid}")
        except dsse.EnvelopeError as error:
            told.append(error.message)
            stand = Stand.AGAINST
    else:
        told.append("no key was given, so the signature was not checked")
        stand = Stand.OPEN
    opened = dsse.Opened(dsse.payload_of(envelope), envelope.payloadType, "")
    statement = parse_statement(opened)
    if at(statement, *_DEFINITION, "buildType") != BUILD_TYPE:
        raise InputError(f"{name} attests no training", hint="tyrian attest create DIR --key FILE")
    said = str(at(statement, *_DEFINITION, "externalParameters", "model", "digest") or "")
    is_own = bool(model_digest) and said == model_digest
    if model_digest and not is_own:
        told.append(f"it is on other bytes than were approved: {text_of(said, 80)}")
        stand = Stand.AGAINST
    bound = "it names the model's digest" if is_own else ""
    told += _told(statement)

    def made(kind: str, stand: Stand, lines: Sequence[str]) -> Evidence:
        return Evidence(
            kind=kind, name=name, digest=digest, stand=stand, told=tuple(lines), bound=bound
        )

    found = [made("attestation", stand, told)]
    if data_told := list(_datasets(statement)):
        found.append(made("training-data", stand, data_told))
    if comparison := regression_of(statement):
        lost = losses(comparison, Tolerance())
        lines = [in_words(one) for one in comparison.changes] or ["nothing could be compared"]
        lines += [f"significantly worse: {one.id}" for one in lost]
        points = Stand.AGAINST if lost else stand if comparison.changes else Stand.OPEN
        found.append(made("comparison", points, lines))
    return found, frozenset(_results(statement)) if is_own else frozenset()


def _told(statement: dict[str, Any]) -> Iterator[str]:
    for row in _rows(statement, "resolvedDependencies"):
        if at(row, "annotations", "role") == "base":
            digest = text_of(at(row, "digest", "sha256"), 64)
            yield f"tuned from {text_of(at(row, 'name'))}, sha256:{digest}"
    parameters = at(statement, *_DEFINITION, "externalParameters", "hyperParameters")
    seeds = at(statement, *_DEFINITION, "externalParameters", "seeds")
    yield f"{len(parameters or {})} hyper-parameters, {len(seeds or {})} seeds"
    if commit := at(statement, *_DEFINITION, "internalParameters", "code", "commit"):
        yield f"code at commit {text_of(commit, 64)}"


def _datasets(statement: dict[str, Any]) -> Iterator[str]:
    for row in _rows(statement, "resolvedDependencies"):
        if at(row, "annotations", "role") == "dataset":
            rows = at(row, "annotations", "rows")
            count = f", {rows} rows" if type(rows) is int else ""
            root = at(row, "annotations", "merkleRoot")
            tree = f", Merkle root {text_of(root, 80)}" if root else ""
            digest = text_of(at(row, "digest", "sha256"), 64)
            yield f"{text_of(at(row, 'name'))}, sha256:{digest}{count}{tree}"


def _rows(statement: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = at(statement, *_DEFINITION, name)
    return [row for row in (rows if isinstance(rows, list) else []) if isinstance(row, dict)]


def _results(statement: dict[str, Any]) -> Iterator[str]:
    rows = at(statement, "predicate", "runDetails", "byproducts")
    for row in rows if isinstance(rows, list) else []:
        if at(row, "annotations", "role") == "tuned":
            yield str(at(row, "digest", "sha256"))


def runs(
    root: Path, name: str, attested: frozenset[str], measured: list[Measured]
) -> Iterator[Evidence]:
    """The finished runs below a directory; what they measured is added to `measured`."""
    for one in evaluations_below("tuned", root / name):
        place = root / name / one.place
        told = [f"model {text_of(one.model)}", *_measures(one, place, measured)]
        is_own = set(one.files.values()) <= attested
        yield Evidence(
            kind=f"evaluation:{one.benchmark}",
            name=f"{name}/{one.place}".removesuffix("/."),
            digest=f"sha256:{hashlib.sha256(as_canonical(one.files)).hexdigest()}",
            stand=Stand.MEASURED,
            told=tuple(told),
            bound="the model's attestation names its files" if is_own else "",
        )


def _measures(one: Evaluation, place: Path, measured: list[Measured]) -> Iterator[str]:
    try:
        summary = json.loads(dsse.read_bytes(place / "summary.json"))
        for row in summary["whole"]:
            estimate = row["estimate"]
            value, low, high = (float(estimate[key]) for key in ("value", "low", "high"))
            known = Measured(
                benchmark=one.benchmark,
                measure=str(row["measure"]),
                value=value,
                low=low,
                high=high,
                n=int(estimate["n"]),
            )
            measured.append(known)
            yield f"{known.measure} {value:.4g} [{low:.4g}, {high:.4g}], n = {known.n}"
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{place} has no summary of a run: {error}") from None
