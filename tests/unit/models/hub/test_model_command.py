"""`tyrian model`, run as its users run it, against a real hub on this machine."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.warm.program import tyrian

from tyrian.models.hub.lock import record_made

COMMIT = "c0ffee" + "0" * 34
NAME = "prompt-guard-2-22m"
MAIN = "from tyrian.cli.main import main; main()"


def model(*args: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*tyrian(), "model", *args],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **more},
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def directory(home: Path) -> Path:
    return home / "models" / NAME / COMMIT


def test_a_model_comes_is_found_and_stays_when_the_hub_is_gone(hub: Any, home: Path) -> None:
    done = model("pull", "22m", "--accept-licence")
    assert (done.returncode, done.stdout) == (0, f"{directory(home)}\n"), done.stderr
    assert "Llama 4 Community License, https://www.llama.com/llama4/license/" in done.stderr
    assert f"revision  {COMMIT} (now main)" in done.stderr
    assert "\x1b[" not in done.stderr
    asked = len(hub.requests)

    again = model("pull", "22m", HF_HUB_OFFLINE="1")
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert "is here already" in again.stderr
    assert model("path", "prompt_guard_2_22m").stdout == done.stdout
    listed = {row["name"]: row for row in json.loads(model("list", "--format", "json").stdout)}
    assert listed[NAME]["here"][0]["revision"] == COMMIT
    assert listed["llama-guard-4-12b"]["here"] == []
    assert "unpinned" in listed["llama-guard-4-12b"]["revision"]
    assert len(hub.requests) == asked


def test_without_a_terminal_the_licence_has_to_be_accepted_beforehand(hub: Any) -> None:
    done = model("pull", NAME)
    assert done.returncode == 2
    assert "is not accepted: Llama 4 Community License" in done.stderr
    assert "--accept-licence" in done.stderr
    assert hub.requests == []


def on_terminal(answer: str) -> tuple[int, str]:
    """Run the pull on a terminal, and type the answer when it asks."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "model", "pull", NAME],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(ours, 4096)
    os.write(ours, answer.encode())
    with contextlib.suppress(OSError):  # the other end of a terminal closes this way
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    return process.wait(), shown.decode()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("\n", 1)])
def test_on_a_terminal_the_licence_is_asked_for(
    hub: Any, home: Path, answer: str, code: int
) -> None:
    found, shown = on_terminal(answer)
    assert found == code, shown
    assert "Do you accept the Llama 4 Community License?" in shown
    assert directory(home).is_dir() == (code == 0)


def test_a_pull_that_was_killed_goes_on(hub: Any, home: Path) -> None:
    hub.files["model.safetensors"] = big = hub.files["model.safetensors"] * 1
    hub.delay_s = 0.5
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "model", "pull", NAME, "--accept-licence", "-q"],
        stdout=subprocess.DEVNULL,
    )
    file = directory(home).with_name(f".{COMMIT}.part") / "model.safetensors"
    while not (file.is_file() and file.stat().st_size):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    came = file.stat().st_size
    assert 0 < came < len(big)
    assert model("path", NAME).returncode == 3

    hub.delay_s = 0.0
    hub.requests.clear()
    done = model("pull", NAME, "--accept-licence")
    assert done.returncode == 0, done.stderr
    assert [one["Range"] for one in hub.asked("/bytes/")] == [f"bytes={came}-"]
    assert (directory(home) / "model.safetensors").read_bytes() == big


def test_a_gated_model_is_no_finding_and_tells_what_to_do(hub: Any) -> None:
    hub.gate = "closed"
    done = model("pull", NAME, "--accept-licence")
    assert done.returncode == 3
    assert "export HF_TOKEN=" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_network_is_no_finding_and_tells_what_to_do(hub: Any) -> None:
    done = model("pull", NAME, "--accept-licence", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 3
    assert "cannot be reached" in done.stderr
    assert "copy the model's directory" in done.stderr


def test_pickled_weights_are_refused(hub: Any) -> None:
    del hub.files["model.safetensors"]
    done = model("pull", NAME, "--accept-licence")
    assert done.returncode == 1
    assert "--allow-pickle" in done.stderr


def test_a_dry_run_shows_the_plan_and_writes_nothing(hub: Any, home: Path) -> None:
    done = model("pull", NAME, "--dry-run", "--format", "json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["revision"] == COMMIT
    assert plan["left_out"] == ["original/consolidated.00.pth", "handler.py", "pytorch_model.bin"]
    assert not home.exists()


def test_any_other_repository_shows_the_licence_of_its_card(hub: Any, home: Path) -> None:
    hub.repository = "some-org/some-model"
    hub.card = {"license": "other", "license_name": "own\x1b[2J", "license_link": "javascript:x"}
    done = model("pull", "some-org/some-model")
    assert done.returncode == 2
    assert "own[2J" in done.stderr
    assert "\x1b" not in done.stderr
    done = model("pull", "some-org/some-model", "--accept-licence", "--format", "json")
    assert json.loads(done.stdout)["name"] == "some-org--some-model"
    assert model("path", "some-org/some-model").returncode == 0
    assert "some-org--some-model" in model("list").stdout


def test_verify_tells_every_difference(hub: Any, home: Path) -> None:
    assert model("pull", NAME, "--accept-licence", "-q").returncode == 0
    done = model("verify", NAME)
    assert (done.returncode, done.stdout.startswith("5 files as pulled, sha256:")) == (0, True)
    (directory(home) / "config.json").write_text('{"model_type": "deberta-v3"}')
    (directory(home) / "LICENSE").unlink()
    (directory(home) / "modeling.py").write_text("import os")
    done = model("verify", str(directory(home)), "--format", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["faults"] == [
        "config.json: another SHA-256 than in the lock",
        "LICENSE: missing",
        "modeling.py: not in the lock",
    ]
    assert model("verify", NAME).returncode == 1
    assert model("path", NAME).returncode == 2


def test_verify_counts_what_was_made_of_the_files_while_it_is_there(hub: Any, home: Path) -> None:
    assert model("pull", NAME, "--accept-licence", "-q").returncode == 0
    made = [directory(home) / name for name in ("one.onnx", "two.onnx")]
    for path in made:
        path.write_bytes(b"exported")
    record_made(directory(home), made)
    made[0].unlink()
    told = model("verify", NAME).stdout
    assert told.startswith("5 files as pulled and 1 as made of them, sha256:")


def test_verify_says_nothing_of_a_directory_without_a_lock(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert model("verify", str(tmp_path)).returncode == 3


def test_a_lock_that_cannot_be_read_hides_no_other_model(hub: Any, home: Path) -> None:
    assert model("pull", NAME, "--accept-licence", "-q").returncode == 0
    (directory(home) / "tyrian-model.json").write_text("{")
    listed = model("list")
    assert listed.returncode == 0
    assert "unknown" in listed.stdout
    again = model("pull", NAME, "--accept-licence")
    assert again.returncode == 0, again.stderr
    assert model("verify", NAME).returncode == 0


def test_an_unknown_name_is_a_usage_error() -> None:
    done = model("pull", "prompt-gard-2")
    assert done.returncode == 2
    assert "did you mean 'prompt-guard-2'" in done.stderr
