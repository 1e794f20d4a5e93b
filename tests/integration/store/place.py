"""A database with the commands on it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tyrian.cli.main import run as run_command
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.store.engine import Store


class Place:
    """A database, and the commands on it."""

    def __init__(self, url: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.url = url
        self.home = home
        self._capsys = capsys

    def run(self, *arguments: str, database: str = "", code: int = 0) -> str:
        where = ["--database", database or self.url, "--data", str(self.home)]
        found = run_command([*arguments, *where])
        said = self._capsys.readouterr()
        assert found == code, said
        return said.out if code == 0 else said.out + said.err

    def do(self, act: Callable[[Keys, Store], Awaitable[Any]], database: str = "") -> Any:
        async def done() -> Any:
            store = Store.open(database or self.url)
            try:
                return await act(Keys(store), store)
            finally:
                await store.close()

        return asyncio.run(done())

    def create(self, name: str) -> tuple[str, str]:
        made = json.loads(self.run("keys", "create", name, "--format", "json"))
        return made["id"], made["value"]

    def is_good(self, token: str, database: str = "") -> bool:
        found = self.do(lambda keys, _: keys.verify(token), database)
        return found is not None


@pytest.fixture
def place(database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    home = tmp_path / "home"
    home.mkdir()
    return Place(database_url, home, capsys)
