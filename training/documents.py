"""The grams of rows, as the detectors would see them."""

from collections.abc import Sequence

import numpy as np

from training.corpus import Row, prepared
from tyrian.models.features import Grams, grams_of

LONGEST = 6000
"""Characters of a row that are read; the longest rows say nothing new further on."""


def documents_of(rows: Sequence[Row]) -> list[Grams]:
    """The grams of every row, normalised first."""
    return [grams_of(prepared(row.text[:LONGEST])) for row in rows]


def focus_of(row: Row, grams: Grams) -> tuple[int, int] | None:
    """From where to where in the compacted text what the row is about stands, if that is known."""
    if row.focus is None:
        return None
    places = [len(prepared(row.text[:place])) for place in row.focus]
    start, end = np.searchsorted(grams.origin, places)
    return int(start) + 1, int(end) + 1  # one blank stands before
