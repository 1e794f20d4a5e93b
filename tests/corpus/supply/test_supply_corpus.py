"""Files that run code when loaded are found; files as libraries write them are clean."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.corpus.supply import benign, malicious

from tyrian.supply.scan.finding import Outcome
from tyrian.supply.scan.scanner import scan_file

BAD = list(malicious.all_entries())
GOOD = list(benign.all_entries())
WITH_PAYLOAD = ("gadget", "direct", "joblib: packed", "torch: legacy", "torch: tar", "torch: flag")


@pytest.mark.parametrize(("mechanism", "name", "data"), BAD, ids=[f"{n}-{m}" for m, n, _ in BAD])
def test_a_file_that_would_do_something_is_found(
    mechanism: str, name: str, data: bytes, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir()
    path.write_bytes(data)
    report = scan_file(path)
    assert report.outcome is Outcome.FOUND
    if mechanism.startswith(WITH_PAYLOAD):
        assert {one.rule for one in report.findings} & {
            "pickle-dangerous-global",
            "pickle-unknown-global",
        }
    for found in report.findings:
        assert found.why
        assert found.offset >= 0


@pytest.mark.parametrize(("told", "name", "data"), GOOD, ids=[f"{n}-{t}" for t, n, _ in GOOD])
def test_a_file_as_a_library_writes_it_is_clean(
    told: str, name: str, data: bytes, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir()
    path.write_bytes(data)
    report = scan_file(path)
    assert (report.outcome, report.findings) == (Outcome.CLEAN, ())


def _all_clean(entries: Iterator[benign.Entry], folder: Path) -> int:
    flagged: list[tuple[str, object]] = []
    count = 0
    for number, (told, name, data) in enumerate(entries):
        count += 1
        path = folder / str(number) / name
        path.parent.mkdir()
        path.write_bytes(data)
        report = scan_file(path)
        if report.outcome is not Outcome.CLEAN:
            flagged.append((told, report))
    assert flagged == []
    return count


@pytest.mark.filterwarnings("ignore")
def test_files_that_torch_and_safetensors_write_are_clean(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    from tests.corpus.supply.benign_torch import torch_entries

    assert _all_clean(torch_entries(), tmp_path) > 20


@pytest.mark.filterwarnings("ignore")
def test_files_that_joblib_writes_are_clean(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    from tests.corpus.supply.benign_joblib import joblib_entries

    assert _all_clean(joblib_entries(), tmp_path) > 20


@pytest.mark.filterwarnings("ignore")
def test_files_that_pandas_writes_are_clean(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    pytest.importorskip("pandas")
    from tests.corpus.supply.benign_joblib import pandas_entries

    assert _all_clean(pandas_entries(), tmp_path) == 3


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    assert len(BAD) >= 150
    assert len(GOOD) >= 80
    assert len({mechanism for mechanism, _, _ in BAD}) >= 150
