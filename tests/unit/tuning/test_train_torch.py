"""A Prompt Guard in torch, trained further: a tiny one in the true architecture and format."""

import json
import runpy
from pathlib import Path

import pytest

from tyrian.cli.main import run as run_command
from tyrian.core.message import Message
from tyrian.tuning.known_texts import measured
from tyrian.tuning.labels import Truth
from tyrian.tuning.measure import LabelledRow
from tyrian.tuning.train_torch import train_torch


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A guard that has learnt the regression texts, so that it can forget them."""
    place = Path(__file__).parents[1] / "models" / "transformer" / "conftest.py"
    made = runpy.run_path(str(place))
    texts = {one.text: int(bool(one.label)) for one in measured("prompt-guard")[:16]}
    found: Path = made["write_guard"](
        tmp_path_factory.mktemp("guard"), ("LABEL_0", "LABEL_1"), fitted_to=texts
    )
    return found


def rows(count: int) -> list[LabelledRow]:
    """Rows whose labels are the wrong way round for this guard."""
    known = measured("prompt-guard")
    return [
        LabelledRow(
            Message.user(f"{known[n % len(known)].text} {n}"),
            Truth.of(["benign" if known[n % len(known)].label else "jailbreak"]),
        )
        for n in range(count)
    ]


def test_a_directory_is_trained_further_and_loads_as_one(guard: Path, tmp_path: Path) -> None:
    told: list[str] = []
    trained = train_torch(str(guard), rows(48), epochs=3, rate=3e-3, tell=told.append)
    try:
        trained.write(tmp_path / "own")
    finally:
        trained.close()
    before, after = trained.made.compared[0].before, trained.made.compared[0].after
    assert after.cost < before.cost  # its own rows, held out
    assert len(told) == 3
    assert (tmp_path / "own" / "CARD.md").is_file()
    again = train_torch(str(tmp_path / "own"), rows(48), epochs=1)
    assert again.made.compared[0].before.cost == pytest.approx(after.cost, abs=1e-4)
    again.close()


def test_a_model_that_forgets_is_refused_unless_it_is_forced(
    guard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text(
        "".join(
            json.dumps({"text": row.message.text, "label": sorted(row.truth.labels)}) + "\n"
            for row in rows(48)
        )
    )
    asked = ["train", "prompt-guard", "--backend", "torch", "--model", str(guard), "--epochs", "6"]
    asked += ["--data", "rows.jsonl", "--out", "own", "-q", "--rate", "0.003"]
    assert run_command(asked) == 1
    assert "forgot" in capsys.readouterr().err
    assert not Path("own").exists()
    assert run_command([*asked, "--force"]) == 0
    assert "It lost" in Path("own/CARD.md").read_text()
