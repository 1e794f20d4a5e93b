"""Keys: made, verified, rotated, revoked."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.store.engine import Store
from tyrian.gateway.tokens import KeyKind, mint


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def _content(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.iterdir())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def store(tmp_path: Path, new_file: Callable[[Path], Path]) -> AsyncIterator[Store]:
    opened = Store.open(new_file(tmp_path / "tyrian.db"))
    yield opened
    await opened.close()


@pytest.fixture
def keys(store: Store, clock: Clock) -> Keys:
    return Keys(store, clock=clock)


async def test_a_new_key_is_known_by_its_value(keys: Keys) -> None:
    record, token = await keys.create("first")
    found = await keys.verify(token)
    assert found is not None
    assert (found.id, found.name, found.kind) == (record.id, "first", KeyKind.LIVE)
    assert found.allows("chat")
    assert not found.allows("admin")


async def test_a_well_formed_token_that_nobody_made_is_no_key(keys: Keys) -> None:
    assert await keys.verify(mint(KeyKind.LIVE)) is None


async def test_a_wrong_checksum_never_reaches_the_database(tmp_path: Path) -> None:
    class NoStore:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(f"the store was asked for {name}")

    keys = Keys(NoStore())  # type: ignore[arg-type]
    token = mint(KeyKind.LIVE)
    assert await keys.verify(token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    assert await keys.verify("' OR 1=1 --") is None


async def test_the_database_holds_nothing_that_could_be_used_as_a_key(
    keys: Keys, store: Store, tmp_path: Path
) -> None:
    _, token = await keys.create("first")
    await store.close()
    bytes_at_rest = _content(tmp_path)
    assert token.encode() not in bytes_at_rest
    assert token[12:-4].encode() not in bytes_at_rest


async def test_a_revoked_key_is_refused_at_once(keys: Keys) -> None:
    record, token = await keys.create("first")
    assert await keys.verify(token)
    revoked = await keys.revoke(record.id)
    assert revoked.revoked_at is not None
    assert await keys.verify(token) is None
    again = await keys.revoke(record.id)
    assert again.revoked_at == revoked.revoked_at


async def test_another_process_sees_the_revocation_within_a_second(
    keys: Keys, store: Store, clock: Clock
) -> None:
    record, token = await keys.create("first")
    other = Keys(store, clock=clock)
    assert await other.verify(token)
    await keys.revoke(record.id)
    await asyncio.sleep(0.95)
    assert await other.verify(token) is None


async def test_a_key_ends_at_its_time_even_while_it_is_cached(keys: Keys, clock: Clock) -> None:
    record, token = await keys.create("short", expires_in_s=60)
    assert await keys.verify(token)
    clock.now += 60
    assert await keys.verify(token) is None
    assert record.status(clock.now) == "expired"


async def test_rotation_ends_the_old_value_at_once_by_default(keys: Keys) -> None:
    record, old = await keys.create("first")
    rotated, new = await keys.rotate(record.id)
    assert rotated.id == record.id
    assert await keys.verify(old) is None
    assert await keys.verify(new)


async def test_rotation_with_overlap_keeps_the_old_value_until_then(
    keys: Keys, clock: Clock
) -> None:
    record, old = await keys.create("first")
    _, new = await keys.rotate(record.id, overlap_s=3600)
    assert await keys.verify(old)
    clock.now += 3600
    assert await keys.verify(old) is None
    assert await keys.verify(new)


async def test_a_second_rotation_never_lengthens_the_life_of_an_old_value(
    keys: Keys, clock: Clock
) -> None:
    record, old = await keys.create("first")
    await keys.rotate(record.id, overlap_s=10)
    await keys.rotate(record.id, overlap_s=3600)
    clock.now += 10
    assert await keys.verify(old) is None


async def test_revoking_ends_every_value_of_a_key(keys: Keys) -> None:
    record, old = await keys.create("first")
    _, new = await keys.rotate(record.id, overlap_s=3600)
    await keys.revoke(record.id)
    assert await keys.verify(old) is None
    assert await keys.verify(new) is None


async def test_a_revoked_key_cannot_be_rotated_back_to_life(keys: Keys) -> None:
    record, _ = await keys.create("first")
    await keys.revoke(record.id)
    with pytest.raises(InputError, match="revoked"):
        await keys.rotate(record.id)


async def test_an_unknown_id_is_an_input_error(keys: Keys) -> None:
    for action in (keys.rotate, keys.revoke):
        with pytest.raises(InputError, match="no key with this id"):
            await action("key_nothing")


async def test_the_list_shows_all_keys_in_order_and_no_value(keys: Keys) -> None:
    assert await keys.is_empty()
    made = [await keys.create(f"key {number}") for number in range(3)]
    listed = await keys.list()
    assert [record.id for record in listed] == [record.id for record, _ in made]
    assert not await keys.is_empty()
    for record, token in made:
        assert token not in repr(listed)
        assert record.redacted_value == f"{token[:12]}...{token[-4:]}"


async def test_the_last_use_is_written_in_batches(keys: Keys, clock: Clock) -> None:
    _, token = await keys.create("first")
    clock.now += 5
    await keys.verify(token)
    assert (await keys.list())[0].last_used_at is None
    await keys.close()
    assert (await keys.list())[0].last_used_at == int(clock.now)
    clock.now += 61
    await keys.verify(token)
    await keys.close()
    assert (await keys.list())[0].last_used_at == int(clock.now)


async def test_many_requests_at_once_ask_the_database_once(store: Store, clock: Clock) -> None:
    keys = Keys(store, clock=clock)
    _, token = await keys.create("first")
    asked = 0

    class Counting:
        def read(self) -> object:
            nonlocal asked
            asked += 1
            return store.read()

    counting = Keys(Counting(), clock=clock)  # type: ignore[arg-type]
    found = await asyncio.gather(*(counting.verify(token) for _ in range(50)))
    assert all(found)
    assert asked == 1


async def test_a_client_that_leaves_does_not_take_the_answer_from_the_others(keys: Keys) -> None:
    _, token = await keys.create("first")
    leaving = asyncio.create_task(keys.verify(token))
    staying = asyncio.create_task(keys.verify(token))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying


async def test_admin_keys_cannot_call_models(keys: Keys) -> None:
    record, _ = await keys.create("boss", kind=KeyKind.ADMIN)
    assert record.scopes == {"admin"}
    for kind, scopes in ((KeyKind.ADMIN, ["chat"]), (KeyKind.LIVE, ["admin"])):
        with pytest.raises(ConfigError):
            await keys.create("both", kind=kind, scopes=scopes)
    with pytest.raises(ConfigError):
        await keys.create("both", kind=KeyKind.ADMIN, scopes=["admin", "chat"])


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[31m", "x" * 201, "a\u202eb"])
async def test_a_name_that_could_deceive_a_reader_is_refused(keys: Keys, name: str) -> None:
    with pytest.raises(ConfigError, match="name"):
        await keys.create(name)


async def test_an_unknown_scope_is_refused(keys: Keys) -> None:
    with pytest.raises(ConfigError, match="unknown scope 'everything'"):
        await keys.create("first", scopes=["everything"])


async def test_an_acknowledged_key_is_on_disk(keys: Keys, tmp_path: Path) -> None:
    record, _ = await keys.create("first")
    other = sqlite3.connect(f"file:{tmp_path / 'tyrian.db'}?mode=ro", uri=True)
    assert other.execute("SELECT id FROM key").fetchall() == [(record.id,)]
    other.close()
