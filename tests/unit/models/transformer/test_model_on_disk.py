"""Real model directories and the command line: self-test, export, lock."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tyrian.cli.main import run
from tyrian.errors import ConfigError
from tyrian.models.hub.lock import Lock, LockedFile, read_lock, sha256_of, write_lock
from tyrian.models.hub.shelf import find
from tyrian.models.selftest import PROMPT_ATTACKS
from tyrian.models.transformer.classifier import Settings, load_classifier

Maker = Callable[..., Path]
KINDS = ("", "_int8")
PARTS = ("", ".data")
FITTED = dict.fromkeys(PROMPT_ATTACKS.attacks, 1) | dict.fromkeys(PROMPT_ATTACKS.benign, 0)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TYRIAN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, make_guard: Maker) -> Path:
    return make_guard(fitted_to=FITTED)


def doctor(capsys: pytest.CaptureFixture[str], directory: Path) -> tuple[int, dict[str, Any]]:
    code = run(["doctor", "--format", "json", "--model", str(directory)])
    items = json.loads(capsys.readouterr().out)
    return code, next(item for item in items if item["name"].startswith(directory.name))


def lock(directory: Path) -> None:
    files = tuple(
        LockedFile(path=path.name, size=path.stat().st_size, sha256=sha256_of(path))
        for path in sorted(directory.iterdir())
    )
    write_lock(
        directory, Lock(name=directory.name, repository="a/b", revision="1" * 40, files=files)
    )


def made(directory: Path) -> set[str]:
    found = read_lock(directory)
    assert found is not None
    return {file.path for file in found.made}


def test_doctor_refuses_a_head_with_random_weights(
    make_guard: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    code, item = doctor(capsys, make_guard(initializer_range=0.02))
    assert (code, item["state"]) == (1, "refused")
    assert "does not tell known attacks from harmless texts" in item["detail"]


def test_doctor_takes_a_head_that_knows_attacks(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, item = doctor(capsys, trained)
    assert (code, item["state"]) == (0, "ok")
    assert item["detail"].startswith("prompt_guard_2 through")


def test_an_export_stands_in_the_lock_and_is_verified(
    make_guard: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    directory = make_guard(fitted_to=FITTED)
    lock(directory)
    assert run(["model", "export", str(directory), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert Path(told["path"]).parent == directory / "onnx"
    assert run(["model", "verify", str(directory)]) == 0
    Path(told["path"]).write_bytes(b"changed")
    assert run(["model", "verify", str(directory)]) == 1


def test_the_length_of_windows_is_chosen_at_the_export(
    make_guard: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    directory = make_guard(fitted_to=FITTED)
    export = ["model", "export", str(directory), "--format", "json"]
    assert run([*export, "--window-tokens", "256"]) == 0
    assert json.loads(capsys.readouterr().out)["window_tokens"] == 256
    asked = Settings(backend="onnx", window_tokens=512, threads=1)
    with pytest.raises(ConfigError, match="holds windows of 256 tokens, not of 512"):
        load_classifier(directory, asked)
    assert run([*export, "--window-tokens", "512"]) == 0
    assert load_classifier(directory, asked)
    assert run([*export, "--window-tokens", "8"]) == 2


def test_an_int8_export_that_is_gone_leaves_the_lock(
    make_guard: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    directory = make_guard(fitted_to=FITTED, initializer_range=0.05)
    lock(directory)
    assert run(["model", "export", str(directory), "--int8"]) == 0
    assert made(directory) == {f"onnx/model{kind}.onnx{of}" for kind in KINDS for of in PARTS}
    assert run(["model", "export", str(directory)]) == 0
    assert made(directory) == {f"onnx/model.onnx{of}" for of in PARTS}
    assert run(["model", "verify", str(directory)]) == 0
    assert "as pulled" in capsys.readouterr().out


def test_an_export_that_was_removed_is_no_damage(make_guard: Maker) -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    directory = make_guard(fitted_to=FITTED)
    lock(directory)
    assert run(["model", "export", str(directory)]) == 0
    shutil.rmtree(directory / "onnx")
    assert find(str(directory)) is not None
    assert run(["model", "verify", str(directory)]) == 0


def test_calibration_rows_that_cannot_be_read_are_named(
    guard_2: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "a"}\n{"words": "b"}\n')
    assert run(["model", "export", str(guard_2), "--calibration", str(rows)]) == 2
    assert "rows.jsonl:2" in capsys.readouterr().err
