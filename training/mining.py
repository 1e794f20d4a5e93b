"""Which windows of which documents to learn from, and how much each counts."""

import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.corpus import Row
from training.documents import focus_of
from training.linear import Head, Sample
from tyrian.models.artefact import FullTable
from tyrian.models.features import F64, Grams
from tyrian.models.windows import F32, SIZES, Grid, grid, window_scores

PAGE = max(SIZES)
SHORT = 400
SENTENCE = SIZES[1]


def first_samples(rows: Sequence[Row], documents: Sequence[Grams], seed: int) -> list[Sample]:
    """Windows to begin with: random ones of benign texts, attacks, and what is known as planted.

    Where else an injection stands in a long carrier waits for the first head.
    """
    pick = random.Random(seed)
    samples = []
    for number, (row, grams) in enumerate(zip(rows, documents, strict=True)):
        length = grams.length
        if focus := focus_of(row, grams):
            samples.append(Sample(number, *_around(focus, SENTENCE, length)))
        if row.labels:
            if length <= SHORT or "indirect" not in row.kind:
                samples.append(Sample(number, 0, min(length, PAGE)))
            continue
        samples.append(Sample(number, 0, min(length, PAGE)))
        for size in SIZES:
            if length > size:
                start = pick.randrange(0, length - size)
                samples.append(Sample(number, start, start + size))
    return merged(samples)


def _around(focus: tuple[int, int], size: int, length: int) -> tuple[int, int]:
    """A window of this size with the focus in its middle, or as much of it as there is room for."""
    start = min(max(sum(focus) // 2 - size // 2, 0), max(length - size, 0))
    return start, min(start + size, length)


def strongest(head: Head, rows: Sequence[Row], documents: Sequence[Grams]) -> list[Sample]:
    """The strongest window of each size in every document: hits of attacks, errors of benign.

    Of an attack whose place is known those there alone.
    """
    table = FullTable(head.weights)
    found = set()
    for number, (row, grams) in enumerate(zip(rows, documents, strict=True)):
        windows = grid(grams.length)
        scores = window_scores(grams, table, windows)
        if row.labels and (focus := focus_of(row, grams)):
            scores = np.where(overlapping(windows, focus), scores, -np.inf)
        for index in range(int(windows.sizes[-1]) + 1):
            at = int(np.where(windows.sizes == index, scores, -np.inf).argmax())
            found.add((number, int(windows.starts[at]), int(windows.ends[at])))
    return [Sample(*place) for place in sorted(found)]


def overlapping(windows: Grid, focus: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Which windows hold half of the focus, or lie in it by half."""
    shared = np.minimum(windows.ends, focus[1]) - np.maximum(windows.starts, focus[0])
    found: npt.NDArray[np.bool_]
    found = 2 * shared >= np.minimum(windows.ends - windows.starts, focus[1] - focus[0])
    return found


def merged(*groups: Sequence[Sample]) -> list[Sample]:
    """All samples once, in a stable order."""
    places = {(s.document, s.start, s.end) for group in groups for s in group}
    return [Sample(*place) for place in sorted(places)]


def importance(samples: Sequence[Sample], targets: F32) -> F32:
    """Many windows of one document count less each; both classes count the same in all."""
    documents = np.array([s.document for s in samples])
    counts = np.bincount(documents)
    weights: F32 = (1.0 / np.sqrt(counts[documents])).astype(np.float32)
    positive = targets == 1
    weights[positive] *= weights[~positive].sum() / weights[positive].sum()
    return weights


def raw_scores(weights: F32, documents: Sequence[Grams]) -> F64:
    """Per document and window size, the score of the strongest window; -inf for sizes not used."""
    table = FullTable(weights)
    best = np.full((len(documents), len(SIZES)), -np.inf)
    for row, grams in zip(best, documents, strict=True):
        windows = grid(grams.length)
        np.maximum.at(row, windows.sizes, window_scores(grams, table, windows))
    return best
