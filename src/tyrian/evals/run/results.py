"""Finished runs on disk, found again: a directory with manifest and results per benchmark."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tyrian.errors import InputError
from tyrian.evals.run.log import Record, records
from tyrian.evals.run.outcome import MANIFEST, RESULTS


@dataclass(frozen=True, slots=True)
class Finished:
    """One benchmark against one model."""

    directory: Path
    manifest: Mapping[str, Any]

    @property
    def benchmark(self) -> str:
        """Its name."""
        return str(self.manifest["benchmark"])

    @property
    def model(self) -> str:
        """The model under test."""
        return str(self.manifest["model"])

    @property
    def title(self) -> str:
        """Benchmark with its attack, variant and fidelity, where they are not the usual ones."""
        settings = self.manifest["settings"]
        attack = [str(settings[name]) for name in ("attack", "converters") if name in settings]
        marks = [*attack, str(self.manifest["variant"]), str(self.manifest["fidelity"])]
        marks = [mark for mark in marks if mark not in ("full", "strict")]
        return self.benchmark + (f" ({', '.join(marks)})" if marks else "")

    def records(self) -> Iterator[Record]:
        """Its cases by id and pass."""
        return records(self.directory / RESULTS)


def finished_below(root: Path) -> list[Finished]:
    """All finished benchmarks at or below a directory; InputError where there is none."""
    found = []
    for path in sorted(root.rglob(MANIFEST)):
        if not (path.parent / RESULTS).exists():
            continue
        try:
            manifest = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
            found.append(Finished(path.parent, manifest))
            _ = found[-1].title, found[-1].model
        except (OSError, msgspec.DecodeError, KeyError) as error:
            raise InputError(f"{path} is no manifest of a run: {error}") from error
    if not found:
        raise InputError(
            f"there is no finished run at {root}",
            hint="name the --output of tyrian eval run; an unfinished run goes on with the same"
            " command",
        )
    return found
