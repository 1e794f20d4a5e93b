"""A store of either kind, its keys, and a clock that can be set."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.store.engine import Store


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = Store.open(database_url)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def other_store(store: Store, database_url: str) -> AsyncIterator[Store]:
    """The same database, as another worker has it open."""
    opened = Store.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def keys(store: Store, clock: Clock) -> Keys:
    return Keys(store, clock=clock)
