"""Ray Data and the local engine say the same of the same rows."""

import json
import random
from pathlib import Path

import pytest

from tyrian.supply.data.clean import write_clean
from tyrian.supply.data.engine import Engine, EngineError, ray_engine, run_local
from tyrian.supply.data.files import find_files
from tyrian.supply.data.finding import DataFinding
from tyrian.supply.data.scan import ScanPlan, Tally, scan_data
from tyrian.supply.data.units import units_of

ROWS = 5_000


def write_rows(folder: Path) -> None:
    """Two files of several units, with rows that are broken, flipped and contradict each other."""
    pick = random.Random(2)
    words = [f"word{number}" for number in range(400)]
    folder.mkdir()
    for name in ("a.jsonl", "b.jsonl"):
        with (folder / name).open("w") as out:
            for number in range(ROWS // 2):
                said = " ".join(pick.choices(words, k=20)) + " " * 2_000
                row = {"text": said, "label": pick.choice("xy"), "source": f"s{number % 3}"}
                out.write("{broken\n" if number % 500 == 499 else json.dumps(row) + "\n")


def results(
    folder: Path, engine: Engine, target: Path
) -> tuple[list[DataFinding], dict[str, bytes]]:
    """The findings, and the files that are written without their rows."""
    found = list(scan_data(ScanPlan([folder], engine=engine), Tally()))
    reasons: dict[tuple[str, int], list[object]] = {}
    for one in found:
        reasons.setdefault((one.file, one.row), []).append(one.rule)
    write_clean(units_of(find_files([folder]).files), reasons, target, "rejected.jsonl")
    return found, {path.name: path.read_bytes() for path in sorted(target.iterdir())}


# What Ray itself leaves open when it ends is no fault of the engine.
@pytest.mark.filterwarnings("default::ResourceWarning")
@pytest.mark.filterwarnings("default::DeprecationWarning")
@pytest.mark.filterwarnings("default::FutureWarning")
@pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning")
def test_both_engines_give_the_same_findings_and_files(tmp_path: Path) -> None:
    write_rows(tmp_path / "data")
    here = results(tmp_path / "data", run_local, tmp_path / "local")
    there = None
    for last in (False, False, True):  # a busy machine may not start Ray in Ray's own time
        try:
            there = results(tmp_path / "data", ray_engine(workers=2), tmp_path / "ray")
            break
        except EngineError as error:
            if last or "did not start" not in str(error):
                raise
    assert here == there
    assert any(one.rule == "row-not-json" for one in here[0])
