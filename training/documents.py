"""The grams of rows, as the detectors would see them."""

from collections.abc import Sequence

from training.corpus import Row, prepared
from tyrian.models.features import Grams, grams_of

LONGEST = 6000
"""Characters of a row that are read; the longest rows say nothing new further on."""


def documents_of(rows: Sequence[Row]) -> list[Grams]:
    """The grams of every row, normalised first."""
    return [grams_of(prepared(row.text[:LONGEST])) for row in rows]
