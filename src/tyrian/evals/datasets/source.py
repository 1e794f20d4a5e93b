"""Where the rows of a benchmark come from: its built-in sample, a checkout, or what was fetched."""

import os
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from tyrian.core.home import state_home
from tyrian.errors import ConfigError, InputError
from tyrian.evals.benchmark import Benchmark, Dataset
from tyrian.evals.datasets.beside import with_files
from tyrian.evals.datasets.digests import vouched
from tyrian.evals.datasets.formats import Rows, parse_rows
from tyrian.evals.datasets.lock import Locked, locked

DATA_VARIABLE = "TYRIAN_EVAL_DATA"


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


def files_directory() -> Path:
    """Where files that stand beside fetched datasets are kept, under the names of the datasets."""
    return store_directory() / "files"


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
    if variant == "full" and not any(one.variant == "full" for one in benchmark.datasets):
        return benchmark.drawn() or sample_rows(benchmark.name)
    chosen = [one for one in benchmark.datasets if one.variant == variant]
    if not chosen:
        known = ", ".join(dict.fromkeys(one.variant for one in benchmark.datasets)) or "none"
        raise ConfigError(f"{benchmark.name} has no variant {variant!r}", hint=f"variants: {known}")
    found: list[Mapping[str, Any]] = []
    for one in chosen:
        read, where = _bytes_of(one, data)
        beside = _beside(one) if Path(where).parent == store_directory() else Path(where).parent
        found += with_files(benchmark, parse_rows(read, one.name, where), beside, settings)
    return found


def digests_of(benchmark: type[Benchmark], variant: str, data: Path | None) -> Mapping[str, str]:
    """SHA-256 of the files that a run reads, by name; empty where it reads none."""
    chosen = [one for one in benchmark.datasets if one.variant == variant]
    return {one.name: sha256(_bytes_of(one, data)[0]).hexdigest() for one in chosen}


def _bytes_of(dataset: Dataset, data: Path | None) -> tuple[bytes, str]:
    return _read(locked(dataset.name), data) if dataset.is_pinned else _unpinned(dataset, data)


def _beside(dataset: Dataset) -> Path:
    return files_directory() / Path(dataset.name).parent


def _read(file: Locked, data: Path | None) -> tuple[bytes, str]:
    chosen = data or _from_environment()
    file = vouched(file)
    if chosen is not None:
        tried = [chosen / file.path, chosen / file.name, chosen / Path(file.path).name]
    elif file.is_pinned:
        tried = [store_directory() / file.key]
    else:
        raise InputError(
            f"no digest of {file.name} is known to Tyrian, so that it cannot be fetched unseen",
            hint=f"--data with a checkout of {file.repo} at {file.commit[:12]} "
            "(the run notes the digest), or --sample for the built-in rows",
        )
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
