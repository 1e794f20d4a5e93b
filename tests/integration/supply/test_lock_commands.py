"""`tyrian model lock`, `verify`, `drift` as people and pipelines call them, with a hub."""

import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.warm.program import tyrian

COMMIT, NEXT = "c0ffee" + "0" * 34, "beef" + "1" * 36
CONFIG, WEIGHTS = b'{"model_type": "tiny", "layers": 2}', bytes(range(256)) * 40


class Hub:
    """A hub on loopback: one repository, whose files a test may change."""

    def __init__(self) -> None:
        self.files = {"config.json": CONFIG, "model.bin": WEIGHTS}
        self.branches = {"main": COMMIT}
        self.sent: dict[str, bytes] = {}
        """What really comes in place of a file."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = hub.answer(unquote(self.path))
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str) -> bytes | None:
        if path.startswith("/api/models/owner/tiny/revision/"):
            revision = path.rsplit("/", 1)[1].split("?")[0]
            commit = self.branches.get(revision, revision)
            rows = [self.row(name, data) for name, data in self.files.items()]
            told = {"id": "owner/tiny", "sha": commit, "siblings": rows}
            return json.dumps({**told, "cardData": {"license": "mit"}}).encode()
        name = path.removeprefix(f"/owner/tiny/resolve/{COMMIT}/")
        return self.sent.get(name, self.files.get(name))

    def row(self, name: str, data: bytes) -> dict[str, object]:
        git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        row: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": git}
        if name.endswith(".bin"):
            row["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            row["blobId"] = "0" * 40  # of a pointer
        return row


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


class Place:
    """A working directory with a model in it."""

    def __init__(self, root: Path, hub: Hub) -> None:
        self.root, self.hub, self.model = root, hub, root / "model"
        self.model.mkdir()
        for name, data in hub.files.items():
            (self.model / name).write_bytes(data)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        known = {
            **{k: v for k, v in os.environ.items() if not k.endswith("_OFFLINE")},
            "HF_ENDPOINT": self.hub.url,
            "TYRIAN_APPROVER": "Ada",
            "TYRIAN_HOME": str(self.root / "home"),
            "NO_PROXY": "127.0.0.1",
            **environment,
        }
        return subprocess.run(
            [*tyrian(), *arguments],
            cwd=self.root,
            env=known,
            capture_output=True,
            text=True,
            check=False,
        )

    def lock(self, *more: str) -> subprocess.CompletedProcess[str]:
        return self.run(
            *("model", "lock", "model", "--repository", "owner/tiny", "--commit", COMMIT), *more
        )


@pytest.fixture
def place(tmp_path: Path, hub: Hub) -> Place:
    return Place(tmp_path, hub)


def test_lock_verify_and_drift_agree_with_disk_and_hub(place: Place) -> None:
    assert place.lock().returncode == 0
    assert place.run("model", "verify").returncode == 0
    done = place.run("model", "drift", "--hub")
    assert (done.returncode, done.stdout) == (
        *(0, "owner/tiny: no change since Ada approved it\n"),
    )
    (place.model / "config.json").write_bytes(CONFIG.replace(b"2", b"3"))
    done = place.run("model", "verify")
    assert (done.returncode, "config.json: modified" in done.stdout) == (1, True)
    done = place.run("model", "drift")
    assert (done.returncode, "layers: 2 -> 3" in done.stdout) == (1, True)


def test_a_directory_is_held_against_the_lock_beside_it(place: Place) -> None:
    done = place.run("model", "verify", "model")
    assert (done.returncode, "tyrian model lock DIR" in done.stderr) == (3, True)
    assert place.run("model", "lock", "model").returncode == 0
    assert place.run("model", "verify", "model").returncode == 0
    (place.model / "config.json").write_bytes(CONFIG.replace(b"2", b"3"))
    done = place.run("model", "verify", "model")
    assert (done.returncode, "config.json: modified" in done.stdout) == (1, True)


def test_a_floating_reference_is_refused_with_the_command_that_pins_it(place: Place) -> None:
    for name in ("owner/tiny", "owner/tiny@main"):
        done = place.run("model", "lock", name)
        assert done.returncode == 1
        assert f"tyrian model lock owner/tiny@{COMMIT}" in done.stderr
    done = place.run("model", "lock", "owner/tiny@main", HF_HUB_OFFLINE="1")
    assert (done.returncode, "owner/tiny@COMMIT" in done.stderr) == (1, True)
    assert not (place.root / "models.lock").exists()


def test_a_repository_is_locked_without_its_weights_and_a_directory_held_to_it(
    place: Place,
) -> None:
    assert place.run("model", "lock", f"owner/tiny@{COMMIT}").returncode == 0
    told = json.loads((place.root / "models.lock").read_bytes())
    (model,) = told["models"]
    assert (model["licence"], model["directory"]) == ("mit", "")
    assert [file["sha256"] for file in model["files"]] == [
        hashlib.sha256(data).hexdigest() for data in (CONFIG, WEIGHTS)
    ]
    assert place.run("model", "verify").returncode == 2  # lies in no directory that it knows
    assert place.run("model", "verify", "model", "--lock", "models.lock").returncode == 0
    (place.model / "model.bin").write_bytes(WEIGHTS[:-1])
    assert place.run("model", "verify", "model", "--lock", "models.lock").returncode == 1


def test_a_hub_that_sends_other_bytes_than_it_lists_is_not_locked(place: Place) -> None:
    place.hub.sent["config.json"] = b"{}"
    done = place.run("model", "lock", f"owner/tiny@{COMMIT}")
    assert done.returncode == 3
    assert "another git digest" in done.stderr
    assert not (place.root / "models.lock").exists()


def test_a_hub_that_moved_on_is_news_and_one_that_rewrote_a_commit_is_drift(place: Place) -> None:
    place.lock()
    recorded = place.run("model", "drift", "--hub", "--record", "tree.json")
    assert recorded.returncode == 0
    place.hub.files["config.json"] = b"{}"
    place.hub.branches["main"] = NEXT
    done = place.run("model", "drift", "--hub", "--revision", "main", "--format", "json")
    ((change,),) = [one["changes"] for one in json.loads(done.stdout)["models"]]
    assert (done.returncode, change["kind"], change["path"]) == (0, "approved", "config.json")
    assert place.run("model", "drift", "--hub").returncode == 1
    offline = place.run("model", "drift", "--tree", "tree.json", HF_HUB_OFFLINE="1")
    assert offline.returncode == 0
    assert place.run("model", "drift", "--hub", HF_HUB_OFFLINE="1").returncode == 3


def test_a_signed_lock_is_held_to_its_key_and_shows_edits(place: Place) -> None:
    for name in ("key", "other"):
        assert place.run("attest", "key", name).returncode == 0
    assert place.lock("--key", "key").returncode == 0
    assert place.run("model", "verify", "--key", "key.pub").returncode == 0
    done = place.run("model", "verify", "--key", "other.pub")
    assert (done.returncode, "another key" in done.stdout) == (1, True)
    lock = place.root / "models.lock"
    lock.write_bytes(lock.read_bytes().replace(b'"Ada"', b'"Eve"'))
    done = place.run("model", "verify")
    assert (done.returncode, "changed after it was written" in done.stderr) == (1, True)


def test_a_lock_in_the_model_is_not_a_file_of_it(place: Place) -> None:
    for _ in range(2):
        assert place.lock("--output", "model/models.lock").returncode == 0
    assert place.run("model", "verify", "--lock", "model/models.lock").returncode == 0


def test_a_directory_at_fault_is_refused_and_told_whole(place: Place) -> None:
    (place.model / "gone").symlink_to("nothing")
    (place.model / "out").symlink_to("/etc/hosts")
    done = place.lock()
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["gone", "out"]
    assert not (place.root / "models.lock").exists()


def test_an_attestation_holds_a_training_and_names_what_changed(place: Place) -> None:
    tuned = place.root / "tuned"
    tuned.mkdir()
    (tuned / "w.bin").write_bytes(b"new")
    (place.root / "train.jsonl").write_text("{}\n")
    (place.root / "hp.yaml").write_text("learning_rate: 1.0e-5\n")
    place.lock()
    place.run("attest", "key", "key")
    given = ("--base", "owner/tiny", "--dataset", "train=train.jsonl")
    made = place.run(
        *("attest", "create", "tuned", "--key", "key", *given, "--parameters", "hp.yaml"),
        *("--seed", "1", "--code", COMMIT),
    )
    assert (made.returncode, made.stderr) == (0, "")
    check = ("attest", "verify", "tuned", "--key", "key.pub", *given, "--code", COMMIT)
    done = place.run(*check)
    assert (done.returncode, done.stderr) == (0, "")
    assert place.run(*check, "--require-evaluations").returncode == 1
    (tuned / "w.bin").write_bytes(b"newer")
    done = place.run(*check)
    assert (done.returncode, "model/w.bin: attested" in done.stdout) == (1, True)
    done = place.run("attest", "create", "tuned", "--sigstore", *given)
    assert done.returncode in (2, 3)
    assert "hint: " in done.stderr
