"""Carry out a plan of evaluations, and tell of it on the terminal."""

import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import typer

from tyrian.evals.benchmark import Benchmark, Measure
from tyrian.evals.exchange import Part
from tyrian.evals.models.cast import Cast
from tyrian.evals.models.model import Model
from tyrian.evals.registry import benchmark_type
from tyrian.evals.run.cache import ReplyCache
from tyrian.evals.run.ledger import Ledger
from tyrian.evals.run.plan import Heard, Plan, Tools, carry_out
from tyrian.evals.run.play import Execute
from tyrian.evals.run.runner import Progress, no_sandbox
from tyrian.evals.summary import Figure, Summary


def models_for(
    target: str, judge: str, attacker: str = "", stack: Path | None = None
) -> Mapping[Part, Model]:
    """Who plays which part; with a stack its firewall stands around the target."""
    return Cast(target, judge, attacker, stack).models()


def execute_for(plan: Plan) -> Execute:
    """A sandbox where a benchmark of the plan runs programs; trying for one takes a second."""
    if not any(benchmark_type(name).needs_sandbox for name in plan.benchmarks):
        return no_sandbox
    from tyrian.evals.sandboxed.execute import Sandboxed

    return Sandboxed()


async def carried_out(
    plan: Plan,
    models: Mapping[Part, Model],
    ledger: Ledger,
    cache: ReplyCache | None,
    is_watched: bool,
) -> None:
    """Run it; figures go to standard output, progress to standard error."""
    heard = _watcher(ledger, is_watched)
    try:
        found = await carry_out(plan, Tools(models, ledger, cache, execute_for(plan)), heard)
    finally:
        if is_watched:
            sys.stderr.write("\r\x1b[K")
        for model in models.values():
            await model.close()
    for name, (benchmark, summary) in found.items():
        tell(name, benchmark, summary)


async def carried_out_on_ray(
    plan: Plan, cast: Cast, ledger: Ledger, is_watched: bool, workers: int, rate: float | None
) -> None:
    """The same on the machines of a Ray cluster."""
    from tyrian.evals.distributed.ray_engine import carry_out_on_ray

    heard = _watcher(ledger, is_watched)
    try:
        found = await carry_out_on_ray(plan, cast, ledger, heard, workers=workers, rate=rate)
    finally:
        if is_watched:
            sys.stderr.write("\r\x1b[K")
    for name, (benchmark, summary) in found.items():
        tell(name, benchmark, summary)


def _watcher(ledger: Ledger, is_watched: bool) -> Heard:
    started = time.monotonic()
    shown = 0.0

    def heard(name: str, progress: Progress) -> None:
        nonlocal shown
        now = time.monotonic()
        if is_watched and now - shown > 0.2:
            shown = now
            sys.stderr.write(f"\r\x1b[K{_line(name, progress, ledger, now - started)}")
            sys.stderr.flush()

    return heard


def _line(name: str, progress: Progress, ledger: Ledger, elapsed_s: float) -> str:
    done = progress.done + progress.skipped
    rate = progress.done / elapsed_s if elapsed_s else 0.0
    left = (progress.total - done) / rate if rate else 0.0
    cost = f", cost {ledger.spent:.4f}" if ledger.spent else ""
    return (
        f"{name}: {done}/{progress.total}, {progress.unscored} unscored, "
        f"{rate:.1f}/s, {left:.0f} s left{cost}"
    )


def tell(name: str, benchmark: Benchmark, summary: Summary) -> None:
    """The figures of one benchmark, a line each."""
    titles = {measure.name: measure for measure in benchmark.measures}
    typer.echo(f"{name}: {summary.scored} of {summary.cases} cases scored")
    for figure in summary.whole:
        measure = titles[figure.measure]
        number = _number(figure, measure)
        typer.echo(f"  {measure.title:<44} {number}  ({measure.better.value} is better)")
    for reason, count in summary.missing.items():
        typer.echo(f"  not scored, {reason}: {count}")


def _number(figure: Figure, measure: Measure) -> str:
    best = figure.above_chance or figure.estimate
    if math.isnan(best.value):
        return "  -    no case scored"
    if measure.highest != 1.0:
        return f"{best.value:7.2f} [{best.low:.2f}, {best.high:.2f}]"
    text = f"{best.value:7.1%} [{best.low:.1%}, {best.high:.1%}]"
    return text + (" above chance" if figure.above_chance else "")
