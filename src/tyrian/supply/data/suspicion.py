"""What is odd about rows once all of them are seen: flips, planted words, contradictions."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tyrian.supply.data.bayes import Opinion
from tyrian.supply.data.corpus import Corpus, first_of_equals
from tyrian.supply.data.finding import DataFinding
from tyrian.supply.data.minhash import Sets, near_pairs
from tyrian.supply.data.statistics import normal_tail, q_values
from tyrian.supply.data.triggers import LEAST_ROWS, Trigger, triggers
from tyrian.supply.data.words import I64

_MOST_LABELS = 32
_LEAST_OF_LABEL = 20
_MOST_ANSWERS = 15
_LEAST_OF_ALL = 50
_FALSE = 0.01
_FLIP_ODDS = 3.0
"""Logarithm of the odds (20 to 1) from which another label is likelier."""
_NEAR = 0.85
_UNLIKE = 0.2
"""Overlap of two answers below which they share nothing."""
_TO_DEVIATION = 1.4826
"""From the median distance to the median, to the standard deviation of a normal value."""


class Classes(NamedTuple):
    """A class for each row: its label, or the answer that many rows have."""

    of_rows: npt.NDArray[np.int32]
    """From 0, or -1 for rows that are left out."""
    names: tuple[str, ...]
    are_labels: bool


class Planted(NamedTuple):
    """A trigger, to be found again in its rows."""

    trigger: Trigger
    class_name: str


def classes_of(corpus: Corpus, first: I64) -> Classes | None:
    """Classes by label where there are labels, else by answer; None where there is just one."""
    is_first = first == np.arange(corpus.size)
    if len(corpus.labels) > 1:
        labels = np.array(corpus.label_numbers)
        counts = np.bincount(labels[labels >= 0], minlength=len(corpus.labels))
        kept = [one for one in np.argsort(-counts, kind="stable")[:_MOST_LABELS].tolist()
                if counts[one] >= _LEAST_OF_LABEL]  # fmt: skip
        numbers = np.full(len(corpus.labels) + 1, -1, np.int32)
        numbers[kept] = np.arange(len(kept))
        found = np.where(is_first, numbers[labels], -1).astype(np.int32)
        names = tuple(f"the label {corpus.labels[one][:60]!r}" for one in kept)
        return Classes(found, names, are_labels=True) if len(kept) > 1 else None
    return _classes_of_answers(corpus, is_first)


def _classes_of_answers(corpus: Corpus, is_first: npt.NDArray[np.bool_]) -> Classes | None:
    answers = corpus.answers
    has = (answers["high"] != 0) | (answers["low"] != 0)
    same = first_of_equals(answers)
    counts = np.bincount(same[has & is_first], minlength=corpus.size)
    often = np.argsort(-counts, kind="stable")[:_MOST_ANSWERS]
    often = often[counts[often] >= LEAST_ROWS]
    if not len(often) or int((has & is_first).sum()) < _LEAST_OF_ALL:
        return None
    numbers = np.zeros(corpus.size, np.int32)
    numbers[often] = np.arange(1, len(often) + 1)
    found = np.where(has & is_first, numbers[same], -1).astype(np.int32)
    told = [corpus.place(int(one)) for one in often]
    names = ("an answer of its own", *(f"the answer of {file}:{row}" for file, row in told))
    return Classes(found, names, are_labels=False)


def planted(corpus: Corpus, classes: Classes, opinion: Opinion) -> list[Planted]:
    """The candidates for triggers; an answer of one's own is no class that anyone plants for."""
    found = triggers(corpus.words, classes.of_rows, len(classes.names), opinion)
    return [
        Planted(one, classes.names[one.label])
        for one in found
        if classes.are_labels or one.label > 0
    ]


def flips(corpus: Corpus, classes: Classes, opinion: Opinion) -> Iterator[DataFinding]:
    """Rows whose words speak for another label far more than those of its class ever do."""
    against = opinion.against(0)
    rows = np.flatnonzero((classes.of_rows >= 0) & np.isfinite(against))
    if not len(rows):
        return
    scaled = against[rows] / np.sqrt(np.maximum(corpus.words.counts[rows], 1))
    own = classes.of_rows[rows]
    z = np.zeros(len(rows))
    for one in range(len(classes.names)):
        mine = own == one
        if mine.any():
            middle = np.median(scaled[mine])
            spread = _TO_DEVIATION * np.median(np.abs(scaled[mine] - middle))
            z[mine] = (scaled[mine] - middle) / max(float(spread), 1e-9)
    q = q_values(normal_tail(z), len(rows))
    for at in np.flatnonzero((q <= _FALSE) & (against[rows] >= _FLIP_ODDS)).tolist():
        file, row = corpus.place(int(rows[at]))
        why = f"its words speak against {classes.names[own[at]]}"
        score = round(1.0 - float(q[at]), 4)
        yield DataFinding(rule="label-flip", file=file, row=row, why=why, score=score)


def conflicts(corpus: Corpus, first: I64) -> Iterator[DataFinding]:
    """Rows that ask the same, exactly or nearly, and have other labels or answers."""
    count = corpus.size
    answers = np.asarray(corpus.answers)
    has = (answers["high"] != 0) | (answers["low"] != 0)
    again = np.flatnonzero((first != np.arange(count)) & has)
    again = again[has[first[again]] & (answers[again] != answers[first[again]])]
    pairs = np.stack((again, first[again]), axis=1)
    signatures = np.array(corpus.signatures)
    signatures[first != np.arange(count)] = 0xFFFFFFFF
    near, _ = near_pairs(signatures, Sets(*corpus.shingles), _NEAR)
    near = near[has[near].all(axis=1) & (answers[near[:, 0]] != answers[near[:, 1]])]
    pairs = np.concatenate((pairs, near))
    labels = np.asarray(corpus.label_numbers)
    labelled = (labels[pairs] >= 0).all(axis=1)
    unlike = np.zeros(len(pairs), np.bool_)
    unlike[~labelled] = Sets(*corpus.answer_shingles).overlap(pairs[~labelled]) < _UNLIKE
    told: set[int] = set()
    for (later, earlier), is_label, is_unlike in zip(
        pairs.tolist(), labelled.tolist(), unlike.tolist(), strict=True
    ):
        if later in told or not (is_label or is_unlike):
            continue
        told.add(later)
        (file, row), other = corpus.place(later), corpus.place(earlier)
        rule = "conflicting-labels" if is_label else "conflicting-answers"
        what = "the label" if is_label else "the answer"
        why = f"{other[0]}:{other[1]} asks the same or nearly, and {what} there is another"
        yield DataFinding(rule=rule, file=file, row=row, why=why, related=other)
