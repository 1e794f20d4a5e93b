"""One run: which benchmarks, against which models, into which directory."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec

import tyrian
from tyrian.errors import ConfigError, InputError
from tyrian.evals.attacks.attacked import attacked, is_attacked
from tyrian.evals.benchmark import Benchmark, Fidelity, Options
from tyrian.evals.datasets.source import digests_of, rows_of, sample_rows
from tyrian.evals.exchange import Part
from tyrian.evals.models.model import Model
from tyrian.evals.prompts import OwnPrompts, Prompts, UpstreamPrompts
from tyrian.evals.registry import benchmark_type
from tyrian.evals.run.cache import ReplyCache
from tyrian.evals.run.ledger import Ledger
from tyrian.evals.run.log import RunLog
from tyrian.evals.run.outcome import LOG, MANIFEST, as_json, finish, write_whole
from tyrian.evals.run.play import Execute
from tyrian.evals.run.runner import AT_ONCE, Engine, Progress, no_sandbox, run
from tyrian.evals.sample import Sample
from tyrian.evals.summary import Summary


@dataclass(frozen=True, slots=True)
class Plan:
    """What a user asked to be run."""

    benchmarks: tuple[str, ...]
    output: Path
    is_sample: bool = False
    data: Path | None = None
    """A checkout of the published data; with the upstream fidelity also of its prompts."""
    options: Options = field(default_factory=Options)
    limit: int | None = None
    """Cases at most of each benchmark, evenly strided."""
    passes: int = 1
    at_once: int = AT_ONCE


@dataclass(slots=True)
class Tools:
    """What a run works with."""

    models: Mapping[Part, Model]
    ledger: Ledger = field(default_factory=Ledger)
    cache: ReplyCache | None = None
    execute: Execute = no_sandbox


Heard = Callable[[str, Progress], None]


def build(name: str, plan: Plan) -> Benchmark:
    """The benchmark with its options and texts."""
    kind = benchmark_type(name)
    prompts: Prompts = OwnPrompts()
    if plan.options.fidelity is Fidelity.UPSTREAM:
        if kind.upstream_stats is Benchmark.upstream_stats or is_attacked(plan.options):
            raise ConfigError(
                f"{name} as it is asked for here has no published protocol",
                hint="leave --upstream out",
            )
        if plan.data is None:
            raise ConfigError(
                "the upstream protocol reads the published prompts from a checkout",
                hint="--data PATH of PurpleLlama at the pinned commit",
            )
        prompts = UpstreamPrompts(plan.data)
    return attacked(kind(plan.options, prompts))


def samples_of(name: str, benchmark: Benchmark, plan: Plan) -> list[Sample]:
    """The cases, strided evenly where fewer are wanted; ids are unique."""
    if plan.is_sample:
        if plan.options.variant != "full":
            raise ConfigError(
                f"the built-in rows of {name} have no variant {plan.options.variant!r}",
                hint="leave out --variant, or --sample",
            )
        rows = sample_rows(name)
    else:
        options = plan.options
        rows = rows_of(benchmark_type(name), options.variant, plan.data, options.settings)
    samples = list(benchmark.load(rows))
    if len({sample.id for sample in samples}) != len(samples):
        raise InputError(f"{benchmark.name}: two cases have the same id")
    if plan.limit is not None and plan.limit < len(samples):
        samples = [samples[i * len(samples) // plan.limit] for i in range(plan.limit)]
    return samples


@dataclass(frozen=True, slots=True)
class Prepared:
    """One benchmark of a plan, ready to be run by any engine."""

    benchmark: Benchmark
    samples: list[Sample]
    directory: Path


def prepare(name: str, plan: Plan, models: Mapping[Part, Model]) -> Prepared:
    """Read the cases and write the manifest; ConfigError where a part has no model."""
    benchmark = build(name, plan)
    samples = samples_of(name, benchmark, plan)
    missing = [part for part in benchmark.parts if not _plays(models, part)]
    if missing:
        raise ConfigError(
            f"{name} needs a model for: {', '.join(sorted(missing))}",
            hint="--judge MODEL plays every part but the target's",
        )
    manifest = manifest_of(name, plan, models, samples)
    directory = directory_of(plan.output, benchmark, models[Part.TARGET])
    _make(directory)
    _same_run(directory / MANIFEST, manifest)
    write_whole(directory / MANIFEST, as_json(manifest))
    return Prepared(benchmark, samples, directory)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the run cannot be written to {directory}: {error.strerror}",
            hint="name a directory with --output",
        ) from None


async def carry_out(
    plan: Plan, tools: Tools, heard: Heard = lambda *_: None
) -> Mapping[str, tuple[Benchmark, Summary]]:
    """Run every benchmark of the plan; what the logs hold is not done again."""
    found: dict[str, tuple[Benchmark, Summary]] = {}
    for name in plan.benchmarks:
        ready = prepare(name, plan, tools.models)
        benchmark, samples = ready.benchmark, ready.samples
        engine = Engine(
            tools.models,
            tools.ledger,
            tools.cache,
            tools.execute,
            plan.at_once,
            lambda progress, name=name: heard(name, progress),  # type: ignore[misc]
        )
        with RunLog(ready.directory / LOG) as log:
            await run(benchmark, samples, log, engine, passes=plan.passes, total=len(samples))
        found[name] = benchmark, finish(ready.directory, benchmark)
    return found


def _plays(models: Mapping[Part, Model], part: Part) -> bool:
    return part in models or (part is not Part.TARGET and Part.JUDGE in models)


def directory_of(output: Path, benchmark: Benchmark, model: Model) -> Path:
    """Where the files of one benchmark and model stand."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", model.name).strip(".") or "model"
    kind = benchmark.name
    if benchmark.options.variant != "full":
        kind += f"-{benchmark.options.variant}"
    return output / kind / safe


def manifest_of(
    name: str, plan: Plan, models: Mapping[Part, Model], samples: Sequence[Sample]
) -> dict[str, object]:
    """What the figures are figures of; the same run has the same manifest."""
    cases = sha256(b"".join(bytes.fromhex(sample.digest) for sample in samples))
    read = (
        {} if plan.is_sample else digests_of(benchmark_type(name), plan.options.variant, plan.data)
    )
    return {
        "benchmark": name,
        "variant": "sample" if plan.is_sample else plan.options.variant,
        "fidelity": plan.options.fidelity.value,
        "seed": plan.options.seed,
        "settings": dict(plan.options.settings),
        "passes": plan.passes,
        "cases": len(samples),
        "cases_sha256": cases.hexdigest(),
        "data_sha256": read,
        "model": models[Part.TARGET].name,
        "models": {part.value: model.identity for part, model in sorted(models.items())},
        "tyrian": tyrian.__version__,
    }


def _same_run(path: Path, manifest: Mapping[str, object]) -> None:
    """Refuse to add cases of one run to the log of another."""
    try:
        known = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        return
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", hint="remove the directory") from error
    for name in ("fidelity", "seed", "settings", "models", "variant"):
        if known.get(name) != manifest[name]:
            raise ConfigError(
                f"{path.parent} holds another run: {name} was {known.get(name)!r}, "
                f"is {manifest[name]!r}",
                hint="name another --output",
            )
