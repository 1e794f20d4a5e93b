"""Pulling over HTTP: what comes is whole, checked, and what the hub said."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tyrian.errors import ConfigError
from tyrian.models.hub.catalogue import entry_of
from tyrian.models.hub.download import Patience
from tyrian.models.hub.endpoint import endpoint_from_environment
from tyrian.models.hub.errors import AccessError, HubError, OfflineError, RefusedError
from tyrian.models.hub.lock import LOCK_NAME, faults, read_lock
from tyrian.models.hub.pull import fetch, make_plan
from tyrian.models.hub.shelf import ModelDir, find

COMMIT = "c0ffee" + "0" * 34
NEXT_COMMIT = "beef" + "1" * 36
NAME = "prompt-guard-2-22m"
TOKEN = "hf_of-the-tests"
QUICK = Patience(attempts=3, first_wait_s=0.0)


async def pull(
    *, revision: str = "", is_pickle_allowed: bool = False, heard: list[int] | None = None
) -> ModelDir:
    amounts: list[int] = [] if heard is None else heard
    plan = await make_plan(
        entry_of(NAME),
        endpoint_from_environment(),
        revision=revision,
        is_pickle_allowed=is_pickle_allowed,
    )
    return await fetch(plan, advance=amounts.append, patience=QUICK)


def leftovers(home: Path) -> list[str]:
    place = home / "models" / NAME
    return sorted(path.name for path in place.iterdir() if path.name != ".lock")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


async def test_a_pulled_model_is_whole_and_found_without_the_hub(hub: Any) -> None:
    heard: list[int] = []
    made = await pull(heard=heard)
    asked = len(hub.requests)
    found = find(NAME)
    assert found == made
    assert len(hub.requests) == asked
    names = {path.name for path in made.path.iterdir()}
    assert names == {
        *("config.json", "model.safetensors", "tokenizer.json", "README.md", "LICENSE"),
        LOCK_NAME,
    }
    assert (made.path / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    lock = read_lock(made.path)
    assert lock is not None
    assert (lock.revision, lock.requested, lock.endpoint) == (COMMIT, "main", hub.url)
    assert lock.licence == "Llama 4 Community License"
    assert lock.accepted_at.endswith("Z")
    assert list(faults(made.path, lock, is_thorough=True)) == []
    assert sum(heard) == sum(file.size for file in lock.files)


async def test_the_hub_of_these_tests_is_one_to_its_usual_client(hub: Any, tmp_path: Path) -> None:
    usual = pytest.importorskip("huggingface_hub", reason="needs the extra hf")
    repository = "meta-llama/Llama-Prompt-Guard-2-22M"
    made = await pull()
    lock = read_lock(made.path)
    assert lock is not None
    api = usual.HfApi(endpoint=hub.url, token=False)
    info = await asyncio.to_thread(api.model_info, repository, revision="main", files_metadata=True)
    assert info.sha == lock.revision
    digests = {
        one.rfilename: one.lfs["sha256"] if one.lfs else one.blob_id for one in info.siblings
    }
    for file in lock.files:
        await asyncio.to_thread(
            api.hf_hub_download, repository, file.path, local_dir=tmp_path / "usual"
        )
        came = (tmp_path / "usual" / file.path).read_bytes()
        assert came == (made.path / file.path).read_bytes()
        assert file.source_digest.partition(":")[2] == digests[file.path]


async def test_an_empty_file_comes_too(hub: Any) -> None:
    hub.files["merges.txt"] = b""
    made = await pull()
    assert (made.path / "merges.txt").read_bytes() == b""


async def test_what_is_stored_is_the_commit_of_a_branch(hub: Any, home: Path) -> None:
    hub.branches["next"] = hub.commit_header = NEXT_COMMIT
    made = await pull(revision="next")
    assert made.path == home / "models" / NAME / NEXT_COMMIT
    found = find(NAME, "next")
    assert found is not None
    assert found.revision == NEXT_COMMIT


async def test_the_token_goes_to_the_hub_and_to_nobody_else(
    hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.gate = "token"
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    await pull()
    assert all(one["Authorization"] == f"Bearer {TOKEN}" for one in hub.asked("/resolve/"))
    assert hub.asked("/bytes/")
    assert not any("Authorization" in one for one in hub.asked("/bytes/"))
    assert TOKEN not in repr(endpoint_from_environment())


async def test_an_interrupted_file_goes_on_where_it_stopped(hub: Any) -> None:
    hub.cuts, hub.cut_after = 2, 100_000
    heard: list[int] = []
    await pull(heard=heard)
    ranges = [one.get("Range") for one in hub.asked("/bytes/")]
    assert ranges == [None, "bytes=100000-", "bytes=200000-"]
    assert sum(heard) == sum(len(hub.files[name]) for name in heard_names())


def heard_names() -> list[str]:
    return ["config.json", "model.safetensors", "tokenizer.json", "README.md", "LICENSE"]


async def test_a_later_pull_goes_on_where_an_earlier_one_failed(hub: Any, home: Path) -> None:
    hub.cuts, hub.cut_after = 99, 0
    with pytest.raises(HubError, match="broke off"):
        await pull()
    assert find(NAME) is None
    partial = home / "models" / NAME / f".{COMMIT}.part"
    (partial / "model.safetensors").write_bytes(hub.files["model.safetensors"][:123_456])
    hub.cuts = 0
    hub.requests.clear()
    made = await pull()
    assert [one.get("Range") for one in hub.asked("/bytes/")] == ["bytes=123456-"]
    assert (made.path / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    assert leftovers(home) == [COMMIT]


async def test_a_server_without_ranges_gives_the_whole_file_again(hub: Any) -> None:
    hub.has_ranges, hub.cuts, hub.cut_after = False, 1, 100_000
    heard: list[int] = []
    made = await pull(heard=heard)
    assert (made.path / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    assert min(heard) == -100_000
    assert sum(heard) == sum(len(hub.files[name]) for name in heard_names())


@pytest.mark.parametrize("left", [b"other bytes", b"x" * 400_000])
async def test_what_an_earlier_attempt_left_wrongly_is_fetched_anew(
    hub: Any, home: Path, left: bytes
) -> None:
    partial = home / "models" / NAME / f".{COMMIT}.part"
    partial.mkdir(parents=True)
    (partial / "model.safetensors").write_bytes(left)
    (partial / "stray.py").write_text("import os")
    made = await pull()
    assert (made.path / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    assert not (made.path / "stray.py").exists()


@pytest.mark.parametrize("status", [429, 500, 503, 403])
async def test_a_busy_store_is_asked_again(hub: Any, status: int) -> None:
    hub.busy = [status, status]
    assert (await pull()).revision == COMMIT


async def test_patience_has_an_end(hub: Any, home: Path) -> None:
    hub.busy = [503] * 99
    with pytest.raises(HubError, match=r"503 for model\.safetensors"):
        await pull()
    assert leftovers(home) == [f".{COMMIT}.part"]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
async def test_a_file_with_another_digest_never_arrives(hub: Any, home: Path, name: str) -> None:
    hub.changed[name] = bytes(reversed(hub.files[name]))
    with pytest.raises(RefusedError, match="digest"):
        await pull()
    assert find(NAME) is None
    assert not (home / "models" / NAME / f".{COMMIT}.part" / name).exists()


async def test_a_file_without_end_is_cut_off(hub: Any) -> None:
    hub.changed["model.safetensors"] = hub.files["model.safetensors"] + b"more"
    with pytest.raises(RefusedError, match="larger"):
        await pull()


async def test_a_file_of_another_commit_is_refused(hub: Any) -> None:
    hub.commit_header = NEXT_COMMIT
    with pytest.raises(RefusedError, match="from commit"):
        await pull()


async def test_a_pickle_named_safetensors_is_refused(hub: Any) -> None:
    hub.files["model.safetensors"] = b"\x80\x04\x95" + b"x" * 100
    with pytest.raises(RefusedError, match="not its form"):
        await pull()
    assert find(NAME) is None


async def test_a_poor_mirror_is_asked_for_each_size_and_digest(hub: Any) -> None:
    hub.is_listing_bare = True
    made = await pull()
    lock = read_lock(made.path)
    assert lock is not None
    kinds = {file.path: file.source_digest.partition(":")[0] for file in lock.files}
    assert kinds["model.safetensors"] == "sha256"
    assert kinds["config.json"] == "git-sha1"
    assert "HEAD" in {method for method, _, _ in hub.requests}


async def test_a_mirror_without_digests_is_refused(hub: Any) -> None:
    hub.is_listing_bare = hub.has_no_tags = True
    with pytest.raises(RefusedError, match="no size or digest"):
        await pull()


async def test_a_gated_model_tells_what_to_do(hub: Any) -> None:
    hub.gate = "closed"
    with pytest.raises(AccessError) as caught:
        await pull()
    told = str(caught.value)
    assert f"{hub.url}/meta-llama/Llama-Prompt-Guard-2-22M" in told
    assert "export HF_TOKEN=" in told
    assert "settings/tokens" in told
    assert "(the hub says: No entry. for 401.)" in told


async def test_a_token_without_access_is_not_shown(
    hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.gate = "closed"
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(AccessError, match="has no access") as caught:
        await pull()
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("token", "is_private", "said"),
    [
        ("", True, "wants to know who asks"),
        (TOKEN, True, "does not accept the token"),
        ("", False, "the hub has no"),
    ],
)
async def test_a_repository_that_is_not_shown_is_told(
    hub: Any, monkeypatch: pytest.MonkeyPatch, token: str, is_private: bool, said: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    hub.repository, hub.is_private = "some/other", is_private
    with pytest.raises(HubError, match=said):
        await pull()


async def test_a_revision_that_is_not_there_is_told(hub: Any) -> None:
    with pytest.raises(HubError, match="no such revision: revision 'feature/x'"):
        await pull(revision="feature/x")


async def test_a_hub_that_nobody_hears_is_told(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(OfflineError, match="cannot be reached"):
        await pull()


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
async def test_offline_means_not_one_request(
    hub: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(OfflineError, match="forbids"):
        await pull()
    assert hub.requests == []


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://[bad"])
async def test_the_hub_cannot_redirect_to_anything(hub: Any, target: str) -> None:
    hub.redirect_to = target
    with pytest.raises(HubError, match="redirects"):
        await pull()


async def test_redirects_have_an_end(hub: Any) -> None:
    hub.redirect_to = "?again"
    with pytest.raises(HubError, match="redirects without end"):
        await pull()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b'{"sha": "main", "siblings": []}', b"\xff", b"{" * 5000]
)
async def test_an_answer_that_is_no_listing_is_told(hub: Any, body: bytes) -> None:
    hub.body = body
    with pytest.raises(HubError, match="hub"):
        await pull()


async def test_pickled_weights_come_only_where_they_are_allowed(hub: Any) -> None:
    del hub.files["model.safetensors"]
    with pytest.raises(RefusedError, match="can run any code"):
        await pull()
    made = await pull(is_pickle_allowed=True)
    lock = read_lock(made.path)
    assert lock is not None
    assert lock.has_pickle
    assert (made.path / "pytorch_model.bin").is_file()
    assert not (made.path / "handler.py").exists()


async def test_a_full_disk_is_told_before_anything_comes(
    hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(HubError, match="GB are needed"):
        await pull()
    assert hub.asked("/resolve/") == []


async def test_two_pulls_of_one_model_do_not_mix(hub: Any) -> None:
    plan = await make_plan(entry_of(NAME), endpoint_from_environment())
    told = ""

    def try_another(_: int) -> None:
        nonlocal told
        other = fetch(plan, advance=lambda _: None)
        try:
            other.send(None)
        except HubError as error:
            told = error.message
        finally:
            other.close()

    await fetch(plan, advance=try_another, patience=QUICK)
    assert "another pull" in told


async def test_a_damaged_directory_is_repaired_by_the_next_pull(hub: Any, home: Path) -> None:
    made = await pull()
    (made.path / "tokenizer.json").write_bytes(b"{ }")
    hub.requests.clear()
    again = await pull()
    assert again == made
    assert (made.path / "tokenizer.json").read_bytes() == b"{}"
    assert hub.asked("/bytes/") == []
    assert leftovers(home) == [COMMIT]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HF_ENDPOINT": "huggingface.co"}, "not the URL"),
        ({"HF_ENDPOINT": "https://me:secret@hub.example"}, "password"),
        ({"HF_ENDPOINT": "http://hub.example", "HF_TOKEN": TOKEN}, "unencrypted"),
        ({"HF_TOKEN": "two words"}, "not a token"),
    ],
)
def test_an_environment_that_would_leak_or_cannot_work_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=said) as caught:
        endpoint_from_environment()
    assert "secret" not in str(caught.value)


def test_waits_double_and_have_a_bound() -> None:
    wait: Callable[[int], float] = Patience().wait_s
    assert [wait(1), wait(2), wait(3), wait(50)] == [0.5, 1.0, 2.0, 16.0]
