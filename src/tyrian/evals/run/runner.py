"""The local engine: cases of one benchmark against its models, many at a time.

Cases are drawn lazily and dropped when they are logged, so that memory does not grow with the
number of cases. What the log holds already is skipped.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tyrian.evals.benchmark import Benchmark
from tyrian.evals.exchange import Part, Reply, Request
from tyrian.evals.execution import Executed, Execution, ExecutionStatus
from tyrian.evals.models.model import Model
from tyrian.evals.run.cache import ReplyCache, key_of
from tyrian.evals.run.index import LogIndex
from tyrian.evals.run.ledger import BudgetError, Ledger
from tyrian.evals.run.log import Exchange, Record, RunLog
from tyrian.evals.run.play import Ask, Execute, Played, play
from tyrian.evals.sample import Sample

AT_ONCE = 64


async def no_sandbox(_: Execution) -> Executed:
    """For runs without a sandbox: nothing is executed, and the score says so."""
    return Executed(ExecutionStatus.REFUSED, reason="no sandbox is available here")


@dataclass(slots=True)
class Progress:
    """How far a run is, for people."""

    total: int = 0
    done: int = 0
    skipped: int = 0
    unscored: int = 0


@dataclass(slots=True)
class Engine:
    """What a run works with."""

    models: Mapping[Part, Model]
    ledger: Ledger = field(default_factory=Ledger)
    cache: ReplyCache | None = None
    execute: Execute = no_sandbox
    at_once: int = AT_ONCE
    report: Callable[[Progress], None] = lambda _: None


def model_of(models: Mapping[Part, Model], part: Part) -> Model:
    """Who plays a part: the model named for it, else the judge for all but the target."""
    if part in models:
        return models[part]
    if part is not Part.TARGET and Part.JUDGE in models:
        return models[Part.JUDGE]
    raise KeyError(part)


async def run(
    benchmark: Benchmark,
    samples: Iterable[Sample],
    log: RunLog,
    engine: Engine,
    *,
    passes: int = 1,
    total: int = 0,
) -> Progress:
    """Do all cases that the log does not hold; the log is synced at the end and on any error."""
    progress = Progress(total=total * passes)
    with LogIndex(log.path) as done:
        work = due(samples, passes, done, progress)
        return await do_cases(benchmark, work, log.append, engine, progress)


async def do_cases(
    benchmark: Benchmark,
    work: Iterator[tuple[Sample, int]],
    keep: Callable[[Record], None],
    engine: Engine,
    progress: Progress,
) -> Progress:
    """Do cases many at a time, and give each to `keep` as it is done."""
    spent: list[BudgetError] = []

    async def worker() -> None:
        for sample, nth in work:
            try:
                played = await play(benchmark, sample, _asker(engine, nth), engine.execute)
            except BudgetError as error:
                spent.append(error)
                return
            record = record_of(sample, nth, played)
            keep(record)
            progress.done += 1
            progress.unscored += bool(record.missing)
            engine.report(progress)

    await _together(worker, engine.at_once)
    if spent:
        raise spent[0]
    return progress


def due(
    samples: Iterable[Sample],
    passes: int,
    done: LogIndex,
    progress: Progress,
) -> Iterator[tuple[Sample, int]]:
    """Cases and passes that are not done yet, or were done with another text."""
    has_done = len(done) > 0
    for sample in samples:
        for nth in range(passes):
            if has_done and done.digest(sample.id, nth) == sample.digest:
                progress.skipped += 1
            else:
                yield (replace(sample, nth=nth) if nth else sample), nth


async def _together(worker: Callable[[], Coroutine[Any, Any, None]], count: int) -> None:
    """Workers that end together: the first error stops the others and goes up as it is."""
    tasks = [asyncio.create_task(worker()) for _ in range(count)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _asker(engine: Engine, nth: int) -> Ask:
    async def ask(request: Request) -> Reply:
        model = model_of(engine.models, request.part)
        if engine.cache is None:
            return await _paid(engine, model, request)
        key = key_of(model.identity, request, nth)
        known = engine.cache.get(key)
        if known is not None:
            return known
        reply = await _paid(engine, model, request)
        engine.cache.put(key, reply)
        return reply

    return ask


async def _paid(engine: Engine, model: Model, request: Request) -> Reply:
    engine.ledger.admit()
    reply = await model.reply(request)
    engine.ledger.record(model.name, reply.usage)
    return reply


def record_of(sample: Sample, nth: int, played: Played) -> Record:
    """What the log keeps of a case."""
    score = played.score
    usages = [reply.usage for _, reply in played.exchanges]
    return Record(
        id=sample.id,
        nth=nth,
        digest=sample.digest,
        slices=dict(sample.slices),
        cluster=sample.cluster,
        duplicate_of=sample.duplicate_of,
        invalid=sample.invalid,
        values=dict(score.values),
        label=score.label,
        missing=score.missing,
        why=score.why,
        details=dict(score.details),
        answer=dict(played.answer),
        judgement=dict(played.judgement),
        exchanges=[_exchange(request, reply) for request, reply in played.exchanges],
        prompt_tokens=sum(usage.prompt for usage in usages),
        completion_tokens=sum(usage.completion for usage in usages),
    )


def _exchange(request: Request, reply: Reply) -> Exchange:
    last = request.turns[-1]
    return Exchange(
        part=request.part.value,
        said=last.text,
        reply=reply.text,
        status=reply.status.value,
        reason=reply.reason,
        calls=[[call.name, call.arguments] for call in reply.calls],
    )
