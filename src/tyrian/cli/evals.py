"""`tyrian eval`: measure a model, bare or behind the firewall, under attack."""

import asyncio
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import typer

from tyrian.cli.lazy import Entry, LazyGroup
from tyrian.cli.plain import plain
from tyrian.errors import ConfigError

if TYPE_CHECKING:
    from tyrian.evals.run.ledger import Price


class _Nouns(LazyGroup):
    entries = MappingProxyType(
        {
            "range": Entry(
                "tyrian.cli.evals_range:app", "A small network to attack, on this machine."
            ),
            "export": Entry(
                "tyrian.cli.evals_export:export", "Write finished runs as logs of Inspect AI."
            ),
            "view": Entry("tyrian.cli.evals_view:view", "Look at runs in a browser."),
        }
    )


app = typer.Typer(cls=_Nouns, no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_() -> None:
    """Name the benchmarks, and what each measures."""
    from tyrian.evals.registry import benchmark_type, known_benchmarks

    for name in known_benchmarks():
        typer.echo(f"{name:<26} {benchmark_type(name).about}")


class Engine(StrEnum):
    """What carries a run out."""

    LOCAL = "local"
    RAY = "ray"


@app.command()
def run(
    benchmarks: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Benchmarks, or `all`.")
    ],
    model: Annotated[
        str, typer.Option("--model", "-m", help="Model under test, such as openai/NAME@URL.")
    ] = "scripted",
    judge: Annotated[
        str, typer.Option("--judge", "-j", help="Model that plays all other parts.")
    ] = "",
    defended: Annotated[
        Path | None,
        typer.Option("--defended", metavar="STACK", help="Put this stack around the model."),
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Use the built-in rows: no data, no network.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option("--data", help="A checkout of the published data.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Directory of the run; run again to go on.")
    ] = Path("evals"),
    variant: Annotated[str, typer.Option("--variant", help="Such as `multilingual`.")] = "full",
    upstream: Annotated[
        bool, typer.Option("--upstream", help="Keep the published protocol's quirks.")
    ] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Cases at most.")] = None,
    passes: Annotated[int, typer.Option("--passes", min=1, help="Answers per case.")] = 1,
    at_once: Annotated[int, typer.Option("--at-once", min=1, help="Cases under way.")] = 64,
    seed: Annotated[int, typer.Option("--seed", help="Seed of all that is drawn.")] = 0,
    attack: Annotated[
        str, typer.Option("--attack", help="Pursue each case by goat, crescendo, pair, tap, ...")
    ] = "",
    convert: Annotated[
        str, typer.Option("--convert", help="Forms of the prompts, such as base64,spaced.")
    ] = "",
    attacker: Annotated[
        str, typer.Option("--attacker", help="Model that leads the attack; else the judge.")
    ] = "",
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Benchmark's option.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="File of answers to share between runs.")
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", help="Stop when so much is spent.")
    ] = None,
    price: Annotated[
        list[str] | None,
        typer.Option("--price", metavar="MODEL=IN,OUT", help="Money per million tokens."),
    ] = None,
    engine: Annotated[
        Engine, typer.Option("--engine", help="This process, or the machines of a Ray cluster.")
    ] = Engine.LOCAL,
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Of Ray; 0 for one per processor.")
    ] = 0,
    rate: Annotated[
        float | None,
        typer.Option("--rate", min=0.1, help="Of Ray: requests per second with each key."),
    ] = None,
) -> None:
    """Run benchmarks against a model; the same command again goes on where it stopped."""
    from tyrian.evals.benchmark import Fidelity, Options
    from tyrian.evals.registry import known_benchmarks
    from tyrian.evals.run.cache import ReplyCache
    from tyrian.evals.run.ledger import Ledger
    from tyrian.evals.run.plan import Plan

    names = known_benchmarks() if benchmarks == ["all"] else tuple(dict.fromkeys(benchmarks))
    options = Options(
        fidelity=Fidelity.UPSTREAM if upstream else Fidelity.STRICT,
        variant=variant,
        seed=seed,
        settings=_settings(setting or [], attack=attack, converters=convert),
    )
    plan = Plan(
        benchmarks=names,
        output=output,
        is_sample=sample,
        data=data,
        options=options,
        limit=limit,
        passes=passes,
        at_once=at_once,
    )
    from tyrian.cli.evals_run import carried_out, carried_out_on_ray
    from tyrian.evals.models.cast import Cast

    cast = Cast(model, judge, attacker, defended)
    ledger = Ledger(_prices(price or []), most=max_cost)
    is_watched = sys.stderr.isatty()
    if engine is Engine.RAY:
        if cache is not None:
            raise ConfigError("--cache is a file of one process", hint="leave it out with Ray")
        asyncio.run(carried_out_on_ray(plan, cast, ledger, is_watched, workers, rate))
        return
    models = cast.models()
    store = ReplyCache(cache) if cache else None
    try:
        asyncio.run(carried_out(plan, models, ledger, store, is_watched))
    finally:
        if store:
            store.close()


@app.command()
def fetch(
    benchmarks: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Benchmarks, or `all`.")
    ],
    variant: Annotated[
        str, typer.Option("--variant", help="One variant's data alone, such as `full`.")
    ] = "all",
    digest: Annotated[
        list[str] | None,
        typer.Option("--digest", metavar="FILE=SHA256", help="Vouch for a file's digest."),
    ] = None,
) -> None:
    """Fetch the published data of benchmarks: pinned, compared with the lock, kept by digest."""
    from tyrian.cli.evals_fetch import fetched
    from tyrian.evals.registry import known_benchmarks

    is_all = benchmarks == ["all"]
    fetched(known_benchmarks() if is_all else benchmarks, variant, digest or [], is_all)


class ReportFormat(StrEnum):
    """How a report is written."""

    HTML = "html"
    JSON = "json"
    MARKDOWN = "markdown"
    JUNIT = "junit"


@app.command()
def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Directories of finished runs.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; without it HTML goes to report.html."),
    ] = None,
    output_format: Annotated[
        list[ReportFormat] | None,
        typer.Option("--format", help="Several give several files beside each other."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", help="People's labels of cases, to correct the judge by."),
    ] = None,
) -> None:
    """Write a report on finished runs: one file that needs nothing else."""
    from tyrian.cli.evals_report import write_reports

    formats = [one.value for one in output_format or [ReportFormat.HTML]]
    for path in write_reports(runs, output or Path("report.html"), formats, labels):
        typer.echo(plain(str(path)))


@app.command()
def power(
    cases: Annotated[int, typer.Option("--cases", min=1, help="Independent cases of the run.")],
    differ: Annotated[
        float,
        typer.Option("--differ", min=0.001, max=1.0, help="Share expected to change either way."),
    ] = 0.1,
) -> None:
    """Say before a run how small a change a comparison will show, four times in five."""
    from tyrian.evals.statistics.paired import least_difference

    least = least_difference(cases, differ)
    if least >= differ:
        typer.echo(f"{cases} cases show no change where only {differ:.1%} of them differ")
    else:
        typer.echo(
            f"{cases} cases, of which {differ:.1%} differ between two runs: a change of "
            f"{least * 100:.1f} points shows (two-sided, 5 %), with a power of 80 %"
        )


@app.command()
def compare(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="Run of the model before.")],
    tuned: Annotated[Path, typer.Argument(metavar="TUNED", help="Run of the model after.")],
    limits: Annotated[
        Path | None, typer.Option("--limits", help="File that says how much worse is too much.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All comparisons, as JSON.")] = False,
) -> None:
    """Say in one line whether anything got worse, and how sure that is.

    Exit codes: 0 within the limits, 1 beyond one, 2 usage, 3 nothing to compare.
    """
    from tyrian.cli.evals_report import compared

    raise typer.Exit(compared(base, tuned, limits, as_json))


def _settings(given: list[str], **named: str) -> Mapping[str, str]:
    found = {name: value for name, value in named.items() if value}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name:
            raise ConfigError(f"--set {plain(one)!r} is not of the form KEY=VALUE")
        found[name] = value
    return found


def _prices(given: list[str]) -> dict[str, "Price"]:
    from tyrian.evals.run.ledger import Price

    found = {}
    for one in given:
        name, _, value = one.rpartition("=")
        try:
            prompt, completion = (float(part) for part in value.split(","))
        except ValueError:
            raise ConfigError(
                f"--price {plain(one)!r} is not of the form MODEL=IN,OUT",
                hint="money per million tokens, such as gpt-5=1.25,10",
            ) from None
        found[name] = Price(prompt, completion)
    return found
