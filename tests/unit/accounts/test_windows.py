"""Moving windows: exact at their edges, in memory and on a real Redis server."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrian.errors import ConfigError, StoreError
from tyrian.gateway.accounts.limits import duration
from tyrian.gateway.accounts.redis_windows import RedisWindows
from tyrian.gateway.accounts.windows import MemoryWindows, Take, Windows


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def corrected(windows: Windows, entry: str, take: Take, amount: int) -> None:
    waiting = windows.correct(entry, [take], [amount])
    if waiting is not None:
        await waiting


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server of these tests' own."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("neither redis-server nor valkey-server is installed")
    pytest.importorskip("redis", reason="the extra tyrian[redis] is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home: Path = tmp_path_factory.mktemp("redis")
    server = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(home)],
        stdout=subprocess.DEVNULL,
    )
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait()


@pytest_asyncio.fixture(params=["memory", "redis"])
async def windows(request: pytest.FixtureRequest) -> AsyncIterator[Windows]:
    if request.param == "memory":
        yield MemoryWindows()
        return
    shared = RedisWindows(request.getfixturevalue("redis_url"), prefix=f"t{time.time_ns()}")
    yield shared
    await shared.close()


def one(limit: int, amount: int = 1, window_s: int = 60, name: str = "org:*:requests") -> Take:
    return Take(name, limit, amount, window_s)


async def test_a_limit_lets_exactly_so_many_through_at_once(windows: Windows) -> None:
    found = await asyncio.gather(*(windows.take([one(20)]) for _ in range(64)))
    assert sum(1 for taken in found if taken.refused is None) == 20
    remaining = [taken.states[0].remaining for taken in found if taken.refused is None]
    assert sorted(remaining, reverse=True) == list(range(19, -1, -1))


async def test_the_window_moves_and_does_not_begin_anew(windows: Windows) -> None:
    take = one(3, window_s=1)
    started = time.monotonic()
    assert (await windows.take([take])).refused is None
    await asyncio.sleep(0.5)
    assert (await windows.take([one(3, 2, 1)])).refused is None
    refused = await windows.take([take])
    assert refused.refused == take
    assert 0.2 < refused.retry_s <= 0.5
    await asyncio.sleep(refused.retry_s)
    assert time.monotonic() - started >= 1.0
    assert (await windows.take([take])).refused is None
    assert (await windows.take([take])).refused == take


async def test_all_limits_are_taken_from_or_none(windows: Windows) -> None:
    wide, narrow = one(10, name="org:*:requests"), one(100, 90, name="org:*:tokens")
    assert (await windows.take([wide, narrow])).refused is None
    refused = await windows.take([wide, narrow])
    assert refused.refused == narrow
    assert [state.used for state in refused.states] == [1, 90]


async def test_tokens_are_corrected_to_what_was_used(windows: Windows) -> None:
    tokens = one(100, 90, name="org:*:tokens")
    taken = await windows.take([tokens])
    await corrected(windows, taken.entry, tokens, 10)
    again = await windows.take([one(100, 90, name="org:*:tokens")])
    assert again.refused is None
    assert again.states[0].used == 100
    # A server may tell more than was reserved; then the limit is exceeded, and nothing more fits.
    await corrected(windows, again.entry, tokens, 500)
    assert (await windows.take([one(100, 1, name="org:*:tokens")])).refused is not None


async def test_what_is_more_than_the_whole_limit_never_fits(windows: Windows) -> None:
    taken = await windows.take([one(100, 101)])
    assert taken.retry_s == float("inf")


async def test_two_workers_share_one_limit(redis_url: str) -> None:
    prefix = f"t{time.time_ns()}"
    workers = [RedisWindows(redis_url, prefix=prefix) for _ in range(2)]
    found = await asyncio.gather(*(workers[n % 2].take([one(10)]) for n in range(40)))
    assert sum(1 for taken in found if taken.refused is None) == 10
    for worker in workers:
        await worker.close()


async def test_a_server_that_is_gone_is_a_store_error() -> None:
    windows = RedisWindows("redis://:hunter2@127.0.0.1:9/0")
    with pytest.raises(StoreError) as caught:
        await windows.take([one(10)])
    assert "hunter2" not in str(caught.value)
    await windows.close()


def test_a_url_of_no_use_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigError) as caught:
        RedisWindows("http://hunter2")
    assert "hunter2" not in str(caught.value)


@settings(max_examples=60)
@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 8)), min_size=1, max_size=80),
)
def test_no_stretch_of_a_minute_ever_holds_more_than_the_limit(
    limit: int, requests: list[tuple[float, int]]
) -> None:
    async def run() -> None:
        clock = Clock()
        windows = MemoryWindows(clock)
        let_in: list[tuple[float, int]] = []
        for pause, amount in requests:
            clock.now += pause
            taken = await windows.take([one(limit, amount)])
            held = sum(a for at, a in let_in if at > clock.now - 60)
            assert (taken.refused is None) == (held + amount <= limit)
            if taken.refused is None:
                let_in.append((clock.now, amount))
            elif taken.retry_s != float("inf"):
                # The wait that is told is enough, and a little less is not.
                later = clock.now + taken.retry_s
                assert sum(a for at, a in let_in if at > later - 60 + 1e-6) + amount <= limit
                assert sum(a for at, a in let_in if at > later - 60 - 1e-3) + amount > limit

    asyncio.run(run())


async def test_windows_of_which_nothing_is_left_take_no_memory() -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    for number in range(1_000):
        await windows.take([one(5, name=f"key_{number}:*:requests")])
    clock.now += 1_000
    await windows.take([one(5)])
    assert len(windows._windows) == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0ms"), (0.0121, "13ms"), (5.2, "6s"), (60, "1m0s"), (90, "1m30s"), (7200, "2h0m0s")],
)
def test_durations_are_written_as_clients_expect(seconds: float, text: str) -> None:
    assert duration(seconds) == text
