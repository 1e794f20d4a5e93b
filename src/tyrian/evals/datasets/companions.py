"""What stands beside the questions of CyberSOCEval: fetched, verified, and laid out for them.

Detonation reports and CrowdStrike's PDFs come in one archive, those of agencies one by one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tyrian.evals.datasets.lock import Locked, locked, locked_files
from tyrian.evals.datasets.pages import can_draw, draw_pages, write_text
from tyrian.evals.datasets.unpack import unpack

_ARCHIVE = "cybersoceval/archive.zip"
_REPORTS = "cybersoceval/reports/"
Told = Callable[[str], None]
"""Is told in a line what was done."""


@dataclass(frozen=True, slots=True)
class Companion:
    """What a dataset needs beside it."""

    files: tuple[str, ...]
    """Names in the lock."""
    lay_out: Callable[[Path, Path, Told], None]
    """From the store of fetched files into the directory beside the dataset."""


def files_of(dataset: str) -> Sequence[Locked]:
    """What is to be fetched for a dataset beside itself."""
    found = _companions().get(dataset)
    return [locked(name) for name in found.files] if found else []


def lay_out(dataset: str, store: Path, files: Path, told: Told) -> None:
    """Put what was fetched for a dataset where its rows look for it."""
    found = _companions().get(dataset)
    if found:
        found.lay_out(store, files / Path(dataset).parent, told)


def _companions() -> dict[str, Companion]:
    reports = tuple(one for one in locked_files("cybersoceval") if one.startswith(_REPORTS))
    return {
        "crwd_meta/malware_analysis/questions.json": Companion((_ARCHIVE,), _malware),
        "crwd_meta/threat_intel_reasoning/report_questions.json": Companion(
            (_ARCHIVE, *reports), _threats
        ),
    }


def _malware(store: Path, directory: Path, told: Told) -> None:
    archive = store / locked(_ARCHIVE).key
    count = unpack(archive, "data/hybrid-analysis", directory / "hybrid-analysis")
    told(f"{count:,} detonation reports beside the questions")


def _threats(store: Path, directory: Path, told: Told) -> None:
    kept = directory / "crowdstrike-reports"
    unpack(store / locked(_ARCHIVE).key, "data/crowdstrike-reports", kept)
    reports = {path.stem: path for path in sorted(kept.rglob("*.pdf"))}
    for name, file in locked_files("cybersoceval").items():
        if name.startswith(_REPORTS):
            reports[Path(name).stem] = store / file.key
    drawn = 0
    for name, path in sorted(reports.items()):
        if not write_text(path, directory / f"{name}.txt"):
            told(f"{name} has no text, only pages: --set modality=image")
        if can_draw():
            drawn += draw_pages(path, directory, name)
    told(f"{len(reports)} reports as text beside the questions, {drawn} pages as images")
    if not can_draw():
        told("pages are not drawn: apt-get install poppler-utils, and fetch again")
