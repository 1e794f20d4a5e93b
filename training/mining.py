"""Which windows of which documents to learn from, and how much each counts."""

import random
from collections.abc import Sequence

import numpy as np

from training.corpus import Row
from training.linear import Head, Sample
from tyrian.models.artefact import FullTable
from tyrian.models.features import F64, Grams
from tyrian.models.windows import F32, SIZES, grid, window_scores

PAGE = max(SIZES)
SHORT = 400


def first_samples(rows: Sequence[Row], documents: Sequence[Grams], seed: int) -> list[Sample]:
    """Windows to begin with: random ones of benign texts, and attacks that stand alone.

    Where in a long carrier an injection stands is not known yet, so those wait for the first head.
    """
    pick = random.Random(seed)
    samples = []
    for number, (row, grams) in enumerate(zip(rows, documents, strict=True)):
        length = grams.length
        if row.labels:
            if length <= SHORT or "indirect" not in row.kind:
                samples.append(Sample(number, 0, min(length, PAGE)))
            continue
        samples.append(Sample(number, 0, min(length, PAGE)))
        for size in SIZES:
            if length > size:
                start = pick.randrange(0, length - size)
                samples.append(Sample(number, start, start + size))
    return samples


def strongest(head: Head, documents: Sequence[Grams]) -> list[Sample]:
    """The strongest window of each size in every document: hits of attacks, errors of benign."""
    table = FullTable(head.weights)
    found = set()
    for number, grams in enumerate(documents):
        windows = grid(grams.length)
        scores = window_scores(grams, table, windows)
        for index in range(int(windows.sizes[-1]) + 1):
            at = int(np.where(windows.sizes == index, scores, -np.inf).argmax())
            found.add((number, int(windows.starts[at]), int(windows.ends[at])))
    return [Sample(*place) for place in sorted(found)]


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
