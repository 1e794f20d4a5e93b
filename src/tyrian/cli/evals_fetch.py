"""Fetch the data of benchmarks, and tell under which licence it comes."""

import asyncio
import sys
from collections.abc import Iterable, Sequence

import typer

from tyrian.cli.plain import plain
from tyrian.cli.progress import progress
from tyrian.errors import ConfigError
from tyrian.evals.datasets.companions import files_of, lay_out
from tyrian.evals.datasets.digests import vouch, vouched
from tyrian.evals.datasets.fetch import fetch
from tyrian.evals.datasets.lock import Locked, locked
from tyrian.evals.datasets.source import files_directory, store_directory
from tyrian.evals.registry import benchmark_type


def fetched(names: Sequence[str], variant: str, digests: Iterable[str], is_all: bool) -> None:
    """Fetch what the benchmarks read; says of each file where it is from.

    With `is_all`, files that nobody vouches for are named and left out.
    """
    for given in digests:
        name, sign, digest = given.rpartition("=")
        if not sign:
            raise ConfigError(f"--digest {plain(given)!r} is not of the form FILE=SHA256")
        vouch(locked(name), digest)
    datasets = [one for name in names for one in benchmark_type(name).datasets]
    wanted = [one.name for one in datasets if one.is_pinned and variant in ("all", one.variant)]
    files = [vouched(locked(name)) for name in dict.fromkeys(wanted)]
    unknown = [file for file in files if not file.is_pinned]
    if is_all and unknown:
        files = [file for file in files if file.is_pinned]
    if not files:
        if datasets:
            typer.echo("Nothing is pinned for these: give --data with the directory of the data.")
        else:
            typer.echo("Nothing to fetch: the rows come with Tyrian.")
        return
    read = [file.name for file in files]
    files += [one for name in read for one in files_of(name)]
    files = list({file.name: file for file in files}.values())
    for repo, commit, licence in dict.fromkeys((f.repo, f.commit, f.licence) for f in files):
        typer.echo(f"{repo} at {commit[:12]}, licence: {licence}")
    _bring(files)
    for name in read:
        lay_out(name, store_directory(), files_directory(), typer.echo)
    if is_all and unknown:
        typer.echo(f"left out, as no digest is known (--digest FILE=SHA256): {len(unknown)} files")
        for file in unknown:
            typer.echo(f"  {file.name}")


def _bring(files: Sequence[Locked]) -> None:
    sizes: dict[str, int] = {}
    sized = [file.size for file in files if file.size]
    total = sum(sized) if len(sized) == len(files) else None
    with progress("eval fetch", total, is_wanted=sys.stderr.isatty()) as bar:

        def heard(file: Locked, size: int) -> None:
            bar.advance(size - sizes.get(file.name, 0))
            sizes[file.name] = size

        paths = asyncio.run(fetch(files, store_directory(), heard))
    for file, path in zip(files, paths, strict=True):
        typer.echo(f"{file.name}  {path.stat().st_size:,} bytes, digest right")
