"""What one worker does: cases in, lines of a log out, in batches. No engine is named here."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from tyrian.errors import ConfigError
from tyrian.evals.distributed.budget import LeasedModel, Purse
from tyrian.evals.exchange import Part
from tyrian.evals.models.cast import Cast
from tyrian.evals.models.http import HttpLimits
from tyrian.evals.registry import benchmark_type
from tyrian.evals.run.log import Record
from tyrian.evals.run.outcome import line_of
from tyrian.evals.run.plan import Plan, build
from tyrian.evals.run.play import Execute
from tyrian.evals.run.runner import Engine, Progress, do_cases, no_sandbox
from tyrian.evals.sample import Sample
from tyrian.evals.sandboxed.execute import Sandboxed

BATCH, WAIT_S = 64, 0.5
Case = tuple[Sample, int]
"""A case and which pass over it."""


@dataclass(frozen=True, slots=True)
class Job:
    """What all workers of a run are told: plain values alone, and no key."""

    plan: Plan
    cast: Cast
    at_once: int
    """Cases under way at this worker."""
    identities: tuple[tuple[str, str], ...]
    """Of the models, by part: another machine must not have other ones under the same names."""


def identities_of(cast: Cast) -> tuple[tuple[str, str], ...]:
    """What makes the answers of this cast here what they are."""
    return tuple((part.value, model.identity) for part, model in sorted(cast.models().items()))


class Worker:
    """Lives as long as the run: models and connections are made once."""

    def __init__(self, job: Job, purse: Purse) -> None:
        limits = HttpLimits(start=min(16, job.at_once), highest=job.at_once)
        if identities_of(job.cast) != job.identities:
            raise ConfigError(
                "the models of this machine are not those of the machine that began the run",
                hint="the same stack file, recordings and version have to be on every machine",
            )
        self._job = job
        self._models: dict[Part, LeasedModel] = {
            part: LeasedModel(model, purse, time.monotonic)
            for part, model in job.cast.models(limits).items()
        }

    async def work(self, name: str, cases: Sequence[Case]) -> AsyncIterator[bytes]:
        """Do the cases of a benchmark; gives lines of the log as they come, some at a time."""
        lines: asyncio.Queue[bytes | None] = asyncio.Queue()

        def keep(record: Record) -> None:
            lines.put_nowait(line_of(record))

        benchmark = build(name, self._job.plan)
        engine = Engine(dict(self._models), execute=_execute_for(name), at_once=self._job.at_once)
        doing = asyncio.create_task(do_cases(benchmark, iter(cases), keep, engine, Progress()))
        doing.add_done_callback(lambda _: lines.put_nowait(None))
        try:
            while (batch := await _batch(lines)) is not None:
                yield batch
            await doing
        finally:
            doing.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await doing

    async def close(self) -> None:
        """Let connections go."""
        for model in self._models.values():
            await model.close()


async def _batch(lines: "asyncio.Queue[bytes | None]") -> bytes | None:
    """What is there after a short while, None at the end."""
    first = await lines.get()
    if first is None:
        return None
    found = [first]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WAIT_S):
            while len(found) < BATCH:
                line = await lines.get()
                if line is None:
                    lines.put_nowait(None)
                    break
                found.append(line)
    return b"".join(found)


def _execute_for(name: str) -> Execute:
    return Sandboxed() if benchmark_type(name).needs_sandbox else no_sandbox
