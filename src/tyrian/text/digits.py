"""Runs of digits of so many bits each: to bytes, and to text where the bytes are text."""

import numpy as np

from tyrian.text.offsets import Index
from tyrian.text.readable import as_texts
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import Bools, Bytes, Source, counts_in, spread_out

NO_DIGIT = 0xFF
_GROUPS = {1: 8, 4: 2, 5: 8, 6: 4}
"""How many digits of so many bits make whole bytes."""


def values_of(*rows: str) -> Bytes:
    """A table from ASCII to the value of a digit; each row gives the digits from 0 on."""
    table = np.full(256, NO_DIGIT, dtype=np.uint8)
    for row in rows:
        table[[ord(c) for c in row]] = np.arange(len(row))
    return table


def packed(values: Bytes, sizes: Index, bits: int) -> tuple[Bytes, Index]:
    """Bytes of runs of digits of so many bits each, and how many for each run."""
    group = _GROUPS[bits]
    width = group * bits // 8
    rows = -(-sizes // group)
    padded = np.zeros(int(rows.sum()) * group, dtype=np.uint8)
    firsts = np.cumsum(rows) - rows
    padded[spread_out(firsts * group, sizes)] = values
    table = padded.reshape(-1, group)
    words = np.zeros(len(table), dtype=np.uint64)
    for column in range(group):
        words = (words << np.uint64(bits)) | table[:, column]
    shifts = np.arange(8 * (width - 1), -1, -8, dtype=np.uint64)
    data = ((words[:, None] >> shifts) & np.uint64(0xFF)).astype(np.uint8).ravel()
    lengths = sizes * bits // 8
    return data[spread_out(firsts * width, lengths)], lengths


def decoded(
    source: Source, starts: Index, ends: Index, table: Bytes, bits: int, skip: Bools | None = None
) -> Pieces:
    """Pieces of the ranges whose digits are text; other characters in a range are passed over."""
    if not len(starts):
        return NONE
    sizes = ends - starts
    at = spread_out(starts, sizes)
    values = table[source.data[at]]
    is_digit = values != NO_DIGIT
    if skip is not None:
        is_digit &= ~skip[at]
    counts = counts_in(is_digit, np.cumsum(sizes) - sizes, np.cumsum(sizes))
    codes, lengths = as_texts(*packed(values[is_digit], counts, bits))
    good = lengths > 0
    return Pieces(starts[good], ends[good], lengths[good], codes, np.zeros(good.sum(), np.intp))


def decoded_chains(
    source: Source, runs: tuple[Index, Index], first: Index, stop: Index, table: Bytes, bits: int
) -> Pieces:
    """Pieces of chains of runs, whose digits go on from one run to the next."""
    if not len(first):
        return NONE
    members = spread_out(first, stop - first)
    starts, sizes = runs[0][members], (runs[1] - runs[0])[members]
    values = table[source.data[spread_out(starts, sizes)]]
    is_digit = values != NO_DIGIT
    chain = np.repeat(np.repeat(np.arange(len(first)), stop - first), sizes)
    counts = np.bincount(chain[is_digit], minlength=len(first))
    codes, lengths = as_texts(*packed(values[is_digit], counts, bits))
    steps = np.zeros(len(first), np.intp)
    return Pieces(runs[0][first], runs[1][stop - 1], lengths, codes, steps).only(lengths > 0)


def decoded_words(
    source: Source, runs: tuple[Index, Index], first: Index, stop: Index, table: Bytes, bits: int
) -> Pieces:
    """Pieces of chains of runs, each of which is a word of its own; blanks go between them."""
    if not len(first):
        return NONE
    members = spread_out(first, stop - first)
    starts, ends = runs[0][members], runs[1][members]
    sizes = ends - starts
    values = table[source.data[spread_out(starts, sizes)]]
    is_digit = values != NO_DIGIT
    counts = counts_in(is_digit, np.cumsum(sizes) - sizes, np.cumsum(sizes))
    data, lengths = packed(values[is_digit], counts, bits)
    spaced = np.insert(data, np.cumsum(lengths), 0x20)
    chain = np.repeat(np.arange(len(first)), stop - first)
    totals = np.bincount(chain, weights=lengths + 1, minlength=len(first)).astype(np.intp)
    codes, sizes = as_texts(spaced, totals)
    good = sizes > 0
    made = Pieces(runs[0][first], runs[1][stop - 1], sizes, codes, np.zeros(len(first), np.intp))
    return made.only(good)
