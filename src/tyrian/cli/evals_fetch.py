"""Fetch the data of benchmarks, and tell under which licence it comes."""

import asyncio
import sys
from collections.abc import Iterable

import typer

from tyrian.cli.progress import progress
from tyrian.evals.datasets.fetch import fetch
from tyrian.evals.datasets.lock import Locked, locked
from tyrian.evals.datasets.source import store_directory
from tyrian.evals.registry import benchmark_type


def fetched(names: Iterable[str]) -> None:
    """Fetch what the benchmarks read; says of each file where it is from."""
    datasets = [one for name in names for one in benchmark_type(name).datasets]
    wanted = [one.name for one in datasets if one.is_pinned]
    files = [locked(name) for name in dict.fromkeys(wanted)]
    if not files:
        if datasets:
            typer.echo("Nothing is pinned for these: give --data with the directory of the data.")
        else:
            typer.echo("Nothing to fetch: the rows come with Tyrian.")
        return
    for repo, commit, licence in dict.fromkeys((f.repo, f.commit, f.licence) for f in files):
        typer.echo(f"{repo} at {commit[:12]}, licence: {licence}")
    sizes: dict[str, int] = {}
    total = sum(file.size or 0 for file in files)
    with progress("eval fetch", total or None, is_wanted=sys.stderr.isatty()) as bar:

        def heard(file: Locked, size: int) -> None:
            bar.advance(size - sizes.get(file.name, 0))
            sizes[file.name] = size

        paths = asyncio.run(fetch(files, store_directory(), heard))
    for file, path in zip(files, paths, strict=True):
        typer.echo(f"{file.name}  {path.stat().st_size:,} bytes, digest right")
