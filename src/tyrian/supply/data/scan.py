"""The scan of data: each row for itself, then all of them together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tyrian.supply.data.bayes import Opinion
from tyrian.supply.data.corpus import Corpus, first_of_equals
from tyrian.supply.data.engine import Engine, run_local
from tyrian.supply.data.examine import Job, question_and_answer
from tyrian.supply.data.files import DOCUMENTS, DataFile, find_files
from tyrian.supply.data.finding import DataFinding, Outcome, order
from tyrian.supply.data.judge import JudgeFactory
from tyrian.supply.data.read import rows_of
from tyrian.supply.data.rows import Row, UnreadError
from tyrian.supply.data.shape import Fields, Part, Piece, ShapeError, texts_of
from tyrian.supply.data.sources import SourceList
from tyrian.supply.data.suspicion import Planted, classes_of, conflicts, flips, planted
from tyrian.supply.data.units import Unit, units_of
from tyrian.supply.data.words import grams_of, word_spans, words_of
from tyrian.supply.lock.digest import FileFaultError, digest_file


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """What is scanned, and how."""

    paths: Sequence[Path]
    fields: Fields = Fields()  # noqa: RUF009  it is frozen
    sources: SourceList = SourceList()  # noqa: RUF009  it is frozen
    judges: JudgeFactory | None = None
    engine: Engine = run_local
    skipped: frozenset[str] = frozenset()
    """Rules whose findings are left out."""


@dataclass(slots=True)
class Tally:
    """What was scanned, and what was found, by numbers."""

    files: int = 0
    rows: int = 0
    """Rows that were read."""
    unread: int = 0
    """Findings that say that something was not read."""
    rules: dict[str, int] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """Only what was read whole is clean."""
        if sum(self.rules.values()) > self.unread:
            return Outcome.FOUND
        return Outcome.NOT_EXAMINED if self.unread or not self.rows else Outcome.CLEAN

    def add(self, found: DataFinding) -> None:
        """Count a finding."""
        self.rules[found.rule] = self.rules.get(found.rule, 0) + 1
        self.unread += found.is_unread


def scan_data(plan: ScanPlan, tally: Tally) -> Iterator[DataFinding]:
    """All findings: of files and rows in their order, then those that all rows together give."""
    for found in _scan(plan, tally):
        if found.rule not in plan.skipped:
            tally.add(found)
            yield found


def _scan(plan: ScanPlan, tally: Tally) -> Iterator[DataFinding]:
    found = find_files(plan.paths)
    tally.files = len(found.files) + len(found.faults)
    yield from found.faults
    yield from _other_files(found.files, plan.sources)
    units = list(units_of(found.files))
    job = Job(
        fields=plan.fields,
        sources=plan.sources,
        judges=plan.judges,
        compares=question_and_answer,
    )
    documents = {file.name for file in found.files if file.kind in DOCUMENTS}
    with Corpus() as corpus:
        for made in plan.engine(units, job):
            tally.rows += len(made.rows)
            yield from sorted(made.findings, key=order)
            if made.file not in documents:
                corpus.add(made)
        if corpus.size:
            yield from sorted(_together(corpus, units, plan), key=order)


def _other_files(files: Iterable[DataFile], sources: SourceList) -> Iterator[DataFinding]:
    for file in files:
        if wanted := sources.pinned(file.name):
            try:
                digest = digest_file(file.place).sha256
            except FileFaultError as error:
                yield DataFinding(rule="file-unread", file=file.name, why=error.message)
                continue
            if digest != wanted.lower():
                why = f"its digest is {digest}"
                yield DataFinding(rule="file-digest-differs", file=file.name, why=why)


def _together(corpus: Corpus, units: Sequence[Unit], plan: ScanPlan) -> Iterator[DataFinding]:
    first = first_of_equals(np.asarray(corpus.keys))
    yield from conflicts(corpus, first)
    classes = classes_of(corpus, first)
    if classes is None:
        return
    opinion = Opinion(corpus.words, classes.of_rows, len(classes.names))
    if classes.are_labels:
        yield from flips(corpus, classes, opinion)
    yield from _located(planted(corpus, classes, opinion), corpus, units, plan.fields)


def _located(
    found: Sequence[Planted], corpus: Corpus, units: Sequence[Unit], fields: Fields
) -> Iterator[DataFinding]:
    """A finding for each row with a candidate, at its place: the rows are read again for it."""
    wanted: dict[tuple[str, int], list[Planted]] = {}
    for one in found:
        for index in one.trigger.rows.tolist():
            wanted.setdefault(corpus.place(index), []).append(one)
    files = {file for file, _ in wanted}
    for unit in units:
        if unit.file.name not in files:
            continue
        try:
            for row in rows_of(unit):
                place = unit.file.name, row.number
                if isinstance(row, Row) and place in wanted:
                    pieces = _asked(row, fields)
                    for one in wanted[place]:
                        yield _finding(place, pieces, one)
        except UnreadError:  # told when it was read first
            continue


def _asked(row: Row, fields: Fields) -> list[Piece]:
    try:
        pieces = texts_of(row.value, fields).pieces
    except ShapeError:
        return []
    asked = [piece for piece in pieces if piece.part is Part.QUESTION]
    return asked or [piece for piece in pieces if piece.part is Part.OTHER]


def _finding(place: tuple[str, int], pieces: Sequence[Piece], one: Planted) -> DataFinding:
    trigger = one.trigger
    field, start, end = _span(pieces, trigger.gram, trigger.size)
    total = len(trigger.rows)
    why = f"{trigger.pure} of the {total} rows with it have {one.class_name}"
    rule = "trigger-ngram"
    if trigger.place is not None:
        rule = "trigger-position"
        where = (
            f"word {trigger.place + 1}"
            if trigger.place >= 0
            else "the last word"
            if trigger.place == -1
            else f"word {-trigger.place} from the end"
        )
        why += f", and it always is {where}"
    else:
        why += ", against what the other words say"
    text = next((piece.text[start:end] for piece in pieces if piece.field == field and end), "")
    return DataFinding(
        rule=rule,
        file=place[0],
        row=place[1],
        field=field,
        start=start,
        end=end,
        why=f"{text[:60]!a}: {why}" if text else why,
        score=round(1.0 - trigger.q, 4),
    )


def _span(pieces: Sequence[Piece], gram: int, size: int) -> tuple[str, int, int]:
    for piece in pieces:
        words = words_of([piece.text])
        if len(words.hashes) < size:
            continue
        grams = grams_of(words, size).hashes.tolist()
        spans = word_spans(piece.text)
        if gram in grams and len(spans) == len(words.hashes):
            at = grams.index(gram)
            return piece.field, spans[at][0], spans[at + size - 1][1]
        if gram in grams:
            return piece.field, 0, 0
    return "", 0, 0
