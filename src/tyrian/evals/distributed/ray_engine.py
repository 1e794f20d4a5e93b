"""Ray as the engine for many machines: long-lived workers, one holder of budgets, shards by digest.

Data and logs stay with the machine that begins the run: cases are sent to the workers, finished
ones come back as lines of the log and are appended here, so that machines share no file system and
a run that was killed anywhere goes on. $RAY_ADDRESS names a cluster; without it one is started on
this machine, for this run alone, on its loopback address. Keys come from each machine's own
environment and are never sent.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tyrian.errors import MissingDependencyError, TyrianError, UpstreamError
from tyrian.evals.benchmark import Benchmark
from tyrian.evals.distributed.budget import Budget, Lease, Spent
from tyrian.evals.distributed.shard import (
    logs_of,
    merge,
    note_done,
    segment_of,
    shard_of,
)
from tyrian.evals.distributed.work import Case, Job, Worker, identities_of
from tyrian.evals.models.cast import Cast
from tyrian.evals.run.index import LogIndex
from tyrian.evals.run.ledger import Ledger
from tyrian.evals.run.log import RunLog
from tyrian.evals.run.outcome import finish
from tyrian.evals.run.plan import Heard, Plan, Prepared, prepare
from tyrian.evals.run.runner import Progress, due
from tyrian.evals.summary import Summary

TRIES = 3
"""How often a shard is given to another worker when its machine is lost."""
_QUIET: Mapping[str, str] = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # of a cluster of one's own: loopback alone
}


class _BudgetActor:
    """The budgets of a run, one for each key, behind Ray."""

    def __init__(self, ledger: Ledger, rate: float | None) -> None:
        self._budget = Budget(ledger, time.monotonic, rate)

    async def lease(self, wanted: int, spent: Spent) -> Lease:
        return self._budget.lease(wanted, spent)

    async def ledger(self) -> Ledger:
        return self._budget.ledger


class _WorkerActor:
    """A worker behind Ray; errors of ours come back as values, since Ray wraps what is raised."""

    def __init__(self, job: Job, budget: Any) -> None:
        self._worker: Worker | None = None
        self._job, self._budget = job, budget

    async def work(self, name: str, cases: Sequence[Case]) -> AsyncIterator[bytes | TyrianError]:
        try:
            if self._worker is None:
                self._worker = Worker(self._job, self._lease)
            async for lines in self._worker.work(name, cases):
                yield lines
        except TyrianError as error:
            yield error

    async def _lease(self, wanted: int, spent: Spent) -> Lease:
        lease: Lease = await self._budget.lease.remote(wanted, spent)
        return lease

    async def close(self) -> None:
        if self._worker is not None:
            await self._worker.close()


@dataclass(slots=True)
class Crew:
    """The workers of a run; a lost one is replaced."""

    ray: Any
    job: Job
    budget: Any
    count: int
    workers: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workers = [self._made() for _ in range(self.count)]

    def _made(self) -> Any:
        actor = self.ray.remote(_WorkerActor)
        spread = actor.options(num_cpus=1, max_concurrency=4, scheduling_strategy="SPREAD")
        return spread.remote(self.job, self.budget)

    def replace(self, at: int, lost: Any) -> None:
        """Another worker in the place of a lost one, unless somebody did so already."""
        if self.workers[at] is lost:
            self.workers[at] = self._made()


async def carry_out_on_ray(
    plan: Plan,
    cast: Cast,
    ledger: Ledger,
    heard: Heard = lambda *_: None,
    *,
    workers: int = 0,
    rate: float | None = None,
) -> Mapping[str, tuple[Benchmark, Summary]]:
    """Run every benchmark of the plan; the files are those that one process would have written.

    `workers` is the number of workers, by default one for each processor of the cluster; `rate`
    bounds the requests per second with each key, of all of them together. What was spent is in
    `ledger` then.
    """
    ray = _connected()
    try:
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        at_once = max(1, plan.at_once // count)
        job = Job(plan, cast, at_once, identities_of(cast))
        budget = ray.remote(_BudgetActor).options(num_cpus=0).remote(ledger, rate)
        crew = Crew(ray, job, budget, count)
        found: dict[str, tuple[Benchmark, Summary]] = {}
        for name in plan.benchmarks:
            ready = prepare(name, plan, cast.models())
            try:
                await _run(crew, name, ready, plan.passes, heard)
            finally:
                _took(ledger, await budget.ledger.remote())
            found[name] = ready.benchmark, finish(ready.directory, ready.benchmark)
        return found
    finally:
        ray.shutdown()


async def _run(crew: Crew, name: str, ready: Prepared, passes: int, heard: Heard) -> None:
    progress = Progress(total=len(ready.samples) * passes)
    shards: dict[int, list[Case]] = {}
    with LogIndex(*logs_of(ready.directory)) as done:
        for case in due(ready.samples, passes, done, progress):
            shards.setdefault(shard_of(case[0].id), []).append(case)

    free: asyncio.Queue[int] = asyncio.Queue()
    for at in range(crew.count):
        free.put_nowait(at)

    async def shard(number: int, cases: list[Case]) -> None:
        at = await free.get()
        try:
            segment = segment_of(ready.directory, number)
            await _shard(crew, at, name, segment, cases, lambda n: _told(progress, n))
            note_done(segment, {"engine": f"ray {crew.ray.__version__}"})
        finally:
            free.put_nowait(at)

    def _told(state: Progress, lines: int) -> None:
        state.done += lines
        heard(name, state)

    tasks = [asyncio.create_task(shard(number, cases)) for number, cases in shards.items()]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    merge(ready.directory)


async def _shard(
    crew: Crew, at: int, name: str, segment: Path, cases: list[Case], told: Any
) -> None:
    """All cases of a shard into its segment, whatever becomes of the worker."""
    for _ in range(TRIES):
        with LogIndex(segment) as done:
            left = [case for case in cases if done.digest(case[0].id, case[1]) != case[0].digest]
        if not left:
            return
        worker = crew.workers[at]
        try:
            with RunLog(segment) as log:
                stream = worker.work.options(num_returns="streaming").remote(name, left)
                async for reference in stream:
                    lines = await reference
                    if isinstance(lines, TyrianError):
                        raise lines
                    log.append_lines(lines)
                    told(lines.count(b"\n"))
        except crew.ray.exceptions.RayActorError:
            crew.replace(at, worker)
    raise UpstreamError(
        f"{name}: the machine of a worker was lost {TRIES} times",
        hint="run again: finished cases are kept; see the logs of Ray",
    )


def _took(ledger: Ledger, other: Ledger) -> None:
    ledger.spent, ledger.answers = other.spent, other.answers
    ledger.prompt_tokens, ledger.completion_tokens = other.prompt_tokens, other.completion_tokens


def _connected() -> Any:
    """Ray, connected to the cluster that $RAY_ADDRESS names, or to one of this machine's own."""
    address = os.environ.get("RAY_ADDRESS", "")
    for name, value in _QUIET.items():
        if not address or name == "RAY_USAGE_STATS_ENABLED":
            os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise MissingDependencyError(
            "Ray is not installed", hint="pip install 'tyrian[ray]'"
        ) from None
    own: dict[str, Any] = (
        {} if address else {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    )
    try:
        ray.init(address=address or "local", log_to_driver=False, configure_logging=False, **own)
    except Exception as error:
        raise UpstreamError(
            f"Ray cannot be reached at {address or 'this machine'}: {error}",
            hint="ray status tells of a cluster; without $RAY_ADDRESS one is started here",
        ) from error
    return ray
