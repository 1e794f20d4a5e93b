"""Which windows of which rows the encoder learns from, and what counts there."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from training.corpus import Row
from training.documents import focus_of
from training.encoder.batches import Example
from training.mining import overlapping
from tyrian.models.artefact import FullTable
from tyrian.models.encoder.guard import OUTPUTS
from tyrian.models.encoder.pieces import Vocabulary
from tyrian.models.encoder.tokens import tokens_of
from tyrian.models.encoder.windows import WIDTH, around, at_most
from tyrian.models.features import Grams
from tyrian.models.spots import NARROW
from tyrian.models.windows import F32, grid, window_scores

_PLENTY = 300
"""Rows of one source from which each further one counts less."""
_NARROWED = 1 / 3
"""Share of longer rows of which a window is learnt that is as narrow as in long texts."""
_HARMFUL_KINDS = {"plain_harmful"}
_HARMFUL_SOURCES = frozenset(
    f"gen_{name}"
    for name in (
        *("framed", "fiction", "persuade", "refusal_off", "prefix_force", "hypothetical"),
        *("suffix_soup", "many_shot", "frame_harm", "pressured", "more_persuade", "more_worlds"),
        "w_suffix",
    )
)
"""Attacks of which every row has a harmful goal."""


def thinned(
    rows: Sequence[Row], most: int, seed: int, varied: Mapping[str, int] | None = None
) -> list[Row]:
    """At most so many rows of each source, in their order; `varied` has other limits for some."""
    limits = varied or {}
    by_source: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        by_source.setdefault(row.source, []).append(number)
    pick = random.Random(seed)
    kept: set[int] = set()
    for source, numbers in by_source.items():
        kept.update(pick.sample(numbers, min(limits.get(source, most), len(numbers))))
    return [rows[number] for number in sorted(kept)]


Place = tuple[int, int]


def strongest_place(grams: Grams, weights: F32, focus: Place | None = None) -> Place:
    """The window of `grams` on which the first stage is strongest, of those on the focus if any."""
    windows = grid(grams.length)
    scores = window_scores(grams, FullTable(weights), windows)
    if focus:
        scores = np.where(overlapping(windows, focus), scores, -np.inf)
    best = int(scores.argmax())
    return around(int(windows.starts[best]), int(windows.ends[best]), grams.length)


def _narrow(place: Place, grams: Grams) -> Place:
    return around(*place, grams.length, NARROW)


def places_of(row: Row, grams: Grams, weights: F32, pick: random.Random) -> list[Place]:
    """The windows of one row: all of a short one; else the strongest, and one more."""
    if grams.length <= WIDTH:
        return [(0, grams.length)]
    focus = focus_of(row, grams)
    if row.labels and focus:
        is_narrow = pick.random() < _NARROWED
        return [_narrow(focus, grams) if is_narrow else strongest_place(grams, weights, focus)]
    strongest = strongest_place(grams, weights)
    is_narrow = not row.labels and pick.random() < _NARROWED
    places = {_narrow(strongest, grams) if is_narrow else strongest}
    if focus:
        places.add(around(*focus, grams.length))
    elif "indirect" not in row.kind:
        first = 0 if row.labels else pick.randrange(0, grams.length - WIDTH)
        places.add((first, first + WIDTH))
    return sorted(places)


def place_beside(row: Row, grams: Grams, weights: F32) -> Place | None:
    """The strongest window of an attack's text that holds nothing of what was planted there."""
    focus = focus_of(row, grams) if row.labels else None
    if focus is None:
        return None
    windows = grid(grams.length)
    middles = (windows.starts + windows.ends) // 2
    far = WIDTH // 2
    is_beside = (middles + far <= focus[0]) | (middles - far >= focus[1])
    is_beside &= (middles >= far) & (middles <= grams.length - far)
    if not is_beside.any():
        return None
    scores = window_scores(grams, FullTable(weights), windows)
    best = int(np.where(is_beside, scores, -np.inf).argmax())
    return around(int(windows.starts[best]), int(windows.ends[best]), grams.length)


def _labels(row: Row, is_content: bool) -> tuple[F32, F32]:
    targets = np.zeros(len(OUTPUTS), dtype=np.float32)
    counts = np.zeros(len(OUTPUTS), dtype=np.float32)
    if is_content:
        counts[0], counts[2] = 0.3, 1.0
        targets[2] = bool(row.labels)
        counts[3:] = 1.0
        for label in row.labels:
            targets[OUTPUTS.index(label)] = 1
        return targets, counts
    counts[0] = 1.0
    if row.labels:
        targets[0] = counts[1] = 1
        targets[1] = "jailbreak" in row.kind
        if row.source in _HARMFUL_SOURCES:
            targets[2] = counts[2] = 1
    else:
        targets[2] = row.kind in _HARMFUL_KINDS
        counts[2] = 0.5
        counts[3:] = 0.0 if targets[2] else 0.3
    return targets, counts


def examples_of(
    rows: Sequence[Row],
    documents: Sequence[Grams],
    weights: F32,
    vocabulary: Vocabulary,
    seed: int,
    *,
    is_content: bool = False,
) -> list[Example]:
    """The examples of all rows; sources with many rows count less per row."""
    pick = random.Random(seed)
    common = Counter(row.source for row in rows)
    found = []
    for row, grams in zip(rows, documents, strict=True):
        share = np.float32(min(1.0, _PLENTY / common[row.source]) ** 0.5)
        read = [(place, row) for place in places_of(row, grams, weights, pick)]
        if place := place_beside(row, grams, weights):
            read.append((place, replace(row, labels=())))
        for (start, end), one in read:
            targets, counts = _labels(one, is_content)
            tokens = tokens_of(grams, start, end, at_most(), vocabulary)
            found.append(Example(tokens, targets, counts * share))
    return found
