"""A model that Transformers wrote, on its whole way; one changed byte is caught and named."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.supply.whole_way import BOM_OF, Place, make_place

from tyrian.errors import TyrianError
from tyrian.supply.attest import dsse
from tyrian.supply.attest.keys import read_verifier
from tyrian.supply.attest.verify import Expected, verify_training
from tyrian.supply.lock.lock import parse
from tyrian.supply.lock.signature import check_signature, signature_path
from tyrian.supply.lock.verify import verify_model


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make_place(tmp_path_factory.mktemp("whole-way"))


@pytest.fixture
def place(made: Place, tmp_path: Path) -> Place:
    """A copy that may be changed."""
    shutil.copytree(made.root, tmp_path / "copy")
    return Place(tmp_path / "copy")


def _offsets(path: Path, size: int) -> Iterator[int]:
    """Of tensors all of the header's length and a part of all else; of texts every third byte."""
    if path.suffix != ".safetensors":
        yield from range(0, size, 3)
        yield size - 1
        return
    header = 8 + int.from_bytes(path.read_bytes()[:8], "little")
    yield from range(8)
    yield from range(8, header, 11)
    yield from range(header, size, 97)
    yield from (header - 1, header, size - 1)


def _flipped(data: bytes, offset: int) -> bytes:
    return data[:offset] + bytes([data[offset] ^ (1 << offset % 8)]) + data[offset + 1 :]


def test_what_nobody_changed_passes_every_step(made: Place) -> None:
    made.run("model", "verify", "--key", "key.pub")
    made.run("model", "drift", "tuned")
    made.run("model", "scan", "base", "tuned")
    made.verify_attestation()
    made.run("bom", "validate", "bom.json")
    made.run("gate", "--key", "key.pub")
    for name in ("base", "tuned"):
        rows = json.loads((made.root / f"{name}.scan.json").read_text())
        assert {row["outcome"] for row in rows} == {"clean"}
        assert {"config.json", "model.safetensors"} <= {Path(row["file"]).name for row in rows}


def test_a_byte_that_changed_anywhere_in_the_model_is_named(place: Place) -> None:
    model = parse((place.root / "models.lock").read_bytes()).model("tuned")
    assert model is not None
    directory, count = place.root / "tuned", 0
    for path in sorted(directory.rglob("*")):
        data, name = path.read_bytes(), path.relative_to(directory).as_posix()
        for offset in _offsets(path, len(data)):
            path.write_bytes(_flipped(data, offset))
            found = verify_model(directory, model).faults
            assert [(fault.path, fault.kind.value) for fault in found] == [(name, "modified")]
            count += 1
        path.write_bytes(data)
    assert count > 1000
    assert verify_model(directory, model).faults == ()


def test_the_attestation_names_the_file_that_changed(place: Place) -> None:
    envelope = dsse.decode((place.root / "tuned.attestation.json").read_bytes())
    keys = [read_verifier(place.root / "key.pub")]
    for path in sorted((place.root / "tuned").iterdir()):
        data = path.read_bytes()
        for offset in (0, len(data) // 2, len(data) - 1):
            path.write_bytes(_flipped(data, offset))
            found = verify_training(envelope, keys, Expected(path.parent)).mismatches
            assert {one.subject for one in found} == {"model", f"model/{path.name}"}
        path.write_bytes(data)


def test_a_byte_that_changed_in_the_lock_is_refused(made: Place) -> None:
    data = (made.root / "models.lock").read_bytes()
    for offset in range(0, len(data), 7):
        with pytest.raises(TyrianError):
            parse(_flipped(data, offset))


def test_a_byte_that_changed_in_a_signature_is_refused(place: Place) -> None:
    keys = [read_verifier(place.root / "key.pub")]
    lock = place.root / "models.lock"
    at = signature_path(lock)
    for path in (at, place.root / "tuned.attestation.json"):
        data = path.read_bytes()
        envelope = json.loads(data)
        texts = (envelope["payload"], envelope["signatures"][0]["sig"])
        inside = [(data.index(text.encode()), len(text.rstrip("="))) for text in texts]
        for start, length in inside:
            for offset in range(start, start + length - 1, 17):  # the last sign has idle bits
                path.write_bytes(_flipped(data, offset))
                if path == at:
                    assert check_signature(lock, lock.read_bytes(), keys)
                else:
                    with pytest.raises(dsse.EnvelopeError):
                        dsse.open_envelope(dsse.decode(path.read_bytes()), keys)
        path.write_bytes(data)


def test_drift_tells_what_a_change_means(place: Place) -> None:
    config = place.root / "tuned" / "config.json"
    config.write_text(config.read_text().replace('"hidden_act": "silu"', '"hidden_act": "gelu"'))
    told = place.run("model", "drift", "tuned", code=1)
    assert "config.json" in told
    assert "hidden_act" in told
    assert "gelu" in told


def test_a_loss_by_the_training_is_refused(place: Place) -> None:
    place.verify_attestation("--may-worsen", "0.05")
    for name, other in (("base", "x"), ("tuned", "base"), ("x", "tuned")):
        (place.root / "runs" / name).rename(place.root / "runs" / other)
    place.attest("runs/base", "runs/tuned")
    told = place.verify_attestation("--may-worsen", "0.05", code=1)
    assert "loss of prompt-injection (sample).injected" in told
    place.verify_attestation("--may-worsen", "1")
    assert "[evaluation-worse]" in place.run("gate", "--key", "key.pub", code=1)


def test_bill_of_materials_and_gate_name_the_byte_that_changed(place: Place) -> None:
    weights = place.root / "tuned" / "model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(_flipped(data, len(data) - 1))
    assert "tuned" in place.run("gate", "--key", "key.pub", code=1)
    without = [word for word in BOM_OF if word not in ("--lock", "models.lock")]
    place.run("bom", "create", *without, "--output", "new.json", "-q")
    told = place.run("bom", "diff", "bom.json", "new.json", code=1)
    assert "model.safetensors" in told


def test_other_runs_than_those_attested_are_told(place: Place) -> None:
    shutil.rmtree(place.root / "runs" / "tuned")
    shutil.copytree(place.root / "runs" / "base", place.root / "runs" / "tuned")
    told = place.verify_attestation(code=1)
    assert "comparison prompt-injection (sample).injected" in told
    assert "compared models" in told


def test_the_report_puts_both_models_side_by_side(made: Place) -> None:
    made.run("model", "report", "request.json", "--output", "one/report.html")
    made.run("model", "report", "request.json", "--output", "two/report.html")
    for name in ("report.html", "report.json"):
        assert (made.root / "one" / name).read_bytes() == (made.root / "two" / name).read_bytes()
    told = json.loads((made.root / "one" / "report.json").read_bytes())
    base, tuned = told["candidates"]
    assert base["scanned"] == base["size"] == sum(
        path.stat().st_size for path in (made.root / "base").iterdir()
    )  # fmt: skip
    stands = {one["kind"]: one["stand"] for one in tuned["evidence"]}
    assert stands == {
        "lock": "supports",
        "files": "supports",
        "scan": "supports",
        "attestation": "supports",
        "training-data": "supports",
        "bom": "supports",
        "comparison": "supports",
        "evaluation:prompt-injection": "measured",
    }
    (run,) = [one for one in tuned["evidence"] if one["kind"].startswith("evaluation")]
    assert run["bound"] == "the model's attestation names its files"
    assert told["pairs"][0]["changes"][0].startswith("prompt-injection (sample).injected 1 -> 0")
