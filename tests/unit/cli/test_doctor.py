"""`tyrian doctor`: what it says of an installation, and what it refuses."""

import json
from pathlib import Path

import pytest

from tyrian.cli.main import run
from tyrian.models.hub.catalogue import ENTRIES
from tyrian.models.hub.lock import Lock, LockedFile, sha256_of, write_lock


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TYRIAN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    return tmp_path / "home"


def doctor(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict[str, dict[str, str]]]:
    code = run(["doctor", "--format", "json", *args])
    items = json.loads(capsys.readouterr().out)
    return code, {f"{item['section']}/{item['name']}": item for item in items}


def put_on_shelf(home: Path, name: str = "prompt-guard-2-22m") -> Path:
    directory = home / "models" / name / ("1" * 40)
    directory.mkdir(parents=True)
    home.chmod(0o700)
    (directory / "config.json").write_text('{"architectures": ["DebertaV2"]}')
    (directory / "model.safetensors").write_bytes(b"weights")
    files = tuple(
        LockedFile(path=path.name, size=path.stat().st_size, sha256=sha256_of(path))
        for path in sorted(directory.iterdir())
    )
    write_lock(directory, Lock(name=name, repository="a/b", revision="1" * 40, files=files))
    return directory


def test_a_fresh_installation_is_well_and_its_models_judge(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, items = doctor(capsys)
    assert code == 0
    for name in ("prompt-guard-embedded", "content-guard-embedded"):
        item = items[f"models/{name}"]
        assert (item["state"], "self-test passed" in item["detail"]) == ("ok", True)


def test_each_missing_model_says_what_it_would_give_and_how_to_get_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, items = doctor(capsys)
    for entry in ENTRIES:
        item = items[f"weights/{entry.name}"]
        assert item["state"] == "absent"
        assert entry.gives in item["detail"]
        assert entry.licence.name in item["detail"]
        assert item["get"] == f"tyrian model pull {entry.name}"


def test_each_extra_says_what_it_gives(capsys: pytest.CaptureFixture[str]) -> None:
    _, items = doctor(capsys)
    for extra in ("hf", "onnx", "images", "postgres"):
        item = items[f"extras/{extra}"]
        assert item["detail"]
        assert item["get"] in ("", f"pip install 'tyrian[{extra}]'")
        assert bool(item["get"]) == (item["state"] == "absent")


def test_a_damaged_model_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (put_on_shelf(home) / "model.safetensors").write_bytes(b"half")
    code, items = doctor(capsys)
    assert code == 1
    item = items["models/prompt-guard-2-22m 111111111111"]
    assert item["state"] == "refused"
    assert "damaged" in item["detail"]
    assert "tyrian model verify" in item["get"]


def test_a_directory_that_is_no_model_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, items = doctor(capsys, "--model", str(tmp_path))
    assert code == 1
    assert items[f"models/{tmp_path}"]["state"] == "refused"


@pytest.mark.parametrize("config", ["", "[]", "{}", '{"architectures": []}', "\x00"])
def test_a_directory_that_does_not_say_what_it_is_is_refused(
    tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text(config)
    code, _ = doctor(capsys, "--model", str(tmp_path))
    assert code == 1


def test_a_copy_in_the_hub_cache_is_pointed_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "hub" / "hub" / "models--meta-llama--Llama-Prompt-Guard-2-22M"
    folder.mkdir(parents=True)
    _, items = doctor(capsys)
    assert str(folder) in items["weights/prompt-guard-2-22m"]["detail"]


def test_the_text_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "get it: tyrian model pull prompt-guard-2-22m" in shown
    assert "get it: tyrian serve" in shown
