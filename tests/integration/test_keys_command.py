"""`tyrian keys` from the outside."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tyrian.cli.keys import app, read_life_span
from tyrian.errors import ConfigError
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.store.engine import Store
from tyrian.gateway.tokens import is_well_formed


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_file: Callable[[Path], Path]) -> Path:
    new_file(tmp_path / "tyrian.db")
    monkeypatch.setenv("TYRIAN_HOME", str(tmp_path))
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def verify(home: Path, token: str) -> KeyRecord | None:
    async def ask() -> KeyRecord | None:
        store = Store.open(home / "tyrian.db")
        try:
            return await Keys(store).verify(token)
        finally:
            await store.close()

    return asyncio.run(ask())


def test_create_writes_nothing_but_the_value_to_standard_output(home: Path) -> None:
    token = run("create", "my app").strip()
    assert is_well_formed(token)
    record = verify(home, token)
    assert record is not None
    assert record.name == "my app"


def test_the_value_is_shown_by_create_and_never_again() -> None:
    made = json.loads(run("create", "app", "--format", "json"))
    assert is_well_formed(made["value"])
    listed = run("list", "--format", "json")
    assert made["value"] not in listed + run("list")
    assert json.loads(listed)[0]["id"] == made["id"]
    assert made["id"] in run("list")


def test_rotate_and_revoke_follow_the_id(home: Path) -> None:
    made = json.loads(run("create", "app", "--format", "json"))
    rotated = json.loads(run("rotate", made["id"], "--format", "json"))
    assert rotated["id"] == made["id"]
    assert verify(home, made["value"]) is None
    assert verify(home, rotated["value"])
    assert made["id"] in run("revoke", made["id"])
    assert verify(home, rotated["value"]) is None
    assert json.loads(run("list", "--format", "json"))[0]["status"] == "revoked"


def test_scopes_and_expiry_are_set(home: Path) -> None:
    made = json.loads(
        run("create", "app", "--scope", "chat", "--expires", "never", "--format", "json")
    )
    assert made["scopes"] == ["chat"]
    assert made["expires_at"] is None


def test_an_unknown_id_is_an_error_with_a_hint() -> None:
    with pytest.raises(ConfigError, match="tyrian keys list"):
        CliRunner().invoke(app, ["revoke", "key_none"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90d", 7_776_000), ("12h", 43_200), ("2w", 1_209_600), ("never", None)]
)
def test_life_spans_are_read(text: str, seconds: int | None) -> None:
    assert read_life_span(text) == seconds


@pytest.mark.parametrize("text", ["", "0d", "-1d", "90", "d", "999999w", "1.5h", "٣d", "forever"])
def test_what_is_no_life_span_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not a length of time"):
        read_life_span(text)
