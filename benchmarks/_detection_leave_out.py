"""Trains without the sources and templates that are measured then, and prints both as tables."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _table import Cell, table

ROOT = Path(__file__).resolve().parents[1]
PARTS = (
    ("prompt_guard", "Prompt attacks, first stage alone"),
    ("encoder", "Prompt attacks, both stages"),
    ("content_guard", "Content"),
)
TARGETS: Mapping[str, tuple[float, float]] = {
    "direct / ordinary prompts": (0.985, 0.85),
    "explicit in tool output / clean": (0.988, 0.90),
    "plain in tool output / clean": (0.90, float("nan")),
    "framed / styled benign": (0.90, float("nan")),
    "direct / styled benign": (0.90, float("nan")),
    "other languages / same": (0.85, float("nan")),
}
"""AUC, and recall at 1 % false positives, that the project set out for on sealed sources."""
_CLASSES = ("classes", "first stage", "both stages")
"""Names under which the evaluations give their figures by class."""


def leave_out() -> None:
    """Run the evaluation of every model, some minutes each, and print its figures."""
    for name, title in PARTS:
        done = subprocess.run(
            [sys.executable, "-m", f"training.{name}.evaluate"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        print(f"## {title}: trained without the sources measured\n")
        if done.returncode:
            print(f"failed: {done.stderr[-300:]}\n")
            continue
        print(_shown(done.stdout))


def _shown(output: str) -> str:
    """The tables of an evaluation; its output as it is where it holds no classes."""
    found = last_object(output)
    parts = [(name, found[name]) for name in _CLASSES if isinstance(found.get(name), dict)]
    if not parts:
        return output
    return "\n".join(table(name.capitalize(), HEAD, class_rows(rows)) for name, rows in parts)


def last_object(output: str) -> dict[str, Any]:
    """The last JSON object of an output in which others, spread over lines, come before it."""
    starts = [at for at in range(len(output)) if output.startswith("{\n", at)]
    decoder = json.JSONDecoder()
    end = 0
    found: dict[str, Any] = {}
    for start in starts:
        if start >= end and (start == 0 or output[start - 1] == "\n"):
            found, end = decoder.raw_decode(output, start)
    return found


HEAD = ("class", "AUC", "target", "recall at 1 % FPR", "target", "flagged at the threshold, %")


def class_rows(classes: Mapping[str, Mapping[str, float]]) -> list[list[Cell]]:
    """One row for each comparison, and one for each kind of benign text."""
    rows: list[list[Cell]] = []
    for name, found in classes.items():
        area, recall = TARGETS.get(name, (None, None))
        flagged = found.get("flagged")
        rows.append(
            [
                name,
                _figure(found.get("auc")),
                _figure(area),
                _figure(found.get("recall_at_1_percent")),
                _figure(recall),
                None if flagged is None else 100 * flagged,
            ]
        )
    return rows


def _figure(value: float | None) -> Cell:
    return None if value is None or value != value else f"{value:.3f}"
