"""Rows to train on: given data, and text as the detectors see it."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from tyrian.text.normalise import normalise


@dataclass(frozen=True, slots=True)
class Row:
    """One text with its labels; `kind` and `source` say where it comes from.

    `focus` is where in a larger text the sentence stands that it is about, from one character to
    another: an order that was planted there, or what harmlessly stands in such a place.
    """

    text: str
    labels: tuple[str, ...]
    source: str
    kind: str
    focus: tuple[int, int] | None = None

    @property
    def family(self) -> str:
        """The source without its variant, the unit of leave-source-out."""
        return self.source.split("/")[0]


def read_rows(path: Path) -> list[Row]:
    """Rows of a gzipped JSONL file; an injection label of 1 becomes `malicious`."""
    rows = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            raw = json.loads(line)
            label = raw["label"]
            labels = tuple(label) if isinstance(label, list) else ("malicious",) * int(label)
            rows.append(Row(raw["text"], labels, raw["source"], raw["kind"]))
    return rows


def prepared(text: str) -> str:
    """The text as the detectors see it: normalised."""
    return normalise(text).text
