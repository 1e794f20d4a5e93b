"""A benchmark as a task of Inspect AI (extra `inspect`): the same generators, asked by Inspect.

Inspect brings its providers, limits, retries and logs; cases, questions and scores are ours. Model
roles play the parts: `--model-role judge=MODEL` plays all parts but the target's, other roles
(`attacker`, `victim`, `expander`) one each. Programs run in our sandbox.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.dataset import Sample as InspectSample
from inspect_ai.model import Model, get_model, model_roles
from inspect_ai.scorer import Score as InspectScore
from inspect_ai.scorer import Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from tyrian.errors import ConfigError
from tyrian.evals.benchmark import Benchmark, Fidelity, Options
from tyrian.evals.engines.inspect_wire import config_of, messages_of, reply_of, tools_of
from tyrian.evals.exchange import Part, Reply, Request
from tyrian.evals.run.plan import Plan, build, samples_of
from tyrian.evals.run.play import Played, play
from tyrian.evals.run.runner import no_sandbox, record_of
from tyrian.evals.sample import Sample
from tyrian.evals.sandboxed.execute import Sandboxed

PLAYED = "tyrian:played"
"""Under this name a sample's store holds what our log would hold of it."""


def task_of(
    name: str,
    *,
    sample: bool = False,
    data: str = "",
    variant: str = "full",
    upstream: bool = False,
    seed: int = 0,
    limit: int = 0,
    settings: str = "",
) -> Task:
    """A benchmark with its options (`-T`), as Inspect runs it.

    `settings` holds the benchmark's own options as `KEY=VALUE,KEY=VALUE`.
    """
    fidelity = Fidelity.UPSTREAM if upstream else Fidelity.STRICT
    plan = Plan(
        benchmarks=(name,),
        output=Path(),
        is_sample=sample,
        data=Path(data) if data else None,
        options=Options(fidelity, variant, seed, _settings(settings)),
        limit=limit or None,
    )
    benchmark = build(name, plan)
    samples = samples_of(name, benchmark, plan)
    return Task(
        dataset=MemoryDataset([_case(one) for one in samples], name=f"tyrian/{name}"),
        solver=played(benchmark, {one.id: one for one in samples}),
        scorer=scored(benchmark),
        metadata={
            "benchmark": name,
            "variant": "sample" if sample else variant,
            "fidelity": fidelity.value,
            "measures": {one.name: one.title for one in benchmark.measures},
            "better": {one.name: one.better.value for one in benchmark.measures},
        },
    )


def _settings(text: str) -> Mapping[str, str]:
    found = {}
    for one in filter(None, text.split(",")):
        key, sign, value = one.partition("=")
        if not sign or not key:
            raise ConfigError(f"-T settings: {one!r} is not of the form KEY=VALUE")
        found[key] = value
    return found


def _case(sample: Sample) -> InspectSample:
    return InspectSample(
        id=sample.id,
        input=str(sample.data.get("prompt") or sample.data.get("question") or sample.id),
        metadata={
            "slices": dict(sample.slices),
            "cluster": sample.cluster or sample.id,
            "duplicate_of": sample.duplicate_of,
            "invalid": sample.invalid,
        },
    )


@solver
def played(benchmark: Benchmark, samples: Mapping[str, Sample]) -> Solver:
    """Plays a case from its first question to its score."""
    execute = Sandboxed() if benchmark.needs_sandbox else no_sandbox

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        sample = samples[str(state.sample_id)]
        if state.epoch > 1:
            sample = replace(sample, nth=state.epoch - 1)

        async def ask(request: Request) -> Reply:
            model = model_for(request.part)
            asked = messages_of(request.turns)
            output = await model.generate(asked, tools_of(request), config=config_of(request))
            if request.part is Part.TARGET:
                state.messages = [*asked, output.message] if output.choices else asked
                state.output = output
            return reply_of(output)

        found = await play(benchmark, sample, ask, execute)
        state.store.set(PLAYED, _kept(sample, found))
        return state

    return solve


def model_for(part: Part) -> Model:
    """Who plays a part; ConfigError where nobody was named for it."""
    if part is Part.TARGET:
        return get_model()
    roles = model_roles()
    for role in (part.value, Part.JUDGE.value):
        if role in roles:
            return get_model(role=role)
    raise ConfigError(
        f"nobody plays the {part.value}", hint="--model-role judge=MODEL plays all but the target"
    )


def _kept(sample: Sample, found: Played) -> dict[str, Any]:
    """As plain JSON, which a store must be."""
    kept: dict[str, Any] = msgspec.to_builtins(record_of(sample, sample.nth, found))
    return kept


@scorer(metrics=[{"*": [mean(), stderr(cluster="cluster")]}])
def scored(benchmark: Benchmark) -> Scorer:
    """Our score, one value per measure; what has none is unscored, with its reason."""

    async def score(state: TaskState, target: Target) -> InspectScore:
        kept: dict[str, Any] = state.store.get(PLAYED, {})
        missing = str(kept.get("missing") or "")
        is_counted = benchmark.is_upstream or not (kept.get("duplicate_of") or kept.get("invalid"))
        if not missing and not is_counted:
            missing = "repeats_another" if kept.get("duplicate_of") else "invalid"
        return score_of(
            kept.get("values", {}),
            [one.name for one in benchmark.measures],
            label=str(kept.get("label") or ""),
            missing=missing,
            why=str(kept.get("why") or ""),
        )

    return score


def score_of(
    values: Mapping[str, float], measures: list[str], *, label: str, missing: str, why: str
) -> InspectScore:
    """A score of ours as Inspect has it; measures that do not apply are not a number."""
    if missing:
        return InspectScore.unscored(reason=missing, explanation=why or None)
    return InspectScore(
        value={name: float(values.get(name, math.nan)) for name in measures},
        answer=label or None,
        explanation=why or None,
    )
