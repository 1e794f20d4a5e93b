"""Rows with labels, for `tyrian tune` and `tyrian train`: those of `tyrian scan` and a `label`."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tyrian.cli.rows import Line, LineSplitter, RowError, read_row
from tyrian.cli.source import STANDARD_INPUT
from tyrian.core.detection import Stage
from tyrian.errors import ConfigError
from tyrian.tuning.labels import Truth, Vocabulary
from tyrian.tuning.measure import LabelledRow

CHUNK = 1 << 16
LONGEST_ROW = 16 * 1024 * 1024
_TOLD = 3
_SHOWN = 40
"""Characters of a label that are shown."""


@dataclass(slots=True)
class Read:
    """What was read, and the lines that could not be."""

    rows: list[LabelledRow] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """One for each line that is no row to use, with its number; never its text."""

    def refuse_unknown(self, vocabulary: Vocabulary) -> None:
        """Make a fault of each row with a label that the vocabulary does not know."""
        kept = []
        for row in self.rows:
            unknown = [repr(word[:_SHOWN]) for word in vocabulary.unknown(row.truth)]
            if unknown:
                what = ", ".join(unknown[:_TOLD])
                self.faults.append(f"line {row.line}: label {what}: unknown; known: {vocabulary}")
            else:
                kept.append(row)
        self.rows = kept

    def told(self) -> Iterator[str]:
        """The first few faults, and how many more there are."""
        yield from self.faults[:_TOLD]
        if len(self.faults) > _TOLD:
            yield f"{len(self.faults) - _TOLD} more rows could not be used"


def read_labelled(source: str, stage: Stage | None = None) -> Read:
    """All rows of a file of JSON lines; `-` is standard input. ConfigError where there is none.

    Of a conversation the last message is the one that the label is about.
    """
    found = Read()
    for line in _lines(source):
        try:
            found.rows.append(_row(line, stage))
        except RowError as error:
            found.faults.append(f"line {line.number}: {error.message}")
    if not found.rows:
        what = found.faults[0] if found.faults else "it is empty"
        raise ConfigError(
            f"no labelled row in {source!r}: {what}",
            hint='a row is {"text": "...", "label": "benign"}, one on each line',
        )
    return found


def _lines(source: str) -> Iterator[Line]:
    splitter = LineSplitter(LONGEST_ROW)
    try:
        if source == STANDARD_INPUT:
            fd = os.dup(sys.stdin.fileno())
        else:
            fd = os.open(Path(source), os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as stream:
            while chunk := stream.read(CHUNK):
                yield from splitter.feed(chunk)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ConfigError(f"{source!r}: {reason}", hint="name a file of JSON lines") from None
    yield from splitter.close()


def _row(line: Line, stage: Stage | None) -> LabelledRow:
    row = read_row(line, stage)
    label = msgspec.json.decode(line.data or b"{}").get("label")
    words = [label] if isinstance(label, str) else label
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise RowError("label: must be a string or a list of strings", row_id=row.id)
    last = row.subjects[-1]
    return LabelledRow(last.message, Truth.of(words), last.stage, last.trace, line.number)
