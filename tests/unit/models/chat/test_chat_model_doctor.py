"""`tyrian doctor` over Llama Guard directories in their true formats."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tyrian.cli.main import run


@pytest.mark.parametrize("name", ["llama-guard-3-8b", "llama-guard-3-vision", "llama-guard-4"])
def test_doctor_refuses_a_llama_guard_with_random_weights(
    guard_directory: Callable[..., Path],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TYRIAN_HOME", str(tmp_path))
    directory = guard_directory(name, is_noise=True)
    code = run(["doctor", "--format", "json", "--model", str(directory)])
    items = json.loads(capsys.readouterr().out)
    item = next(item for item in items if item["name"].startswith(f"{directory.name} "))
    assert (code, item["state"]) == (1, "refused"), item
    assert re.search(r"does not tell known attacks|neither 'safe' nor 'unsafe'", item["detail"])
