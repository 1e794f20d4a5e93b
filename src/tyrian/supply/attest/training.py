"""The record of a training, and the in-toto statement that it becomes.

The statement's predicate is SLSA provenance v1, which verifiers of others read: hyper-parameters
and seeds are external parameters, the base model, datasets and code are resolved dependencies,
evaluations are by-products. The same record gives the same bytes.
Sources: https://slsa.dev/spec/v1.0/provenance and
https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

import tyrian
from tyrian.errors import ConfigError, InputError
from tyrian.supply.attest.dsse import read_bytes
from tyrian.supply.attest.materials import Evaluation, Material, names_of
from tyrian.supply.attest.regression import Regression, as_byproduct
from tyrian.supply.attest.statement import STATEMENT
from tyrian.supply.lock.read import ReadFile, tree_digest
from tyrian.supply.lock.write import as_canonical

PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:tyrian:training:v1"
BUILDER = "urn:tyrian:attest"
RECORD_FORMAT = 1
RECORD_NAME = "training-record.json"


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a training when it ends."""

    format: int = RECORD_FORMAT
    base: Material | None = None
    datasets: tuple[Material, ...] = ()
    parameters: dict[str, Any] = {}
    seeds: dict[str, int] = {}
    environment: dict[str, Any] = {}
    hardware: dict[str, Any] = {}
    code: dict[str, Any] = {}
    started: str = ""
    """ISO 8601 in UTC; empty where times shall not make a difference."""
    finished: str = ""
    evaluations: tuple[Evaluation, ...] = ()
    comparison: Regression | None = None
    """Of the runs of the base model with those of the tuned one."""


def read_record(path: Path) -> Record:
    """A record from its file; InputError where it is none."""
    try:
        record = msgspec.json.decode(read_bytes(path), type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no record of a training: {error}") from None
    if record.format != RECORD_FORMAT:
        raise InputError(f"{path} has format {record.format}, not {RECORD_FORMAT}")
    return record


def encode_record(record: Record) -> bytes:
    """The bytes of a record's file."""
    return msgspec.json.format(as_canonical(msgspec.to_builtins(record)), indent=1) + b"\n"


def missing_fields(record: Record) -> list[str]:
    """What a training cannot be told of without."""
    needed: dict[str, object] = {
        "base": record.base,
        "datasets": record.datasets,
        "parameters": record.parameters,
        "seeds": record.seeds,
        "environment": record.environment,
        "code": record.code,
    }
    return [name for name, value in needed.items() if not value]


def statement_of(record: Record, files: Sequence[ReadFile]) -> bytes:
    """The statement on the files of a model; ConfigError where the record leaves something out."""
    if missing := missing_fields(record):
        raise ConfigError(
            f"the training is not told of completely: {', '.join(missing)} missing",
            hint="--base, --dataset, --parameters, --seed and --code give them, or --record FILE",
        )
    return as_canonical(
        {
            "_type": STATEMENT,
            "subject": [
                {"name": file.path, "digest": {"sha256": file.sha256}}
                for file in sorted(files, key=lambda file: file.path)
                if not file.link
            ],
            "predicateType": PREDICATE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": {
                        "hyperParameters": record.parameters,
                        "seeds": record.seeds,
                        "model": {
                            "digest": tree_digest(files),
                            "links": {file.path: file.link for file in files if file.link},
                        },
                    },
                    "internalParameters": {
                        "environment": record.environment,
                        "hardware": record.hardware,
                        "code": record.code,
                    },
                    "resolvedDependencies": _dependencies(record),
                },
                "runDetails": {
                    "builder": {"id": BUILDER, "version": {"tyrian": tyrian.__version__}},
                    **_times(record),
                    "byproducts": list(_byproducts(record)),
                },
            },
        }
    )


def _times(record: Record) -> dict[str, object]:
    told = {"startedOn": record.started, "finishedOn": record.finished}
    known = {name: value for name, value in told.items() if value}
    return {"metadata": known} if known else {}


def _dependencies(record: Record) -> list[dict[str, object]]:
    found = [_descriptor("base", record.base)] if record.base else []
    found += [_descriptor("dataset", one) for one in record.datasets]
    if commit := str(record.code.get("commit", "")):
        kind = "gitCommit"
        found.append({"name": "code", "digest": {kind: commit}, "annotations": {"role": "code"}})
    return found


def _descriptor(role: str, one: Material) -> dict[str, object]:
    kind, _, value = one.digest.partition(":")
    notes: dict[str, object] = {"role": role}
    if one.rows >= 0:
        notes["rows"] = one.rows
    if one.root:
        notes["merkleRoot"] = one.root
    found: dict[str, object] = {"name": one.name, "digest": {kind: value}, "annotations": notes}
    if one.repository:
        found["uri"] = f"pkg:huggingface/{one.repository}@{one.commit}"
    return found


def _byproducts(record: Record) -> Sequence[Mapping[str, object]]:
    found: list[Mapping[str, object]] = [
        {
            "name": name,
            "digest": {"sha256": digest},
            "annotations": {"role": one.role, "benchmark": one.benchmark, "model": one.model},
        }
        for one in record.evaluations
        for name, digest in names_of(one).items()
    ]
    if record.comparison is not None:
        found.append(as_byproduct(record.comparison))
    return found
