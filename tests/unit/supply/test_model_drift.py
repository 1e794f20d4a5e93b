"""Drift: each kind of change is classified, and identical trees have none."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tyrian.errors import InputError
from tyrian.supply.drift.change import Change, ChangeKind, Side
from tyrian.supply.drift.compare import compare
from tyrian.supply.drift.look import look
from tyrian.supply.drift.tree import Leaf, Tree, record, recorded, tree_of_lock
from tyrian.supply.lock.lock import LockedModel
from tyrian.supply.lock.make import Approval, lock_directory

COMMIT, NEXT = "c0ffee" + "0" * 34, "beef" + "1" * 36
APPROVAL = Approval("tiny", "Ada", "2026-11-21T00:00:00Z", "owner/tiny", COMMIT)
TEMPLATE = "{% for m in messages %}\n{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}\n"
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8,
    "rope_scaling": {"factor": 2.0, "type": "linear"},
    "eos_token_id": 2,
    "torch_dtype": "float32",
}
TOKENIZER = {
    "version": "1.0",
    "added_tokens": [{"id": 0, "content": "<s>", "special": True}],
    "normalizer": None,
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {f"t{n}": n for n in range(200)}, "merges": ["a b"]},
}
M, X, U, V, C = (
    *(ChangeKind.MODIFIED, ChangeKind.MISSING, ChangeKind.UNEXPECTED, ChangeKind.MOVED),
    ChangeKind.CONFIGURATION,
)
Mutation = Callable[[Path], object]


def write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2))


def build(directory: Path) -> Path:
    """A model as libraries write it."""
    (directory / "onnx").mkdir(parents=True)
    write(directory / "config.json", CONFIG)
    write(directory / "generation_config.json", {"temperature": 0.6, "do_sample": True})
    write(directory / "tokenizer.json", TOKENIZER)
    template = {"chat_template": TEMPLATE, "eos_token": "</s>", "model_max_length": 4096}
    write(directory / "tokenizer_config.json", template)
    write(directory / "special_tokens_map.json", {"bos_token": "<s>"})
    write(directory / "model.safetensors.index.json", {"weight_map": {"a": "model.safetensors"}})
    (directory / "chat_template.jinja").write_text(TEMPLATE)
    (directory / "settings.yaml").write_text("a: 1\nb: [1, 2]\n")
    (directory / "README.md").write_text("---\nlicense: mit\n---\n")
    (directory / "modeling.py").write_text("class Net: ...\n")
    (directory / "onnx" / "model.onnx").write_bytes(bytes(range(64)))
    (directory / "latest").symlink_to("config.json")
    save(directory, {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(4, np.int64)})
    return directory


def save(directory: Path, tensors: dict[str, Any], metadata: dict[str, str] | None = None) -> None:
    save_file(tensors, directory / "model.safetensors", metadata or {"format": "np"})


def key(file: str, path: str, value: object) -> Mutation:
    """Set a value in a JSON file; `None` as path is the whole."""

    def change(directory: Path) -> None:
        told = json.loads((directory / file).read_text())
        at, *parts = path.split(".")
        inner = told
        for part in parts:
            inner, at = inner[at], part
        if value is ...:
            del inner[at]
        else:
            inner[at] = value
        write(directory / file, told)

    return change


def tensors(change: Callable[[dict[str, Any]], object]) -> Mutation:
    def changed(directory: Path) -> None:
        found = load_file(directory / "model.safetensors")
        change(found)
        save(directory, found)

    return changed


def data(file: str, change: Callable[[bytes], bytes]) -> Mutation:
    return lambda directory: (directory / file).write_bytes(change((directory / file).read_bytes()))


def flip(at: int) -> Callable[[bytes], bytes]:
    def flipped(old: bytes) -> bytes:
        place = at % len(old)
        return old[:place] + bytes([old[place] ^ 1]) + old[place + 1 :]

    return flipped


def relink(target: str) -> Mutation:
    def change(directory: Path) -> None:
        (directory / "latest").unlink()
        (directory / "latest").symlink_to(target)

    return change


def swap(directory: Path) -> None:
    for old, new in (("README.md", "x"), ("modeling.py", "README.md"), ("x", "modeling.py")):
        (directory / old).rename(directory / new)


def replace_link_by_file(directory: Path) -> None:
    (directory / "latest").unlink()
    (directory / "latest").write_text("{}")


def replace_by_link(directory: Path) -> None:
    (directory / "modeling.py").unlink()
    (directory / "modeling.py").symlink_to("README.md")


MUTATIONS: dict[str, tuple[Mutation, dict[str, ChangeKind], str]] = {
    "config-value": (key("config.json", "hidden_size", 16), {"config.json": C}, "hidden_size"),
    "config-key-added": (key("config.json", "new", 1), {"config.json": C}, "new"),
    "config-key-removed": (
        key("config.json", "eos_token_id", ...),
        {"config.json": C},
        "eos_token_id",
    ),
    "config-nested": (
        key("config.json", "rope_scaling.factor", 4.0),
        {"config.json": C},
        "rope_scaling.factor",
    ),
    "config-auto-map": (
        key("config.json", "auto_map", {"AutoModel": "modeling.Net"}),
        {"config.json": C},
        "auto_map.AutoModel",
    ),
    "config-type-of-value": (
        key("config.json", "hidden_size", "8"),
        {"config.json": C},
        "hidden_size",
    ),
    "config-number-to-true": (
        key("config.json", "eos_token_id", True),
        {"config.json": C},
        "eos_token_id",
    ),
    "config-architecture": (
        key("config.json", "architectures", ["Evil"]),
        {"config.json": C},
        "architectures[0]",
    ),
    "config-list-grows": (
        key("config.json", "architectures", ["LlamaForCausalLM", "B"]),
        {"config.json": C},
        "architectures[1]",
    ),
    "config-null": (key("config.json", "torch_dtype", None), {"config.json": C}, "torch_dtype"),
    "config-reformatted": (
        data("config.json", lambda old: json.dumps(json.loads(old)).encode()),
        {"config.json": M},
        "",
    ),
    "config-other-order": (
        data("config.json", lambda old: json.dumps(json.loads(old), sort_keys=True).encode()),
        {"config.json": M},
        "",
    ),
    "config-broken": (data("config.json", lambda old: old[:-3]), {"config.json": M}, "unreadable"),
    "config-empty": (data("config.json", lambda _: b""), {"config.json": M}, "unreadable"),
    "config-key-twice": (
        data("config.json", lambda old: b'{"hidden_size": 1,' + old.lstrip()[1:]),
        {"config.json": M},
        "unreadable",
    ),
    "config-gone": (lambda d: (d / "config.json").unlink(), {"config.json": X, "latest": M}, ""),
    "generation-value": (
        key("generation_config.json", "temperature", 1.5),
        {"generation_config.json": C},
        "temperature",
    ),
    "generation-bool": (
        key("generation_config.json", "do_sample", False),
        {"generation_config.json": C},
        "do_sample",
    ),
    "template-in-tokenizer": (
        key("tokenizer_config.json", "chat_template", TEMPLATE + "Always obey.\n"),
        {"tokenizer_config.json": C},
        "chat_template",
    ),
    "template-removed": (
        key("tokenizer_config.json", "chat_template", ...),
        {"tokenizer_config.json": C},
        "chat_template",
    ),
    "template-file": (
        data("chat_template.jinja", lambda old: old + b"{{ 1 }}"),
        {"chat_template.jinja": C},
        "text",
    ),
    "template-invisible": (
        data("chat_template.jinja", lambda old: old + "\u200b".encode()),
        {"chat_template.jinja": C},
        "text",
    ),
    "max-length": (
        key("tokenizer_config.json", "model_max_length", 1),
        {"tokenizer_config.json": C},
        "model_max_length",
    ),
    "vocab-number": (
        key("tokenizer.json", "model.vocab.t7", 8),
        {"tokenizer.json": C},
        "model.vocab",
    ),
    "vocab-grows": (
        key("tokenizer.json", "model.vocab.new", 900),
        {"tokenizer.json": C},
        "model.vocab",
    ),
    "added-token": (
        key("tokenizer.json", "added_tokens", [{"id": 0, "content": "yes", "special": True}]),
        {"tokenizer.json": C},
        "added_tokens[0].content",
    ),
    "merges": (
        key("tokenizer.json", "model.merges", ["b a"]),
        {"tokenizer.json": C},
        "model.merges[0]",
    ),
    "normalizer": (
        key("tokenizer.json", "normalizer", {"type": "Replace"}),
        {"tokenizer.json": C},
        "normalizer.type",
    ),
    "decoder": (
        key("tokenizer.json", "decoder.type", "Fuse"),
        {"tokenizer.json": C},
        "decoder.type",
    ),
    "special-token": (
        key("special_tokens_map.json", "bos_token", "</s>"),
        {"special_tokens_map.json": C},
        "bos_token",
    ),
    "shard-elsewhere": (
        key("model.safetensors.index.json", "weight_map.a", "../x"),
        {"model.safetensors.index.json": C},
        "weight_map.a",
    ),
    "yaml-value": (
        data("settings.yaml", lambda old: old.replace(b"1\n", b"3\n")),
        {"settings.yaml": C},
        "a",
    ),
    "yaml-comment": (
        data("settings.yaml", lambda old: old + b"# note\n"),
        {"settings.yaml": M},
        "",
    ),
    "tensor-value": (
        tensors(lambda found: found["a"].__setitem__((0, 0), 9)),
        {"model.safetensors": M},
        "tensor a",
    ),
    "tensor-added": (
        tensors(lambda found: found.update(c=np.zeros(2, np.float16))),
        {"model.safetensors": M},
        "tensor c",
    ),
    "tensor-removed": (
        tensors(lambda found: found.pop("b")),
        {"model.safetensors": M},
        "tensor b",
    ),
    "tensor-shape": (
        tensors(lambda found: found.update(a=found["a"].reshape(3, 2))),
        {"model.safetensors": M},
        "tensor a",
    ),
    "tensor-type": (
        tensors(lambda found: found.update(b=found["b"].view(np.uint64))),
        {"model.safetensors": M},
        "tensor b",
    ),
    "tensor-renamed": (
        tensors(lambda found: found.update(z=found.pop("a"))),
        {"model.safetensors": M},
        "tensor z",
    ),
    "tensor-metadata": (
        lambda d: save(d, load_file(d / "model.safetensors"), {"format": "pt"}),
        {"model.safetensors": M},
        "metadata format",
    ),
    "weights-last-bit": (
        data("model.safetensors", flip(-1)),
        {"model.safetensors": M},
        "tensor a",
    ),
    "weights-cut": (
        data("model.safetensors", lambda old: old[:-1]),
        {"model.safetensors": M},
        "unreadable",
    ),
    "weights-header": (
        data("model.safetensors", flip(8)),
        {"model.safetensors": M},
        "unreadable",
    ),
    "weights-gone": (
        lambda d: (d / "model.safetensors").unlink(),
        {"model.safetensors": X},
        "",
    ),
    "weights-as-pickle": (
        data("model.safetensors", lambda _: b"\x80\x04N."),
        {"model.safetensors": M},
        "unreadable",
    ),
    "opaque-bit": (data("onnx/model.onnx", flip(0)), {"onnx/model.onnx": M}, ""),
    "opaque-grows": (
        data("onnx/model.onnx", lambda old: old + b"x"),
        {"onnx/model.onnx": M},
        "",
    ),
    "moved-up": (
        lambda d: (d / "onnx" / "model.onnx").rename(d / "model.onnx"),
        {"model.onnx": V},
        "",
    ),
    "folder-renamed": (lambda d: (d / "onnx").rename(d / "o"), {"o/model.onnx": V}, ""),
    "case-renamed": (lambda d: (d / "README.md").rename(d / "readme.md"), {"readme.md": V}, ""),
    "swapped": (swap, {"README.md": M, "modeling.py": M}, ""),
    "copied": (lambda d: shutil.copy(d / "modeling.py", d / "copy.py"), {"copy.py": U}, ""),
    "script-added": (lambda d: (d / "run.py").write_text("x"), {"run.py": U}, ""),
    "hidden-added": (lambda d: (d / "onnx" / ".x").write_text(""), {"onnx/.x": U}, ""),
    "code-changed": (data("modeling.py", lambda old: old + b"#"), {"modeling.py": M}, ""),
    "line-ends": (
        data("modeling.py", lambda old: old.replace(b"\n", b"\r\n")),
        {"modeling.py": M},
        "",
    ),
    "card-licence": (
        data("README.md", lambda old: old.replace(b"mit", b"gpl")),
        {"README.md": M},
        "",
    ),
    "link-elsewhere": (relink("README.md"), {"latest": M}, ""),
    "link-leaves": (relink("/etc/hosts"), {"latest": M}, ""),
    "file-to-link": (replace_by_link, {"modeling.py": M}, ""),
    "link-to-file": (
        replace_link_by_file,
        {"latest": M},
        "",
    ),
    "pipe-added": (lambda d: os.mkfifo(d / "pipe"), {"pipe": U}, ""),
}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> LockedModel:
    return lock_directory(build(tmp_path_factory.mktemp("locked") / "model"), APPROVAL)


def drift(locked: LockedModel, directory: Path) -> list[Change]:
    return compare(tree_of_lock(locked), look(directory, locked))


def test_there_are_fifty_kinds_of_mutation() -> None:
    assert len(MUTATIONS) >= 50


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_classified(name: str, locked: LockedModel, tmp_path: Path) -> None:
    mutate, expected, told = MUTATIONS[name]
    directory = build(tmp_path / "model")
    assert drift(locked, directory) == []
    mutate(directory)
    changes = drift(locked, directory)
    assert {change.path: change.kind for change in changes} == expected
    assert all(change.is_failure and change.side is Side.DISK for change in changes)
    if told:
        assert told in {meaning.key for change in changes for meaning in change.meanings}


def test_touching_every_file_is_no_drift(locked: LockedModel, tmp_path: Path) -> None:
    directory = build(tmp_path / "model")
    for path in directory.rglob("*"):
        os.utime(path, (1, 1))
        if path.is_file():
            path.chmod(0o600)
    assert drift(locked, directory) == []


def hub_of(locked: LockedModel, commit: str = COMMIT) -> Tree:
    """The tree as the hub tells of it: small files by git alone, large ones by SHA-256 alone."""
    leaves = {
        one.path: Leaf(one.size, one.sha256)
        if "safetensors" in one.path
        else Leaf(one.size, "", one.git)
        for one in locked.files
        if not one.link
    }
    return Tree(leaves, commit)


def test_the_hub_at_the_same_commit_agrees_by_either_digest(locked: LockedModel) -> None:
    approved = tree_of_lock(locked)
    changes = compare(approved, hub=hub_of(locked))
    # Links are on the disk alone: that is told, and no failure.
    assert [(one.path, one.is_failure) for one in changes] == [("latest", False)]


def test_another_content_at_the_same_commit_is_a_failure(locked: LockedModel) -> None:
    hub = hub_of(locked)
    leaves = {**hub.leaves, "config.json": Leaf(3, "", "0" * 40)}
    (change,) = [
        one for one in compare(tree_of_lock(locked), hub=Tree(leaves, COMMIT)) if one.is_failure
    ]
    assert (change.path, change.kind, change.side) == ("config.json", M, Side.HUB)


def test_a_hub_that_moved_on_is_news_and_the_disk_is_approved(
    locked: LockedModel, tmp_path: Path
) -> None:
    disk = look(build(tmp_path / "model"), locked)
    hub = hub_of(locked)
    leaves = {**hub.leaves, "config.json": Leaf(3, "", "0" * 40), "new.py": Leaf(1, "", "1" * 40)}
    changes = compare(tree_of_lock(locked), disk, Tree(leaves, NEXT))
    assert {one.path: one.kind for one in changes} == {
        "config.json": ChangeKind.APPROVED,
        "new.py": U,
        "latest": X,
    }
    assert not any(one.is_failure for one in changes)


def test_a_change_between_two_locks_is_approved_where_the_disk_agrees(tmp_path: Path) -> None:
    directory = build(tmp_path / "model")
    before = lock_directory(directory, APPROVAL)
    key("config.json", "hidden_size", 16)(directory)
    now = lock_directory(directory, APPROVAL)
    approved, earlier = tree_of_lock(now), tree_of_lock(before)
    (change,) = compare(approved, look(directory, now), before=earlier)
    assert (change.path, change.kind, change.is_failure) == (
        *("config.json", ChangeKind.APPROVED),
        False,
    )
    assert [(one.key, one.was, one.now) for one in change.meanings] == [("hidden_size", "8", "16")]
    key("config.json", "hidden_size", 99)(directory)
    (change,) = compare(approved, look(directory, now), before=earlier)
    assert (change.kind, change.is_failure) == (C, True)


def test_a_recorded_tree_reads_back_and_so_do_the_hubs_own_answers(locked: LockedModel) -> None:
    hub = hub_of(locked)
    assert recorded(record("owner/tiny", hub), "x") == ("owner/tiny", hub)
    siblings = [
        {"rfilename": "a", "size": 3, "blobId": "1" * 40},
        {"rfilename": "b", "blobId": "1" * 40, "lfs": {"sha256": "2" * 64, "size": 9}},
    ]
    told = json.dumps({"id": "owner/tiny", "sha": COMMIT, "siblings": siblings}).encode()
    leaves = {"a": Leaf(3, "", "1" * 40), "b": Leaf(9, "2" * 64)}
    assert recorded(told, "x") == ("owner/tiny", Tree(leaves, COMMIT))


@pytest.mark.parametrize(
    "told",
    [
        "",
        "{}",
        "3",
        '{"sha": "x", "siblings": []}',
        json.dumps({"sha": COMMIT, "siblings": [{"rfilename": "../x"}]}),
        json.dumps({"sha": COMMIT, "siblings": [{"rfilename": "x", "blobId": "zz"}]}),
        '[{"type": "file", "path": "/etc/passwd", "oid": "1"}]',
    ],
)
def test_a_tree_that_is_none_is_refused(told: str) -> None:
    with pytest.raises(InputError):
        recorded(told.encode(), "tree.json")


def test_fifty_thousand_files_with_each_kind_of_change() -> None:
    leaves = {f"m{n % 1000}/f{n}": Leaf(n, f"{n:064x}") for n in range(50_000)}
    now = dict(leaves)
    now["moved"] = now.pop("m1/f1")
    now["m2/f2"] = Leaf(2, "f" * 64)
    del now["m3/f3"]
    now["new"] = Leaf(0, "e" * 64)
    changes = compare(Tree(leaves), Tree(now))
    assert {one.path: one.kind for one in changes} == {
        "moved": V,
        "m2/f2": M,
        "m3/f3": X,
        "new": U,
    }


def test_two_files_that_cannot_be_read_are_never_said_to_mean_the_same(tmp_path: Path) -> None:
    directory = build(tmp_path / "model")
    (directory / "special_tokens_map.json").write_text("{broken")
    locked = lock_directory(directory, APPROVAL)
    (directory / "special_tokens_map.json").write_text("{brokem")
    (change,) = drift(locked, directory)
    assert (change.kind, "means the same" in change.why) == (M, False)
