"""Merkle trees, manifests and what changed since."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrian.supply.data.canonical import canonical_bytes, row_digest
from tyrian.supply.data.compare import Change, ChangeKind, changes
from tyrian.supply.data.describe import verify_manifest, write_manifest
from tyrian.supply.data.manifest import (
    ManifestError,
    is_proven,
    prove,
    read_manifest,
    rows_path,
)
from tyrian.supply.data.merkle import inclusion_proof, is_included, leaf_hash, root_of

ROWS: list[dict[str, object]] = [
    {"text": f"row number {number}", "label": number % 2} for number in range(23)
]


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_roots_are_those_of_certificate_transparency() -> None:
    # The first leaves of the test vectors of RFC 6962's reference implementation.
    leaves = [leaf_hash(bytes.fromhex(one)) for one in ("", "00", "10", "2021")]
    assert root_of([]).hex() == hashlib.sha256(b"").hexdigest()
    assert (
        root_of(leaves[:1]).hex()
        == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )
    assert (
        root_of(leaves[:2]).hex()
        == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    )
    assert (
        root_of(leaves[:4]).hex()
        == "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
    )


@given(size=st.integers(1, 70), data=st.data())
def test_a_proof_holds_for_its_leaf_and_place_alone(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(bytes([one])) for one in range(size)]
    index = data.draw(st.integers(0, size - 1))
    root, proof = root_of(leaves), inclusion_proof(leaves, index)
    assert is_included(leaves[index], index, size, proof, root)
    other = data.draw(st.integers(0, size - 1))
    assert is_included(leaves[other], index, size, proof, root) == (other == index)
    assert is_included(leaves[index], other, size, proof, root) == (other == index)


def test_canonical_bytes_do_not_depend_on_the_order_of_keys() -> None:
    assert row_digest({"b": 1, "a": "é"}) == row_digest({"a": "é", "b": 1})
    assert canonical_bytes({"b": 1, "a": "é"}) == '{"a":"é","b":1}'.encode()
    assert canonical_bytes({"a": "\ud800"}) == b'{"a":"\xed\xa0\x80"}'


def test_the_root_is_that_of_the_lines_of_the_entries(tmp_path: Path) -> None:
    write(tmp_path / "data" / "a.jsonl", ROWS)
    head, faults = write_manifest([tmp_path / "data"], tmp_path / "m.json")
    lines = rows_path(tmp_path / "m.json").read_bytes().splitlines()
    assert not faults
    assert head.rows == len(lines) == len(ROWS)
    assert head.root == "sha256:" + root_of(map(leaf_hash, lines)).hex()
    assert read_manifest(tmp_path / "m.json") == head
    assert [(one.source, one.rows) for one in head.sources] == [("a.jsonl", len(ROWS))]


def test_each_changed_missing_and_added_row_is_named(tmp_path: Path) -> None:
    data = write(tmp_path / "a.jsonl", ROWS)
    write_manifest([data], tmp_path / "m.json")
    assert list(verify_manifest(tmp_path / "m.json", [data])) == []
    rows: list[dict[str, object]] = [*ROWS[:3], *ROWS[4:10], {"text": "planted"}, *ROWS[10:]]
    rows[15] = {**rows[15], "label": 7}
    write(data, rows)
    assert list(verify_manifest(tmp_path / "m.json", [data])) == [
        Change(ChangeKind.MISSING, "a.jsonl", 4),
        Change(ChangeKind.ADDED, "a.jsonl", 10),
        Change(ChangeKind.CHANGED, "a.jsonl", 16, 16),
    ]


def test_files_that_are_gone_or_new_are_named_row_by_row(tmp_path: Path) -> None:
    write(tmp_path / "d" / "a.jsonl", ROWS[:2])
    write_manifest([tmp_path / "d"], tmp_path / "m.json")
    (tmp_path / "d" / "a.jsonl").rename(tmp_path / "d" / "b.jsonl")
    found = [
        (one.kind, one.file, one.row)
        for one in verify_manifest(tmp_path / "m.json", [tmp_path / "d"])
        if isinstance(one, Change)
    ]
    assert sorted(found) == [
        ("added", "b.jsonl", 1),
        ("added", "b.jsonl", 2),
        ("missing", "a.jsonl", 1),
        ("missing", "a.jsonl", 2),
    ]


@given(
    before=st.lists(st.integers(0, 9), max_size=25), after=st.lists(st.integers(0, 9), max_size=25)
)
def test_changes_account_for_every_row(before: list[int], after: list[int]) -> None:
    old = [(at, bytes([one])) for at, one in enumerate(before, 1)]
    new = [(at, bytes([one])) for at, one in enumerate(after, 1)]
    found = list(changes("f", old, new))
    count = {kind: sum(one.kind is kind for one in found) for kind in ChangeKind}
    assert len(before) - count[ChangeKind.MISSING] + count[ChangeKind.ADDED] == len(after)
    assert (not found) == (before == after)


def test_entries_edited_by_hand_are_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "a.jsonl", ROWS)
    write_manifest([data], tmp_path / "m.json")
    entries = rows_path(tmp_path / "m.json")
    entries.write_bytes(entries.read_bytes().replace(b'"row":2,', b'"row":3,'))
    with pytest.raises(ManifestError, match="was changed"):
        list(verify_manifest(tmp_path / "m.json", [data]))


def test_a_root_that_its_entries_do_not_give_is_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "a.jsonl", ROWS)
    head, _ = write_manifest([data], tmp_path / "m.json")
    text = (tmp_path / "m.json").read_text()
    (tmp_path / "m.json").write_text(text.replace(head.root, "sha256:" + "0" * 64))
    with pytest.raises(ManifestError, match="do not give its root"):
        list(verify_manifest(tmp_path / "m.json", [data]))


def test_a_row_is_proven_to_who_knows_the_root_alone(tmp_path: Path) -> None:
    data = write(tmp_path / "a.jsonl", ROWS)
    head, _ = write_manifest([data], tmp_path / "m.json")
    proof = prove(tmp_path / "m.json", head, "a.jsonl", 17)
    assert is_proven(proof, head.root)
    assert not is_proven(proof, "sha256:" + "ab" * 32)
    with pytest.raises(ManifestError, match="no row 99"):
        prove(tmp_path / "m.json", head, "a.jsonl", 99)


def test_rows_that_cannot_be_read_are_counted_and_told(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"a":1}\n{bad\n\xff\n[1]\n{"a":1,"a":2}\n')
    head, faults = write_manifest([tmp_path / "a.jsonl"], tmp_path / "m.json")
    assert (head.rows, head.files[0].unread) == (1, 4)
    assert [(one.row, one.rule) for one in faults] == [
        (2, "row-not-json"),
        (3, "row-not-utf8"),
        (4, "row-wrong-type"),
        (5, "row-not-json"),
    ]
