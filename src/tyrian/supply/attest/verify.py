"""Check an attestation offline: each thing that does not match, and each that was not compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tyrian.supply.attest import dsse
from tyrian.supply.attest.files import files_of
from tyrian.supply.attest.materials import evaluations_below, names_of
from tyrian.supply.attest.regression import (
    ROLE,
    Regression,
    Tolerance,
    in_words,
    losses,
    regression_of,
    rounded,
)
from tyrian.supply.attest.statement import Mismatch, at, parse_statement
from tyrian.supply.attest.training import BUILD_TYPE, PREDICATE
from tyrian.supply.lock.read import tree_digest

if TYPE_CHECKING:
    from tyrian.supply.attest.keys import Verifier


@dataclass(frozen=True, slots=True)
class Expected:
    """What lies here to compare with; what is left out is not compared, and told so."""

    directory: Path
    """The model."""
    left_out: frozenset[str] = frozenset()
    base: str = ""
    """Digest of the base model, `sha256:...`."""
    datasets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Digests of datasets by name, `sha256:...`."""
    code: str = ""
    """Commit."""
    evaluations: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))
    """Directories of runs by role."""
    comparison: Regression | None = None
    """Of the runs that lie here."""
    is_evaluated: bool = False
    """Whether runs of both the base and the tuned model, compared, must be attested."""
    tolerance: Tolerance | None = None
    """With one, a measure that got worse by more than it may is told as well."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check."""

    keyid: str
    mismatches: tuple[Mismatch, ...]
    uncompared: tuple[str, ...]
    """What the attestation says, and nothing here was given to compare with."""
    statement: Mapping[str, Any]


def verify_training(
    envelope: dsse.Envelope, verifiers: "Sequence[Verifier]", expected: Expected
) -> Checked:
    """Check signature, form and everything that is given; raises EnvelopeError, InputError."""
    opened = dsse.open_envelope(envelope, verifiers)
    statement = parse_statement(opened)
    found = [*_form(statement), *_model(statement, expected)]
    uncompared: list[str] = []
    found += _dependencies(statement, expected, uncompared)
    found += _evaluations(statement, expected, uncompared)
    found += _comparison(statement, expected, uncompared)
    return Checked(opened.keyid, tuple(found), tuple(uncompared), statement)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


_DEFINITION = ("predicate", "buildDefinition")


def _form(statement: Mapping[str, Any]) -> Iterator[Mismatch]:
    """What every attestation of a training says; one that leaves it out does not match."""
    if statement.get("predicateType") != PREDICATE:
        yield Mismatch("predicate", str(statement.get("predicateType")), PREDICATE)
    if (kind := at(statement, *_DEFINITION, "buildType")) != BUILD_TYPE:
        yield Mismatch("buildType", str(kind or ""), BUILD_TYPE)
    needed = {
        "hyper-parameters": ("externalParameters", "hyperParameters"),
        "seeds": ("externalParameters", "seeds"),
        "environment": ("internalParameters", "environment"),
        "code": ("internalParameters", "code"),
    }
    for name, keys in needed.items():
        if not at(statement, *_DEFINITION, *keys):
            yield Mismatch(name, "", "needed")


def _model(statement: Mapping[str, Any], expected: Expected) -> Iterator[Mismatch]:
    files = files_of(expected.directory, expected.left_out)
    here = {file.path: file.sha256 for file in files if not file.link}
    subjects = statement.get("subject")
    rows = subjects if isinstance(subjects, list) else []
    said = {str(at(one, "name")): str(at(one, "digest", "sha256") or "") for one in rows}
    for path in sorted({*said, *here}):
        if said.get(path) != here.get(path) or not here[path]:
            yield Mismatch(f"model/{path}", said.get(path, ""), here.get(path, ""))
    links = _object(at(statement, *_DEFINITION, "externalParameters", "model", "links"))
    found = {file.path: file.link for file in files if file.link}
    for path in sorted({*links, *found}):
        if links.get(path) != found.get(path):
            yield Mismatch(f"model/{path}", f"link to {links.get(path)}", str(found.get(path)))
    digest = at(statement, *_DEFINITION, "externalParameters", "model", "digest")
    if digest != tree_digest(files):
        yield Mismatch("model", str(digest or ""), tree_digest(files))


def _dependencies(
    statement: Mapping[str, Any], expected: Expected, uncompared: list[str]
) -> Iterator[Mismatch]:
    rows = at(statement, *_DEFINITION, "resolvedDependencies") or []
    by_role: dict[str, dict[str, str]] = {"base": {}, "dataset": {}, "code": {}}
    for row in rows if isinstance(rows, list) else []:
        role = str(at(row, "annotations", "role"))
        for kind, value in _object(at(row, "digest")).items():
            digest = str(value) if kind == "gitCommit" else f"{kind}:{value}"
            by_role.setdefault(role, {})[str(at(row, "name"))] = digest
    base = next(iter(by_role["base"].values()), "")
    yield from _one("base", base, expected.base, uncompared)
    if not by_role["dataset"]:
        yield Mismatch("datasets", "", "needed")
    for name in sorted({*by_role["dataset"], *expected.datasets}):
        said, found = by_role["dataset"].get(name, ""), expected.datasets.get(name, "")
        yield from _one(f"dataset {name}", said, found, uncompared)
    if at(statement, *_DEFINITION, "internalParameters", "code", "commit"):
        code = next(iter(by_role["code"].values()), "")
        yield from _one("code", code, expected.code, uncompared)
    elif expected.code:
        yield Mismatch("code", "", expected.code)


def _one(name: str, said: str, found: str, uncompared: list[str]) -> Iterator[Mismatch]:
    if not said:
        yield Mismatch(name, "", found or "needed")
    elif not found:
        uncompared.append(name)
    elif said != found:
        yield Mismatch(name, said, found)


def _evaluations(
    statement: Mapping[str, Any], expected: Expected, uncompared: list[str]
) -> Iterator[Mismatch]:
    rows = at(statement, "predicate", "runDetails", "byproducts") or []
    said: dict[str, dict[str, str]] = {}
    for row in rows if isinstance(rows, list) else []:
        role = str(at(row, "annotations", "role"))
        if role == ROLE:
            continue
        said.setdefault(role, {})[str(at(row, "name"))] = str(at(row, "digest", "sha256"))
    for role in sorted({*said, *expected.evaluations}):
        if role not in expected.evaluations:
            uncompared.append(f"evaluations of the {role} model")
            continue
        found: dict[str, str] = {}
        for one in evaluations_below(role, expected.evaluations[role]):
            found.update(names_of(one))
        for name in sorted({*said.get(role, {}), *found}):
            digest = said.get(role, {}).get(name, "")
            if digest != found.get(name, ""):
                yield Mismatch(f"evaluation {name}", digest, found.get(name, ""))
    if expected.is_evaluated:
        for role in ("base", "tuned"):
            if role not in said:
                yield Mismatch(f"evaluations of the {role} model", "", "needed")


def _comparison(
    statement: Mapping[str, Any], expected: Expected, uncompared: list[str]
) -> Iterator[Mismatch]:
    said, found = regression_of(statement), expected.comparison
    if said is None:
        if expected.is_evaluated or found is not None or expected.tolerance is not None:
            yield Mismatch("comparison of the base and the tuned model", "", "needed")
        return
    if found is None:
        uncompared.append("comparison of the base and the tuned model")
    else:
        yield from _changes(said, rounded(found))
    if expected.tolerance is not None:
        for one in losses(said, expected.tolerance):
            most = f"at most {expected.tolerance.of(one):g} worse"
            yield Mismatch(f"loss of {one.id}", in_words(one), most)


def _changes(said: Regression, found: Regression) -> Iterator[Mismatch]:
    before, now = ({one.id: one for one in each.changes} for each in (said, found))
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            told = [in_words(each[name]) if name in each else "" for each in (before, now)]
            yield Mismatch(f"comparison {name}", told[0], told[1])
    if (said.base, said.tuned) != (found.base, found.tuned):
        names = (f"{one.base} and {one.tuned}" for one in (said, found))
        yield Mismatch("compared models", *names)
