"""Running detectors: deadlines, failures as data, windows, threads that hang."""

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest

from tyrian.core.detection import (
    Detection,
    DetectorInfo,
    DetectorRun,
    Finding,
    RunStatus,
    Stage,
    View,
)
from tyrian.core.message import Message
from tyrian.errors import ConfigError, DetectorError
from tyrian.firewall.guard import Guard
from tyrian.firewall.run import INLINE_LIMIT, SETTLED, Runner

CLEAN = Detection({"bad": 0.0})
LONG = "x" * INLINE_LIMIT


@dataclass
class Fake:
    """A detector made of a function."""

    judge: Callable[[View], object]
    name: str = "fake"
    is_bounded: bool = True
    window: int = 0

    @property
    def info(self) -> DetectorInfo:
        return DetectorInfo(self.name, "fake", ("bad",))

    def detect(self, view: View) -> Detection:
        return self.judge(view)  # type: ignore[return-value]


@dataclass
class RemoteFake:
    """A detector whose answer is awaited."""

    judge: Callable[[View], Awaitable[Detection]]
    name: str = "remote"
    is_bounded: bool = False
    window: int = 0

    @property
    def info(self) -> DetectorInfo:
        return DetectorInfo(self.name, "fake", ("bad",))

    async def detect(self, view: View) -> Detection:
        return await self.judge(view)


@pytest.fixture
def runner() -> Iterator[Runner]:
    made = Runner()
    yield made
    made.close()


def view(text: str = "hello") -> View:
    return View.of(Message.user(text))


def guard(detector: Fake | RemoteFake, timeout_s: float = 5.0) -> Guard:
    return Guard(detector, Stage.INPUT, timeout_s=timeout_s)


async def run_one(runner: Runner, detector: Fake | RemoteFake, text: str = "hello") -> DetectorRun:
    (run,) = await runner.run([guard(detector)], view(text))
    return run


def raising(error: BaseException) -> Callable[[View], Detection]:
    def judge(_: View) -> Detection:
        raise error

    return judge


async def test_runs_come_in_the_order_of_the_guards(runner: Runner) -> None:
    async def later(_: View) -> Detection:
        await asyncio.sleep(0.01)
        return CLEAN

    names = ["remote", "slow", "quick"]
    guards = [
        guard(RemoteFake(later, "remote")),
        guard(Fake(lambda _: CLEAN, "slow", is_bounded=False)),
        guard(Fake(lambda _: CLEAN, "quick")),
    ]
    runs = await runner.run(guards, view())
    assert [run.detector for run in runs] == names
    assert {run.status for run in runs} == {RunStatus.OK}


@pytest.mark.parametrize("text", ["short", LONG])
@pytest.mark.parametrize("is_bounded", [True, False])
async def test_a_detector_that_raises_becomes_an_error_run(
    runner: Runner, text: str, is_bounded: bool
) -> None:
    detector = Fake(raising(KeyError("the user's own words")), is_bounded=is_bounded)
    run = await run_one(runner, detector, text)
    assert run.status is RunStatus.ERROR
    assert run.detection is None
    assert run.reason.startswith("raised KeyError at test_run.py:")
    assert "words" not in run.reason


async def test_a_detector_error_keeps_its_own_message(runner: Runner) -> None:
    run = await run_one(runner, Fake(raising(DetectorError("weights are not there"))))
    assert (run.status, run.reason) == (RunStatus.ERROR, "weights are not there")


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        "ok",
        0.3,
        Detection({"bad": math.nan}),
        Detection({"bad": 1.5}),
        Detection({"bad": -0.1}),
        Detection({"bad": True}),
        Detection({"bad": "0.5"}),  # type: ignore[dict-item]
        Detection({3: 0.5}),  # type: ignore[dict-item]
        Detection({}, coverage=math.nan),
        Detection({}, coverage=1.01),
        Detection({}, (Finding("r", "bad", "", start=2, end=9),)),
        Detection({}, (Finding("r", "bad", "", start=3, end=2),)),
        Detection({}, (Finding("r", "bad", "", start=-1, end=2),)),
        Detection({}, (Finding("r", "bad", "", score=math.inf),)),
        Detection({}, ("finding",)),  # type: ignore[arg-type]
        Detection([0.5]),  # type: ignore[arg-type]
    ],
    ids=repr,
)
@pytest.mark.parametrize("is_bounded", [True, False])
async def test_nonsense_is_an_error_and_not_a_clean_text(
    runner: Runner, nonsense: object, is_bounded: bool
) -> None:
    run = await run_one(runner, Fake(lambda _: nonsense, is_bounded=is_bounded))
    assert run.status is RunStatus.ERROR
    assert run.detection is None


async def test_an_awaitable_from_a_plain_detect_is_an_error(runner: Runner) -> None:
    async def answer() -> Detection:
        return CLEAN

    run = await run_one(runner, Fake(lambda _: answer()))
    assert run.status is RunStatus.ERROR


async def test_a_finding_is_never_below_the_score_of_its_label(runner: Runner) -> None:
    found = Finding("r", "bad", "", score=0.9, start=0, end=5)
    run = await run_one(runner, Fake(lambda _: Detection({"bad": 0.1}, (found,))))
    assert run.detection is not None
    assert run.detection.scores == {"bad": 0.9}


async def test_a_coroutine_that_takes_too_long_times_out(runner: Runner) -> None:
    async def never(_: View) -> Detection:
        await asyncio.Event().wait()
        return CLEAN

    (run,) = await runner.run([guard(RemoteFake(never), 0.02)], view())
    assert run.status is RunStatus.TIMEOUT
    assert run.reason == "no answer within 0.02 s"


async def test_a_coroutine_that_cancels_itself_is_an_error(runner: Runner) -> None:
    async def gives_up(_: View) -> Detection:
        raise asyncio.CancelledError

    run = await run_one(runner, RemoteFake(gives_up))
    assert run.status is RunStatus.ERROR


async def test_cancelling_a_scan_cancels_the_coroutine(runner: Runner) -> None:
    seen: list[str] = []
    begun = asyncio.Event()

    async def watch(_: View) -> Detection:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return CLEAN

    task = asyncio.create_task(runner.run([guard(RemoteFake(watch))], view()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cancelled"]


async def test_a_hanging_detector_does_not_hold_up_the_others(runner: Runner) -> None:
    release = threading.Event()
    hanging = Fake(lambda _: release.wait(30) and CLEAN, "hanging", is_bounded=False)
    quick = Fake(lambda _: CLEAN, "quick", is_bounded=False)
    try:
        for _ in range(6):
            first, second = await runner.run([guard(hanging, 0.2), guard(quick)], view())
            assert first.status is RunStatus.TIMEOUT
            assert second.status is RunStatus.OK
        assert runner.hung == 6
    finally:
        release.set()


async def test_abandoned_threads_are_replaced_and_counted_out_when_they_return(
    runner: Runner,
) -> None:
    release = threading.Event()
    is_stuck = True

    def judge(_: View) -> Detection:
        if is_stuck:
            release.wait(30)
        return CLEAN

    detector = Fake(judge, is_bounded=False)
    for _ in range(5):
        (run,) = await runner.run([guard(detector, 0.02)], view())
        assert run.status is RunStatus.TIMEOUT
    is_stuck = False
    assert (await run_one(runner, detector)).status is RunStatus.OK
    release.set()
    while runner.hung:  # noqa: ASYNC110 - the threads have no event to wait for
        await asyncio.sleep(0.01)


async def test_a_detector_that_hangs_for_ever_is_not_called_again_and_again(
    runner: Runner,
) -> None:
    release = threading.Event()
    detector = Fake(lambda _: release.wait(30) and CLEAN, is_bounded=False)
    try:
        many = [runner.run([guard(detector, 0.05)], view()) for _ in range(40)]
        runs = [run for (run,) in await asyncio.gather(*many)]
        assert {run.status for run in runs} <= {RunStatus.TIMEOUT, RunStatus.ERROR}
        while runner.hung < 16:
            await runner.run([guard(detector, 0.01)], view())
        (run,) = await runner.run([guard(detector, 0.01)], view())
        assert run.status is RunStatus.ERROR
        assert "have not returned" in run.reason
        assert runner.hung == 16
    finally:
        release.set()


async def test_a_cancelled_scan_does_not_lose_a_thread(runner: Runner) -> None:
    release = threading.Event()
    begun = threading.Event()

    def judge(seen: View) -> Detection:
        if seen.text == "hang":
            begun.set()
            release.wait(30)
        return CLEAN

    detector = Fake(judge, is_bounded=False)
    for _ in range(6):
        begun.clear()
        task = asyncio.create_task(runner.run([guard(detector, 0.05)], view("hang")))
        await asyncio.to_thread(begun.wait, 5)
        task.cancel()
        await asyncio.wait([task])  # on a busy machine its deadline may have come first
        await asyncio.sleep(0.06)
    assert (await run_one(runner, detector)).status is RunStatus.OK
    release.set()


async def test_long_texts_leave_the_event_loop(runner: Runner) -> None:
    threads: list[str] = []

    def judge(_: View) -> Detection:
        threads.append(threading.current_thread().name)
        return CLEAN

    await run_one(runner, Fake(judge), "short")
    await run_one(runner, Fake(judge), LONG)
    assert threads[0] == threading.current_thread().name
    assert threads[1].startswith("tyrian-")


async def test_what_was_judged_before_the_deadline_stands(runner: Runner) -> None:
    release = threading.Event()
    quick = guard(Fake(lambda _: Detection({"bad": 0.8}), "quick"), 0.05)
    stuck = guard(Fake(lambda _: release.wait(30) and CLEAN, "stuck"), 0.05)
    try:
        first, second = await runner.run([quick, stuck], view(LONG))
        assert first.detection == Detection({"bad": 0.8})
        assert second.status is RunStatus.TIMEOUT
    finally:
        release.set()


async def test_dear_guards_are_skipped_where_cheap_ones_settle_the_matter(runner: Runner) -> None:
    asked: list[str] = []

    def ask(seen: View) -> Detection:
        asked.append(seen.text)
        return CLEAN

    cheap = guard(Fake(lambda _: Detection({"bad": 1.0}), "cheap"))
    dear = guard(Fake(ask, "dear", is_bounded=False))
    runs = await runner.run([dear, cheap], view(), lambda done: done[0].detection is not None)
    assert [run.status for run in runs] == [RunStatus.SKIPPED, RunStatus.OK]
    assert runs[0].reason == SETTLED
    assert not asked


def needle(seen: View) -> Detection:
    at = seen.text.find("needle")
    found = (Finding("r", "bad", "", start=at, end=at + 6),) if at >= 0 else ()
    return Detection.from_findings(found)


@pytest.mark.parametrize("at", [0, 95, 100, 4000, 9000])
@pytest.mark.parametrize("is_bounded", [True, False])
async def test_windows_find_what_stands_anywhere_in_a_long_text(
    runner: Runner, at: int, is_bounded: bool
) -> None:
    text = "x" * at + "needle" + "y" * (9000 - at)
    run = await run_one(runner, Fake(needle, is_bounded=is_bounded, window=100), text)
    assert run.detection is not None
    assert run.detection.coverage == 1.0
    assert [(f.start, f.end) for f in run.detection.findings] == [(at, at + 6)]


async def test_windows_of_a_remote_detector_are_merged_as_well(runner: Runner) -> None:
    async def judge(seen: View) -> Detection:
        return needle(seen)

    text = "x" * 450 + "needle" + "y" * 500
    run = await run_one(runner, RemoteFake(judge, window=100), text)
    assert run.detection is not None
    assert [(f.start, f.end) for f in run.detection.findings] == [(450, 456)]


async def test_a_deadline_midway_gives_what_was_judged_and_says_how_much(runner: Runner) -> None:
    release = threading.Event()

    def judge(seen: View) -> Detection:
        if "stop" in seen.text:
            release.wait(30)
        return needle(seen)

    detector = Fake(judge, is_bounded=False, window=100)
    text = "needle" + "x" * 500 + "stop" + "y" * 500
    try:
        (run,) = await runner.run([guard(detector, 0.1)], view(text))
        assert run.status is RunStatus.OK
        assert run.detection is not None
        assert 0.3 < run.detection.coverage < 0.6
        assert run.detection.scores == {"bad": 1.0}
    finally:
        release.set()


async def test_after_close_nothing_is_taken_for_judged() -> None:
    runner = Runner()
    runner.close()
    run = await run_one(runner, Fake(lambda _: CLEAN, is_bounded=False))
    assert (run.status, run.reason) == (RunStatus.ERROR, "the firewall is closed")


def test_a_guard_without_a_deadline_is_an_error() -> None:
    with pytest.raises(ConfigError, match="deadline"):
        guard(Fake(lambda _: CLEAN), 0)
