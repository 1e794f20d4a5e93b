"""Models as Keras, h5py, TensorFlow and ONNX wrote them: the good are clean, the bad are found."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tyrian.supply.scan.finding import Outcome, ScanReport
from tyrian.supply.scan.walk import scan_paths

HERE = Path(__file__).resolve().parent / "written"
INDEX: dict[str, str] = json.loads((HERE / "index.json").read_text())
BAD = [name for name in INDEX if name.startswith("bad/")]
GOOD = [name for name in INDEX if name.startswith("good/")]
OUTSIDE = HERE / "good/onnx/outside"


def reports(path: Path) -> list[ScanReport]:
    """All reports of a file or folder."""
    return list(scan_paths([path]))


@pytest.mark.parametrize("name", BAD, ids=[f"{name}: {INDEX[name]}" for name in BAD])
def test_a_model_that_would_do_something_is_found(name: str) -> None:
    found = [one for one in reports(HERE / name) if one.outcome is Outcome.FOUND]
    assert found
    assert all(finding.why for one in found for finding in one.findings)


@pytest.mark.parametrize("name", GOOD, ids=[f"{name}: {INDEX[name]}" for name in GOOD])
def test_a_model_as_its_library_writes_it_is_clean(name: str) -> None:
    found = reports(HERE / name)
    assert found
    assert [(one.path, one.findings) for one in found if one.outcome is not Outcome.CLEAN] == []


def test_every_entry_has_its_mechanism() -> None:
    assert len(set(INDEX.values())) == len(INDEX)
    assert len(BAD) >= 60
    assert len(GOOD) >= 25


def copied(folder: Path) -> Path:
    """The model whose tensors lie in a file beside it."""
    return shutil.copytree(OUTSIDE, folder / "model")


def test_numbers_beside_a_model_are_clean_only_where_the_model_is_there(tmp_path: Path) -> None:
    model = copied(tmp_path)
    assert {one.outcome for one in reports(model)} == {Outcome.CLEAN}
    (model / "model.onnx").unlink()
    (data,) = reports(model)
    assert data.outcome is Outcome.NOT_EXAMINED


def test_bytes_behind_the_numbers_of_a_model_are_not_examined(tmp_path: Path) -> None:
    model = copied(tmp_path)
    with (model / "model.onnx.data").open("ab") as file:
        file.write(b"more")
    assert {one.outcome for one in reports(model)} == {Outcome.CLEAN, Outcome.NOT_EXAMINED}


def test_numbers_that_are_missing_are_not_examined_and_too_few_are_found(tmp_path: Path) -> None:
    model = copied(tmp_path)
    data = model / "model.onnx.data"
    data.write_bytes(data.read_bytes()[:-1])
    assert "claimed-data" in {f.rule for one in reports(model) for f in one.findings}
    data.unlink()
    assert [one.outcome for one in reports(model)] == [Outcome.NOT_EXAMINED]


def test_numbers_that_are_a_hard_link_to_another_file_are_found(tmp_path: Path) -> None:
    model = copied(tmp_path)
    os.link(model / "model.onnx.data", tmp_path / "secret")
    assert "claimed-data" in {f.rule for one in reports(model) for f in one.findings}
