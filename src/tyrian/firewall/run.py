"""The one place where a detector's failure becomes data."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from tyrian.core.detection import Detection, DetectorRun, RunStatus, View
from tyrian.errors import DetectorError
from tyrian.firewall.cascade import Settles
from tyrian.firewall.guard import Guard
from tyrian.firewall.judge import checked, failed, judge, judge_async, late, ok
from tyrian.firewall.lane import Lane
from tyrian.firewall.turn import Turn
from tyrian.firewall.windows import Coverage

INLINE_LIMIT = 1_500
"""Texts shorter than this are judged on the event loop by detectors that are bounded."""

BOUNDED_LANE_WIDTH = 2
SETTLED = "another guard had settled the matter"


def is_inline(guard: Guard, length: int) -> bool:
    """True where this guard judges a text of that length on the event loop itself."""
    return guard.is_bounded and length < INLINE_LIMIT and guard.first is None


def is_slow(guard: Guard, view: View) -> bool:
    """True where the guard's detector says of a short text that it takes long all the same."""
    try:
        return guard.is_slow is not None and guard.is_slow(view)
    except Exception:  # noqa: BLE001 - whatever is wrong shows, and counts, when it judges
        return False


def _is_here(guard: Guard, view: View) -> bool:
    """True where this guard judges this text on the event loop itself."""
    return is_inline(guard, len(view.text)) and not is_slow(guard, view)


def run_inline(guard: Guard, view: View) -> DetectorRun:
    """Run a bounded detector here and now."""
    started = time.perf_counter()
    try:
        if guard.window:
            deadline = started + guard.patience_s
            coverage = Coverage(len(view.text))
            found = judge(guard, view, coverage, lambda: time.perf_counter() > deadline)
        else:
            found = checked(guard.detector.detect(view), len(view.text))
    except Exception as error:  # noqa: BLE001 - a detector's failure becomes data here
        return failed(guard, started, error)
    return ok(guard, started, found)


class Runner:
    """Runs the detectors due at a stage together, each under its deadline."""

    def __init__(self) -> None:
        self._bounded = Lane("bounded", width=BOUNDED_LANE_WIDTH)
        self._lanes: dict[int, Lane] = {}
        self._is_closed = False
        self.turn = Turn()
        """Waited for before a message is judged on the event loop."""

    async def run(
        self, guards: Sequence[Guard], view: View, settles: Settles | None = None
    ) -> list[DetectorRun]:
        """One run per guard, in their order; never raises for what a detector does.

        Cheap guards go first; where `settles` says that they decide, the others are skipped.
        """
        runs = {g.name: run_inline(g, view) for g in guards if _is_here(g, view)}
        firsts: dict[str, DetectorRun] = {}
        if any(guard.first for guard in guards):
            firsts = await self._ask_first(guards, view)
            runs |= _settled(guards, firsts, view, settles)
        rest = [guard for guard in guards if guard.name not in runs]
        if rest and runs and settles is not None and settles(tuple(runs.values())):
            runs |= {
                g.name: DetectorRun(g.name, RunStatus.SKIPPED, 0.0, None, SETTLED) for g in rest
            }
        elif rest:
            runs |= await self._run_aside(rest, view)
            runs |= {
                g.name: g.cascade.end(firsts[g.name], runs[g.name], g.gap.of(view.subject))
                for g in rest
                if g.cascade
            }
        return [runs[guard.name] for guard in guards]

    @property
    def hung(self) -> int:
        """Threads given up because a detector has not returned."""
        return self._bounded.hung + sum(lane.hung for lane in self._lanes.values())

    def close(self) -> None:
        """Let the threads end; what is asked later fails."""
        self._is_closed = True
        for lane in (self._bounded, *self._lanes.values()):
            lane.close()

    async def _ask_first(self, guards: Sequence[Guard], view: View) -> dict[str, DetectorRun]:
        """The runs of the first detectors of cascades, under the names of their guards."""
        firsts = [guard.first for guard in guards if guard.first]
        runs = {g.name: run_inline(g, view) for g in firsts if _is_here(g, view)}
        rest = [guard for guard in firsts if guard.name not in runs]
        return runs | (await self._run_aside(rest, view) if rest else {})

    async def _run_aside(self, guards: Sequence[Guard], view: View) -> dict[str, DetectorRun]:
        bounded = [guard for guard in guards if guard.is_bounded]
        work = [
            _on_loop(guard, view) if guard.is_async else self._in_lane(guard, view)
            for guard in guards
            if not guard.is_bounded
        ]
        if bounded:
            work.append(self._hop(self._bounded, bounded, view))
        done = [await work[0]] if len(work) == 1 else await asyncio.gather(*work)
        return {run.detector: run for runs in done for run in runs}

    def _in_lane(self, guard: Guard, view: View) -> Coroutine[Any, Any, list[DetectorRun]]:
        lane = self._lanes.get(id(guard.detector))
        if lane is None:
            lane = self._lanes.setdefault(id(guard.detector), Lane(guard.name))
        return self._hop(lane, [guard], view)

    async def _hop(self, lane: Lane, guards: Sequence[Guard], view: View) -> list[DetectorRun]:
        """Run these guards one after another in one worker thread."""
        started = time.perf_counter()
        if self._is_closed:
            lane.close()
        hop = _Hop(guards, view)
        try:
            await lane.run(hop.work, max(guard.patience_s for guard in guards))
        except DetectorError as error:
            return [failed(guard, started, error) for guard in guards]
        return hop.runs(started)


def _settled(
    guards: Sequence[Guard], firsts: dict[str, DetectorRun], view: View, settles: Settles | None
) -> dict[str, DetectorRun]:
    """The guards whose first detector, or whose budget, leaves nothing more to be asked."""
    ended = {
        g.name: g.cascade.settle(firsts[g.name], g.gap.of(view.subject), settles)
        for g in guards
        if g.cascade
    }
    return {name: run for name, run in ended.items() if run is not None}


async def _on_loop(guard: Guard, view: View) -> list[DetectorRun]:
    started = time.perf_counter()
    coverage = Coverage(len(view.text))
    try:
        async with asyncio.timeout(guard.patience_s):
            found: Detection = await judge_async(guard, view, coverage)
    except TimeoutError:
        return [late(guard, started, coverage)]
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return [failed(guard, started, error)]
    except Exception as error:  # noqa: BLE001 - a detector's failure becomes data here
        return [failed(guard, started, error)]
    return [ok(guard, started, found)]


class _Hop:
    """Work of one thread; what is finished stands even where the deadline ends the rest."""

    def __init__(self, guards: Sequence[Guard], view: View) -> None:
        self._guards = guards
        self._view = view
        self._done: dict[str, DetectorRun] = {}
        self._coverage = {guard.name: Coverage(len(view.text)) for guard in guards}

    def work(self) -> None:
        begun = time.perf_counter()
        for guard in self._guards:
            self._done[guard.name] = self._one(guard, begun + guard.patience_s)

    def _one(self, guard: Guard, deadline: float) -> DetectorRun:
        started = time.perf_counter()
        coverage = self._coverage[guard.name]
        if started > deadline:
            return late(guard, started)
        try:
            found = judge(guard, self._view, coverage, lambda: time.perf_counter() > deadline)
        except BaseException as error:  # noqa: BLE001 - nothing may end the worker thread
            return failed(guard, started, error)
        return ok(guard, started, found)

    def runs(self, started: float) -> list[DetectorRun]:
        done = dict(self._done)
        return [
            done[g.name] if g.name in done else late(g, started, self._coverage[g.name])
            for g in self._guards
        ]
