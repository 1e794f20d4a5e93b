"""Where the rows of a benchmark come from: its built-in sample, a checkout, or what was fetched."""

import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from tyrian.core.home import state_home
from tyrian.errors import ConfigError, InputError
from tyrian.evals.benchmark import Benchmark, Dataset
from tyrian.evals.datasets.beside import with_files
from tyrian.evals.datasets.lock import Locked, locked

DATA_VARIABLE = "TYRIAN_EVAL_DATA"
Rows = Sequence[Mapping[str, Any]]


def sample_rows(benchmark: str) -> Rows:
    """The built-in rows, in the true schema, written for this package."""
    name = benchmark.replace("-", "_")
    file = files("tyrian.evals") / "samples" / f"{name}.jsonl"
    if not file.is_file():
        raise ConfigError(f"{benchmark} has no built-in sample")
    lines = file.read_text(encoding="utf-8").splitlines()
    return [msgspec.json.decode(line) for line in lines if line.strip()]


def store_directory() -> Path:
    """Where fetched files are kept, by digest."""
    return state_home() / "datasets"


def rows_of(
    benchmark: type[Benchmark],
    variant: str,
    data: Path | None,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Rows:
    """The rows of a benchmark's dataset; bytes are compared with the lock before parsing.

    What a row needs from files beside the dataset is put into it (`Benchmark.beside`).

    `data` is a checkout of the repository, or its `datasets` directory; without it
    $TYRIAN_EVAL_DATA and then the fetched files are read. A benchmark without published data has
    the rows that it draws, or those that come with Tyrian.
    """
    if not benchmark.datasets and variant == "full":
        return benchmark.drawn() or sample_rows(benchmark.name)
    chosen = [one for one in benchmark.datasets if one.variant == variant]
    if not chosen:
        known = ", ".join(dict.fromkeys(one.variant for one in benchmark.datasets)) or "none"
        raise ConfigError(f"{benchmark.name} has no variant {variant!r}", hint=f"variants: {known}")
    found: list[Mapping[str, Any]] = []
    for one in chosen:
        read, where = _read(locked(one.name), data) if one.is_pinned else _unpinned(one, data)
        found += with_files(benchmark, _parsed(read, where), Path(where).parent, settings)
    return found


def _read(file: Locked, data: Path | None) -> tuple[bytes, str]:
    chosen = data or _from_environment()
    if chosen is not None:
        tried = [chosen / file.path, chosen / file.name]
    else:
        tried = [store_directory() / file.key]
    for path in tried:
        try:
            read = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        file.check(read, str(path))
        return read, str(path)
    raise InputError(
        f"the dataset {file.name} is not here (looked at {tried[0]})",
        hint="tyrian eval fetch, or --data with a checkout, or --sample for the built-in rows",
    )


def _unpinned(dataset: Dataset, data: Path | None) -> tuple[bytes, str]:
    chosen = data or _from_environment()
    tried = [chosen / dataset.name, chosen / Path(dataset.name).name] if chosen else []
    for path in tried:
        if path.is_file():
            return path.read_bytes(), str(path)
    raise InputError(
        f"the dataset {dataset.name} is not here" + (f" (looked at {tried[-1]})" if tried else ""),
        hint=f"--data with the directory of {Path(dataset.name).name}, or --sample",
    )


def _from_environment() -> Path | None:
    value = os.environ.get(DATA_VARIABLE, "")
    return Path(value).expanduser() if value else None


def _parsed(data: bytes, where: str) -> Rows:
    try:
        read = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    if not isinstance(read, list) or not all(isinstance(row, dict) for row in read):
        raise InputError(f"{where}: not a list of rows")
    return read
