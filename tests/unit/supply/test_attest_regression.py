"""What an attestation says of a model's measures before its training and after."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.supply.test_attest import Scene

from tyrian.errors import InputError
from tyrian.supply.attest import dsse
from tyrian.supply.attest.files import files_of
from tyrian.supply.attest.materials import dataset
from tyrian.supply.attest.regression import (
    MeasureChange,
    Regression,
    Tolerance,
    losses,
    regression_of,
)
from tyrian.supply.attest.training import Record, encode_record, read_record, statement_of
from tyrian.supply.data.manifest import Entry, ManifestError, ManifestFile, Writer, rows_path


def change(**changes: Any) -> MeasureChange:
    given: dict[str, Any] = {
        "benchmark": "prompt-injection",
        "measure": "injected",
        "better": "lower",
        "base": 0.1,
        "tuned": 0.3,
        "difference": 0.2,
        "low": 0.1,
        "high": 0.3,
        "p": 0.001,
        "n": 100,
        **changes,
    }
    return MeasureChange(**given)


def found(*changes: MeasureChange) -> Regression:
    return Regression(base="old", tuned="new", changes=changes or (change(),))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def _with(scene: Scene, comparison: Regression | None) -> dsse.Envelope:
    record = msgspec.structs.replace(scene.record(), comparison=comparison)
    return dsse.seal(statement_of(record, files_of(scene.model)), scene.signer)


@pytest.mark.parametrize(
    ("one", "tolerance", "is_lost"),
    [
        (change(), Tolerance(), True),
        (change(), Tolerance(may_worsen=0.2), False),
        (change(), Tolerance(measures={"prompt-injection": 0.25}), False),
        (change(), Tolerance(may_worsen=0.5, measures={"prompt-injection.injected": 0.1}), True),
        (change(benchmark="prompt-injection (sample)"), Tolerance(), True),
        (
            change(benchmark="prompt-injection (sample)"),
            Tolerance(measures={"prompt-injection.injected": 0.3}),
            False,
        ),
        (change(p=0.4), Tolerance(), False),
        (change(p=0.4), Tolerance(only_significant=False), True),
        (change(better="higher"), Tolerance(), False),
        (change(better="higher", difference=-0.2), Tolerance(), True),
    ],
)
def test_a_loss_is_what_got_worse_by_more_than_it_may(
    one: MeasureChange, tolerance: Tolerance, is_lost: bool
) -> None:
    assert losses(found(one), tolerance) == ([one] if is_lost else [])


def test_the_worst_loss_comes_first() -> None:
    small, great = change(measure="a", difference=0.1), change(measure="b", difference=0.5)
    assert losses(found(small, great), Tolerance()) == [great, small]


def test_a_statement_carries_the_comparison(scene: Scene) -> None:
    statement = json.loads(dsse.payload_of(_with(scene, found())))
    assert regression_of(statement) == found()
    assert regression_of(json.loads(dsse.payload_of(_with(scene, None)))) is None


def test_a_record_keeps_the_comparison(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(encode_record(Record(comparison=found())))
    assert read_record(path).comparison == found()


@pytest.mark.parametrize("key", ["tuned", "p", "better"])
def test_a_comparison_that_was_changed_is_refused(scene: Scene, key: str) -> None:
    statement = json.loads(dsse.payload_of(_with(scene, found())))
    (row,) = [
        one
        for one in statement["predicate"]["runDetails"]["byproducts"]
        if one["annotations"]["role"] == "comparison"
    ]
    told = row["annotations"]["comparison"]["changes"][0]
    told[key] = "higher" if key == "better" else 0.05
    with pytest.raises(InputError, match="digest"):
        regression_of(statement)
    del told[key]
    with pytest.raises(InputError, match="cannot be read"):
        regression_of(statement)


def test_evaluations_without_their_comparison_do_not_match(scene: Scene) -> None:
    assert scene.named(_with(scene, None)) == {"comparison of the base and the tuned model"}
    assert scene.named(_with(scene, found()), comparison=found()) == set()


def test_a_comparison_that_comes_out_otherwise_is_named(scene: Scene) -> None:
    other = found(change(tuned=0.31), change(measure="more"))
    assert scene.named(_with(scene, found()), comparison=other) == {
        *("comparison prompt-injection.injected", "comparison prompt-injection.more"),
    }
    renamed = msgspec.structs.replace(found(), tuned="newer")
    assert scene.named(_with(scene, found()), comparison=renamed) == {"compared models"}


def test_a_loss_beyond_the_tolerance_does_not_match(scene: Scene) -> None:
    envelope = _with(scene, found())
    told = scene.check(envelope, comparison=found(), tolerance=Tolerance(may_worsen=0.1))
    (lost,) = told.mismatches
    assert lost.subject == "loss of prompt-injection.injected"
    assert "0.1 -> 0.3" in lost.said
    assert scene.named(envelope, comparison=found(), tolerance=Tolerance(may_worsen=0.2)) == set()


def test_the_last_digits_of_a_float_do_not_count(scene: Scene) -> None:
    near = found(change(tuned=0.1 + 0.2, difference=0.3 - 0.1))
    assert near != found()
    assert scene.named(_with(scene, near), comparison=found()) == set()
    with pytest.raises(InputError, match="not finite"):
        _with(scene, found(change(p=float("nan"))))


def test_the_manifest_of_a_dataset_tells_rows_and_root(scene: Scene) -> None:
    path = scene.root / "data.json"
    writer = Writer(path)
    for row in (1, 2, 3):
        writer.add(Entry("train.jsonl", row, "0" * 64, "example", "MIT"))
    made = writer.finish([ManifestFile("train.jsonl", "jsonl", 9, "0" * 64, 3)])
    material = dataset("train", path)
    assert (material.rows, material.root) == (3, made.root)
    record = msgspec.structs.replace(scene.record(), datasets=(material,))
    statement = json.loads(statement_of(record, files_of(scene.model)))
    rows = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    (notes,) = [one["annotations"] for one in rows if one["annotations"]["role"] == "dataset"]
    assert notes == {"role": "dataset", "rows": 3, "merkleRoot": made.root}
    entries = rows_path(path)
    entries.write_bytes(entries.read_bytes().replace(b"MIT", b"BSD", 1))
    with pytest.raises(ManifestError, match="changed since"):
        dataset("train", path)
