"""One model for many threads: every caller gets its own rows, whatever they were judged with."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tyrian.models.transformer.backend import F64, Ids
from tyrian.models.transformer.batching import Batcher, BusyError


class Recorder:
    """A model whose answer for a window is its first id and its length; notes its calls."""

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.calls: list[list[Ids]] = []
        self.at_once = 0
        self.most_at_once = 0
        self._gate = gate

    def __call__(self, windows: Sequence[Ids]) -> F64:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.calls.append(list(windows))
        if self._gate is not None:
            self._gate.wait(5)
        self.at_once -= 1
        return np.array([[window[0], len(window)] for window in windows], dtype=float)


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)


def test_windows_come_back_in_the_order_they_were_given() -> None:
    batcher = Batcher(Recorder(), batch_tokens=64)
    windows = [(n,) * length for n, length in enumerate((9, 2, 40, 3, 9, 1))]
    assert batcher.submit(windows).tolist() == [[w[0], len(w)] for w in windows]


def test_a_call_holds_no_more_tokens_than_it_may() -> None:
    recorder = Recorder()
    Batcher(recorder, batch_tokens=64).submit([(n,) * 20 for n in range(10)])
    assert [len(call) for call in recorder.calls] == [3, 3, 3, 1]


def test_short_windows_are_not_padded_to_long_ones() -> None:
    recorder = Recorder()
    Batcher(recorder, batch_tokens=1_000).submit([(1,) * 100, (2,) * 5, (3,) * 90, (4,) * 5])
    assert sorted(sorted(len(w) for w in call) for call in recorder.calls) == [[5, 5], [90, 100]]


def test_what_comes_while_the_model_is_busy_shares_the_next_call() -> None:
    gate = threading.Event()
    recorder = Recorder(gate)
    batcher = Batcher(recorder, batch_tokens=1_000)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(batcher.submit, [(0,) * 8])
        wait_for(lambda: len(recorder.calls) == 1)
        others = [pool.submit(batcher.submit, [(n,) * 8]) for n in range(1, 9)]
        wait_for(lambda: len(batcher._queue) == 8)
        gate.set()
        assert first.result().tolist() == [[0, 8]]
        assert [other.result().tolist() for other in others] == [[[n, 8]] for n in range(1, 9)]
    assert len(recorder.calls) == 2
    assert recorder.most_at_once == 1


def test_a_free_model_waits_no_longer_than_its_bound_for_company() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder, batch_tokens=1_000, max_wait_s=2.0)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(batcher.submit, [(1,) * 8])
        wait_for(lambda: len(batcher._queue) == 1)
        two = pool.submit(batcher.submit, [(2,) * 992])
        assert one.result(1.5).tolist() == [[1, 8]]
        assert two.result(1.5).tolist() == [[2, 992]]


def test_many_threads_each_get_their_own() -> None:
    batcher = Batcher(Recorder(), batch_tokens=64, max_wait_s=0.0005)

    def ask(seed: int) -> bool:
        windows = [(seed * 100 + n,) * (1 + (seed + n) % 17) for n in range(5)]
        return bool(batcher.submit(windows).tolist() == [[w[0], len(w)] for w in windows])

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(300)))


def test_an_error_reaches_every_caller_of_that_call_and_no_other() -> None:
    def fail(windows: Sequence[Ids]) -> F64:
        if any(window[0] == 7 for window in windows):
            raise RuntimeError("broken")
        return np.ones((len(windows), 2))

    batcher = Batcher(fail, batch_tokens=64)
    with pytest.raises(RuntimeError, match="broken"):
        batcher.submit([(7,)])
    assert batcher.submit([(1,)]).tolist() == [[1.0, 1.0]]


def test_a_caller_gives_up_at_its_deadline_and_its_windows_with_it() -> None:
    gate = threading.Event()
    recorder = Recorder(gate)
    batcher = Batcher(recorder, batch_tokens=64)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(batcher.submit, [(1,)])
        wait_for(lambda: len(recorder.calls) == 1)
        with pytest.raises(BusyError):
            batcher.submit([(2,)], time.monotonic() + 0.02)
        gate.set()
        first.result()
    assert recorder.calls == [[(1,)]]
