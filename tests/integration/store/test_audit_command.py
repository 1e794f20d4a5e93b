"""`tyrian audit` from the outside: the chain, its checkpoints and its export."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.integration.store.place import Place

from tyrian.cli.main import run as run_command
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.store.engine import Store


def test_leaked_values_are_ended_wherever_they_stand(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    leaked, token = place.create("leaked")
    _, other = place.create("other")
    report = tmp_path / "report.txt"
    report.write_text(f'{{"secret":"{token}","url":"https://example.com"}} tyr_live_{"x" * 49}')
    with report.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        said = place.run("keys", "revoke-leaked", "-")
    assert leaked in said
    assert token not in said
    assert not place.is_good(token)
    assert place.is_good(other)
    export = place.run("audit", "verify", "--format", "json")
    assert json.loads(export)["faults"] == []


@pytest.mark.parametrize(
    ("change", "sign"),
    [
        ('UPDATE audit_event SET details = \'{"id": "forged"}\' WHERE sequence = 2', "changed"),
        ("UPDATE audit_event SET at = at + 1 WHERE sequence = 2", "changed"),
        ("DELETE FROM audit_event WHERE sequence = 2", "missing"),
        ("DELETE FROM audit_event WHERE sequence = 4", "cut off"),
    ],
)
def test_a_chain_that_was_tampered_with_is_told(place: Place, change: str, sign: str) -> None:
    for number in range(4):
        place.create(f"key {number}")
    assert "4 events in 1 chains are whole" in place.run("audit", "verify")

    async def tamper(_: Keys, store: Store) -> None:
        async with store.write() as session:
            await session.execute(text(change))

    place.do(tamper)
    assert sign in place.run("audit", "verify", code=1)


def test_checkpoints_tell_of_a_cut_and_of_a_fork_that_look_whole(
    place: Place, tmp_path: Path
) -> None:
    place.create("first")
    backup = str(tmp_path / "backup.db")
    place.run("store", "backup", backup)
    place.create("second")
    assert "1 checkpoints written" in place.run("audit", "checkpoint")
    # The older state is whole in itself; only what was noted down contradicts it.
    fork = f"sqlite:///{tmp_path / 'fork.db'}"
    run_command(["store", "restore", backup, "--database", fork, "--data", str(tmp_path)])
    assert "contradicts a checkpoint" in place.run("audit", "verify", database=fork, code=1)
    assert "are whole" in place.run("audit", "verify")


def test_an_export_is_checked_without_the_database(place: Place, tmp_path: Path) -> None:
    for number in range(3):
        place.create(f"key {number}")
    place.run("audit", "checkpoint")
    program = str(Path(sys.executable).parent / "tyrian")
    where = ["--database", place.url, "--data", str(place.home)]
    done = subprocess.run([program, "audit", "export", *where], capture_output=True, check=True)
    export = tmp_path / "export.jsonl"
    export.write_bytes(done.stdout)
    none = f"sqlite:///{tmp_path / 'none' / 'none.db'}"
    assert "3 events" in place.run("audit", "verify", str(export), database=none)
    assert not (tmp_path / "none").exists()
    lines = done.stdout.splitlines(keepends=True)
    for kept, sign in (
        ([lines[1], lines[0], lines[2]], "out of order"),
        (lines[:2], "cut off"),
        ([line.replace(b"key 1", b"key 7") for line in lines], "changed"),
    ):
        export.write_bytes(b"".join(kept))
        assert sign in place.run("audit", "verify", str(export), database=none, code=1)
    export.write_text("{}\n")
    assert "no audit event" in place.run("audit", "verify", str(export), database=none, code=3)
