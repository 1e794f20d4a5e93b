"""Files beside a dataset, such as reports and pages, put into the rows that need them."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tyrian.errors import InputError
from tyrian.evals.benchmark import Benchmark, Beside

MOST_BYTES = 64 << 20
"""Of one file; what is larger is refused."""
Rows = Sequence[Mapping[str, Any]]


def with_files(
    benchmark: type[Benchmark], rows: Rows, directory: Path, settings: Mapping[str, str]
) -> Rows:
    """The rows with what they need; each file is read once, and shared by the rows that name it.

    InputError where no row finds any of its files: then the data is not there at all.
    """
    known: dict[tuple[str, bool], object] = {}
    found: list[Mapping[str, Any]] = []
    wanted = ""
    for row in rows:
        more: dict[str, object] = {}
        for one in benchmark.beside(row, settings):
            key = one.pattern, one.is_binary
            if key not in known:
                known[key] = _content(one, directory)
            if known[key] is not None:
                more[one.field] = known[key]
            wanted = wanted or str(directory / one.pattern)
        found.append({**row, **more} if more else row)
    if wanted and not any(known.values()):
        raise InputError(
            f"{benchmark.name} needs files beside its questions, such as {wanted}",
            hint="they are published apart, under terms of their own: see the notes of the dataset",
        )
    return found


def _content(one: Beside, directory: Path) -> object:
    try:
        paths = sorted(directory.glob(one.pattern))
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"{one.pattern!r} is no pattern of files: {error}") from error
    inside = [path for path in paths if path.resolve().is_relative_to(directory.resolve())]
    if len(inside) < len(paths):
        raise InputError(f"{one.pattern!r} leads out of {directory}")
    if one.is_binary:
        return [b64encode(_read(path)).decode() for path in inside] or None
    return _read(inside[0]).decode("utf-8", "replace") if inside else None


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path} is larger than {MOST_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
