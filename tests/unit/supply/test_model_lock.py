"""models.lock: what is approved, how edits show, and what is refused."""

import json
import os
import threading
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tyrian.errors import ConfigError
from tyrian.supply.attest.keys import make_key, read_signer, read_verifier
from tyrian.supply.lock.cache import Cache
from tyrian.supply.lock.digest import digest_all, digest_file
from tyrian.supply.lock.fault import FaultKind, LockError
from tyrian.supply.lock.lock import EditedError, LockedModel, ModelsLock, encode, parse
from tyrian.supply.lock.make import Approval, FaultyError, FloatingError, lock_directory
from tyrian.supply.lock.signature import check_signature, sign_lock
from tyrian.supply.lock.verify import verify_model
from tyrian.supply.lock.walk import walk

COMMIT = "c0ffee" + "0" * 34
APPROVAL = Approval("tiny", "Ada", "2026-11-21T00:00:00Z", "owner/tiny", COMMIT)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A directory such as a hub's, with a folder."""
    directory = tmp_path / "model"
    (directory / "sub").mkdir(parents=True)
    (directory / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Tiny\n")
    (directory / "config.json").write_text('{"model_type": "tiny", "layers": 2}')
    (directory / "sub" / "vocab.txt").write_text("a\nb\n")
    weights = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(3, np.float32)}
    save_file(weights, directory / "model.safetensors")
    return directory


def kinds(directory: Path, locked: LockedModel) -> dict[str, FaultKind]:
    """The faults of a directory by path."""
    return {one.path: one.kind for one in verify_model(directory, locked).faults}


def test_a_lock_holds_every_file_and_what_it_means(model: Path) -> None:
    locked = lock_directory(model, APPROVAL)
    assert [file.path for file in locked.files] == [
        *("README.md", "config.json", "model.safetensors", "sub/vocab.txt"),
    ]
    assert locked.licence == "apache-2.0"
    assert locked.facts["config.json"] == {"layers": "2", "model_type": '"tiny"'}
    assert locked.facts["model.safetensors"]["tensor w"].startswith("F32 [2,3] sha256:")
    assert kinds(model, locked) == {}


def test_the_same_directory_gives_the_same_bytes_and_they_read_back(model: Path) -> None:
    first = encode(ModelsLock(models=(lock_directory(model, APPROVAL),)))
    assert first == encode(ModelsLock(models=(lock_directory(model, APPROVAL),)))
    assert encode(parse(first)) == first
    json.loads(first)  # JSON for every other reader too


def test_every_edit_of_a_lock_shows(model: Path) -> None:
    data = encode(ModelsLock(models=(lock_directory(model, APPROVAL),)))
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises((EditedError, LockError)):
            parse(changed)
    with pytest.raises(EditedError):
        parse(data.replace(b'"Ada"', b'"Eve"'))
    with pytest.raises(EditedError):
        parse(data + b"\n")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"format": "1"}', b"[" * 100_000])
def test_what_is_no_lock_is_told(data: bytes) -> None:
    with pytest.raises(LockError, match="no lock of models"):
        parse(data)


def test_a_lock_of_another_version_is_told(model: Path) -> None:
    data = encode(ModelsLock(format=2, models=(lock_directory(model, APPROVAL),)))
    with pytest.raises(LockError, match="format 2"):
        parse(data)


def test_each_single_byte_change_is_caught_and_named(model: Path) -> None:
    locked = lock_directory(model, APPROVAL)
    for path in [path for path in model.rglob("*") if path.is_file()]:
        data = path.read_bytes()
        for at in {0, len(data) // 3, len(data) // 2, len(data) - 1}:
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            assert kinds(model, locked) == {path.relative_to(model).as_posix(): FaultKind.MODIFIED}
        path.write_bytes(data)
    assert kinds(model, locked) == {}


def test_what_is_gone_new_or_moved_is_named(model: Path) -> None:
    locked = lock_directory(model, APPROVAL)
    (model / "config.json").unlink()
    (model / "evil.py").write_text("x")
    (model / "sub" / "vocab.txt").rename(model / "vocab.txt")
    assert kinds(model, locked) == {
        "config.json": FaultKind.MISSING,
        "evil.py": FaultKind.UNEXPECTED,
        "vocab.txt": FaultKind.MOVED,
    }


def test_links_pipes_and_odd_names_are_each_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    (model / "out").symlink_to(tmp_path / "outside")
    (model / "up").symlink_to("..")
    (model / "self").symlink_to(".")
    (model / "loop").symlink_to("loop")
    (model / "gone").symlink_to("nothing")
    os.mkfifo(model / "pipe")
    (model / "a\x1b[2J").write_text("x")
    (model / "mode\u200bl.bin").write_text("x")
    (model / os.fsdecode(b"bad\xff")).write_text("x")
    (model / "CONFIG.json").write_text("{}")
    with pytest.raises(FaultyError) as told:
        lock_directory(model, APPROVAL)
    found = {(one.path.encode("ascii", "replace").decode(), one.kind) for one in told.value.faults}
    assert {
        ("out", FaultKind.LINK_LEAVES),
        ("up", FaultKind.LINK_LEAVES),
        ("self", FaultKind.LINK_BROKEN),
        ("loop", FaultKind.LINK_BROKEN),
        ("gone", FaultKind.LINK_BROKEN),
        ("pipe", FaultKind.SPECIAL),
        ("a\x1b[2J", FaultKind.NAME),
        ("mode?l.bin", FaultKind.NAME),
        ("bad\\udcff", FaultKind.NAME),
        ("config.json", FaultKind.NAME),
    } == found


def test_a_link_inside_is_locked_as_one_and_its_change_is_named(model: Path) -> None:
    (model / "latest").symlink_to("model.safetensors")
    locked = lock_directory(model, APPROVAL)
    assert kinds(model, locked) == {}
    (model / "latest").unlink()
    (model / "latest").symlink_to("config.json")
    assert kinds(model, locked) == {"latest": FaultKind.MODIFIED}


def test_a_snapshot_of_the_hubs_cache_is_read_through_its_links(tmp_path: Path) -> None:
    home = tmp_path / "models--owner--tiny"
    snapshot, blobs = home / "snapshots" / COMMIT, home / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    (blobs / "abc").write_text("{}")
    (snapshot / "config.json").symlink_to("../../blobs/abc")
    locked = lock_directory(snapshot, APPROVAL)
    assert locked.files[0].size == 2
    (blobs / "abc").write_text("[]")
    assert kinds(snapshot, locked) == {"config.json": FaultKind.MODIFIED}


def test_a_huge_file_of_holes_is_told_and_not_read(model: Path) -> None:
    with (model / "big.bin").open("wb") as file:
        file.write(b"x" * 4096)
        file.truncate(100 << 30)
    with pytest.raises(FaultyError) as told:
        lock_directory(model, APPROVAL)
    assert [one.kind for one in told.value.faults] == [FaultKind.SPARSE]


def test_a_file_that_grows_while_it_is_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(bytes(8 << 20))
    is_over = threading.Event()

    def grow(amount: int) -> None:
        if not is_over.is_set():
            is_over.set()
            with path.open("ab") as file:
                file.write(b"more")

    digests = digest_all(walk(tmp_path).files, grow)
    assert digests.known == {}
    assert [one.kind for one in digests.faults] == [FaultKind.CHANGING]


def test_nobody_can_approve_and_no_branch_can_be_approved(model: Path) -> None:
    with pytest.raises(ConfigError, match="nobody approves"):
        lock_directory(model, Approval("tiny", " ", "t"))
    for revision in ("", "main", "v1.0", COMMIT[:8]):
        with pytest.raises(FloatingError, match="floating reference") as told:
            lock_directory(model, Approval("tiny", "Ada", "t", "owner/tiny", revision))
        assert "tyrian model lock owner/tiny@COMMIT" in told.value.hint


def test_code_of_another_repository_needs_a_commit(model: Path) -> None:
    config = {"auto_map": {"AutoModel": "other/code--modeling.Net"}}
    (model / "config.json").write_text(json.dumps(config))
    with pytest.raises(FloatingError) as told:
        lock_directory(model, APPROVAL)
    assert "--pin other/code=COMMIT" in told.value.hint
    approval = Approval("tiny", "Ada", "t", "owner/tiny", COMMIT, pins={"other/code": COMMIT})
    (reference,) = lock_directory(model, approval).references
    assert (reference.repository, reference.commit) == ("other/code", COMMIT)


def test_an_approval_ends_on_its_day(model: Path) -> None:
    approval = Approval("tiny", "Ada", "t", "owner/tiny", COMMIT, expires="2027-01-31")
    locked = lock_directory(model, approval)
    assert verify_model(model, locked, today=date(2027, 1, 31)).faults == ()
    (fault,) = verify_model(model, locked, today=date(2027, 2, 1)).faults
    assert fault.kind is FaultKind.EXPIRED


def test_a_cache_remembers_and_sees_ordinary_changes(model: Path, tmp_path: Path) -> None:
    locked = lock_directory(model, APPROVAL)
    old = 1_700_000_000
    weights = model / "model.safetensors"
    with Cache(tmp_path / "cache.sqlite") as cache:
        for path in model.rglob("*"):
            os.utime(path, (old, old))
        # The inode's own time cannot be set: until it is old, nothing is remembered.
        assert verify_model(model, locked, cache=cache).cached == 0
        digest = digest_file(str(weights))
        with weights.open("rb") as file:
            from tyrian.supply.lock.cache import Identity

            identity = Identity.of(file.fileno())
        from dataclasses import replace

        cache.put(replace(identity, changed=0), digest.sha256, digest.git)
        assert cache.get(replace(identity, changed=0)) is not None
        assert cache.get(identity) is None
        assert cache.get(replace(identity, changed=0, sample="other")) is None


def test_a_signature_of_another_key_or_another_lock_is_told(model: Path, tmp_path: Path) -> None:
    data = encode(ModelsLock(models=(lock_directory(model, APPROVAL),)))
    path = tmp_path / "models.lock"
    path.write_bytes(data)
    make_key(tmp_path / "own")
    make_key(tmp_path / "foreign")
    own, foreign = (read_verifier(tmp_path / f"{name}.pub") for name in ("own", "foreign"))

    def why(key: object, seen: bytes = data) -> str:
        found = check_signature(path, seen, [key])  # type: ignore[list-item]
        return found[0].why if found else ""

    assert "not signed" in why(own)
    sign_lock(path, data, read_signer(tmp_path / "own"))
    assert why(own) == ""
    assert "another key" in why(foreign)
    assert "another file" in why(own, data + b" ")
    at = tmp_path / "models.lock.sig"
    told = json.loads(at.read_bytes())
    told["signatures"][0]["sig"] = "A" * 86 + "=="
    at.write_text(json.dumps(told))
    assert "does not fit" in why(own)
    at.write_text("{}")
    assert "no DSSE envelope" in why(own)


@pytest.mark.parametrize(
    "config",
    [
        {"vision_config": {"auto_map": {"AutoModel": "other/code--m.Net"}}},
        {"auto_map": {"AutoTokenizer": [None, "other/code--m.Fast"]}},
        {"auto_map": {f"a{n}": "m.Net" for n in range(100)} | {"z": "other/code--m.Net"}},
        {"auto_map": {"x": "other/code--" + "m" * 5000}},
        {"custom_pipelines": {"x": {"impl": "other/code--m.Pipe", "pt": ["A"]}}},
        {"many": {f"a{n}": {"auto_map": {"x": "other/code--m.Net"}} for n in range(100)}},
        {f"k{n}": n for n in range(5000)} | {"auto_map": {"x": "other/code--m.Net"}},
    ],
)
def test_code_of_another_repository_is_seen_however_it_is_buried(
    model: Path, config: object
) -> None:
    (model / "config.json").write_text(json.dumps(config))
    with pytest.raises(FloatingError, match="other/code"):
        lock_directory(model, APPROVAL)


def test_a_configuration_of_many_keys_is_told_key_by_key(model: Path) -> None:
    (model / "config.json").write_text(json.dumps({f"k{n}": n for n in range(200)}))
    assert lock_directory(model, APPROVAL).facts["config.json"]["k150"] == "150"


def test_keys_that_are_long_or_look_alike_stay_apart(model: Path) -> None:
    long = "k" * 5000
    told = {long + "a": 1, long + "b": 2, "x": {"y": 3}, "x.y": 4, "l": [5], "l[0]": 6}
    (model / "config.json").write_text(json.dumps(told))
    facts = lock_directory(model, APPROVAL).facts["config.json"]
    assert sorted(facts.values()) == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "{", "", '{"a":' * 5000 + "1" + "}" * 5000])
def test_a_configuration_whose_references_cannot_be_known_is_not_approved(
    model: Path, text: str
) -> None:
    (model / "config.json").write_text(text)
    with pytest.raises(FaultyError) as told:
        lock_directory(model, APPROVAL)
    assert [(one.path, one.kind) for one in told.value.faults] == [
        ("config.json", FaultKind.UNREADABLE)
    ]
