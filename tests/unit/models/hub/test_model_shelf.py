"""The shelf: what is found, without any network."""

from pathlib import Path

import pytest

from tyrian.errors import ConfigError, ModelError
from tyrian.models.hub.catalogue import (
    ENTRIES,
    entry_of,
    for_guard,
    known,
    shelf_name,
)
from tyrian.models.hub.lock import LOCK_NAME, Lock, LockedFile, sha256_of, write_lock
from tyrian.models.hub.shelf import described, find, here

FIRST, SECOND = "1" * 40, "2" * 40


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TYRIAN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def make(directory: Path, *, revision: str = "", pulled_at: str = "", requested: str = "") -> Path:
    directory.mkdir(parents=True)
    (directory / "config.json").write_text("{}")
    (directory / "model.safetensors").write_bytes(b"weights")
    if revision:
        files = tuple(
            LockedFile(path=path.name, size=path.stat().st_size, sha256=sha256_of(path))
            for path in sorted(directory.iterdir())
        )
        lock = Lock(
            name="prompt-guard-2-22m",
            repository="meta-llama/Llama-Prompt-Guard-2-22M",
            revision=revision,
            requested=requested,
            licence="Llama 4 Community License",
            pulled_at=pulled_at,
            files=files,
        )
        write_lock(directory, lock)
    return directory


def on_shelf(home: Path, revision: str, pulled_at: str = "", requested: str = "") -> Path:
    directory = home / "models" / "prompt-guard-2-22m" / revision
    return make(directory, revision=revision, pulled_at=pulled_at, requested=requested)


def test_nothing_is_found_on_an_empty_machine(home: Path) -> None:
    assert find("prompt-guard-2-22m") is None
    assert here() == ()


@pytest.mark.parametrize(
    "name",
    [
        "prompt-guard-2-22m",
        "prompt_guard_2_22m",
        "22m",
        "meta-llama/Llama-Prompt-Guard-2-22M",
        "META-LLAMA/llama-prompt-guard-2-22m",
    ],
)
def test_a_pulled_model_is_found_by_name_alias_and_repository(home: Path, name: str) -> None:
    directory = on_shelf(home, FIRST)
    found = find(name)
    assert found is not None
    assert (found.path, found.revision) == (directory, FIRST)
    assert found.name == "prompt-guard-2-22m"
    assert found.licence == "Llama 4 Community License"
    assert found.digest.startswith("sha256:")
    assert here() == (found,)


def test_without_a_revision_the_one_pulled_last_is_found(home: Path) -> None:
    on_shelf(home, SECOND, "2030-01-01T00:00:00Z")
    on_shelf(home, FIRST, "2030-01-02T00:00:00Z")
    found = find("22m")
    assert found is not None
    assert found.revision == FIRST
    assert len(here()) == 2


@pytest.mark.parametrize("revision", [SECOND, "2222222", "v2"])
def test_a_revision_is_found_by_commit_by_its_beginning_and_by_branch(
    home: Path, revision: str
) -> None:
    on_shelf(home, FIRST, "2030-01-02T00:00:00Z", "main")
    on_shelf(home, SECOND, "2030-01-01T00:00:00Z", "v2")
    found = find("22m", revision)
    assert found is not None
    assert found.revision == SECOND


@pytest.mark.parametrize("revision", ["3" * 40, "111111", "nobranch"])
def test_a_revision_that_is_not_here_is_not_replaced_by_another(home: Path, revision: str) -> None:
    on_shelf(home, FIRST)
    assert find("22m", revision) is None


def test_a_directory_path_comes_before_the_shelf(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_shelf(home, FIRST)
    own = make(tmp_path / "prompt-guard-2-22m")
    monkeypatch.chdir(tmp_path)
    found = find("prompt-guard-2-22m")
    assert found is not None
    assert found.path.resolve() == own
    assert (found.revision, found.digest, found.licence) == ("unknown", "", "")
    assert find(str(own)) is not None


def test_a_directory_put_there_by_hand_is_found_beside_a_pulled_one(home: Path) -> None:
    by_hand = make(home / "models" / "prompt-guard-2-22m")
    (by_hand / "onnx").mkdir()
    (by_hand / "onnx" / "config.json").write_text("{}")
    found = find("22m")
    assert found is not None
    assert found.path == by_hand
    pulled = on_shelf(home, FIRST, "2030-01-01T00:00:00Z")
    found = find("22m")
    assert found is not None
    assert found.path == pulled
    assert len(here()) == 2


def test_a_pull_under_way_is_not_a_model(home: Path) -> None:
    make(home / "models" / "prompt-guard-2-22m" / f".{FIRST}.part")
    assert find("22m") is None
    assert here() == ()


def test_a_directory_with_a_missing_file_is_refused(home: Path) -> None:
    directory = on_shelf(home, FIRST)
    (directory / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors: missing"):
        find("22m")


def test_a_directory_with_a_cut_file_is_refused(home: Path) -> None:
    directory = on_shelf(home, FIRST)
    (directory / "model.safetensors").write_bytes(b"half")
    with pytest.raises(ModelError, match="4 bytes, not 7"):
        find(str(directory))


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        (b"", "not a lock"),
        (b"\xff\xfe", "not a lock"),
        (b'{"name": 1}', "not a lock"),
        (b'{"name":"a","repository":"a/b","revision":"c","format":9}', "format 9"),
        (
            b'{"name":"a","repository":"a/b","revision":"c",'
            b'"files":[{"path":"../up","size":1,"sha256":""}]}',
            "outside its directory",
        ),
    ],
)
def test_a_lock_that_cannot_be_trusted_is_an_error(tmp_path: Path, lock: bytes, said: str) -> None:
    directory = make(tmp_path / "model")
    (directory / LOCK_NAME).write_bytes(lock)
    with pytest.raises(ModelError, match=said):
        find(str(directory))


@pytest.mark.parametrize("revision", ["", SECOND, SECOND[:7], "main"])
def test_a_bad_lock_does_not_stand_in_the_way_of_another_revision(
    home: Path, revision: str, caplog: pytest.LogCaptureFixture
) -> None:
    (on_shelf(home, FIRST, "2030-01-02T00:00:00Z", "main") / LOCK_NAME).write_bytes(b"")
    directory = on_shelf(home, SECOND, "2030-01-01T00:00:00Z", "main")
    found = find("22m", revision)
    assert found is not None
    assert found.path == directory
    is_asked_by_commit = revision == SECOND
    assert (FIRST in caplog.text) is not is_asked_by_commit


@pytest.mark.parametrize("revision", [FIRST, FIRST[:7], "v2"])
def test_a_revision_that_may_have_the_bad_lock_is_an_error(home: Path, revision: str) -> None:
    (on_shelf(home, FIRST, requested="v2") / LOCK_NAME).write_bytes(b"")
    on_shelf(home, SECOND, requested="main")
    with pytest.raises(ModelError, match=rf"{FIRST}.*not a lock"):
        find("22m", revision)


def test_a_bad_lock_of_another_commit_does_not_hide_that_one_is_not_here(home: Path) -> None:
    (on_shelf(home, FIRST) / LOCK_NAME).write_bytes(b"")
    assert find("22m", SECOND) is None


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/../b", "no such", "x" * 5000, "a\0b", "~nobody-here/x", "/"]
)
def test_odd_names_find_nothing(home: Path, name: str) -> None:
    (home / "models").mkdir(parents=True)
    assert find(name) is None


def test_a_directory_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no config\.json"):
        described(tmp_path)


def test_every_catalogue_name_is_known_and_says_its_pin_truthfully() -> None:
    for entry in ENTRIES:
        assert known(entry.name) is entry
        assert shelf_name(entry.repository) == entry.name
        assert entry.pin == entry.revision or "unpinned" in entry.pin
        assert entry.licence.url.startswith("https://")
        assert entry in for_guard(entry.guard)


def test_the_larger_prompt_guard_is_preferred() -> None:
    assert [entry.name for entry in for_guard("prompt_guard_2")] == [
        "prompt-guard-2-86m",
        "prompt-guard-2-22m",
    ]


def test_an_unknown_name_tells_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="did you mean 'llama-guard-4'"):
        entry_of("llama-gard-4")


@pytest.mark.parametrize("name", ["a/b/c", "/etc", "a/..", "-a/b", "a b/c", "a/b\n"])
def test_what_is_no_repository_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        entry_of(name)


def test_any_other_repository_has_a_place_of_its_own() -> None:
    entry = entry_of("some-org/some.model")
    assert (entry.name, entry.repository) == ("some-org--some.model", "some-org/some.model")
