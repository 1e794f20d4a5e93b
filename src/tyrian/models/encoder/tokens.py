"""Words and signs of a text as word pieces and as bags of the hashed n-grams of stage one."""

from dataclasses import dataclass

import numpy as np

from tyrian.models.encoder.pieces import Vocabulary
from tyrian.models.features import CHAR_ORDERS, I64, SEPARATOR, U32, U64, Grams

BAG_BITS = 15
BAG_SIZE = 1 << BAG_BITS
"""Rows of the table of n-grams; buckets of the grams are folded into it."""
LONGEST_WORD = 24
"""Characters of a word that are looked at; longer runs are hardly words."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words and signs of one window, each a bag of buckets."""

    buckets: U32
    """Rows of the table, the bag of one token after the other."""
    starts: I64
    """Where in `buckets` the bag of each token begins; no bag is empty."""
    pieces: I64
    """Numbers of the word pieces, those of one token after the other."""
    piece_starts: I64
    """Where in `pieces` those of each token begin; every token has one."""

    def __len__(self) -> int:
        return len(self.starts)


def places_of(grams: Grams, start: int, end: int, limit: int) -> tuple[I64, I64, U64]:
    """Starts, ends and hashes of the tokens between two places, in order."""
    first, last = np.searchsorted(grams.word_starts, (start, end))
    starts, ends = grams.word_starts[first:last], grams.word_ends[first:last]
    hashes = grams.word_hashes[first:last]
    signs = np.flatnonzero(grams.kinds[start:end] == SEPARATOR) + start
    starts = np.concatenate((starts, signs))
    order = np.argsort(starts, kind="stable")[:limit]
    ends = np.concatenate((ends, signs + 1))[order]
    # A sign has the hash of its shortest gram, which no word can have.
    hashes = np.concatenate((hashes, grams.chars[0][signs - 1].astype(np.uint64)))[order]
    starts = starts[order]
    return starts, np.minimum(ends, starts + LONGEST_WORD), hashes


def pieces_of(grams: Grams, starts: I64, ends: I64, vocabulary: Vocabulary) -> tuple[I64, I64]:
    """The word pieces of the tokens, and where those of each begin."""
    if not len(starts):
        return np.array(vocabulary.unknown), np.zeros(1, dtype=np.int64)
    first, last = int(starts[0]), int(ends[-1])
    text = grams.letters[first:last].tobytes().decode("utf-32-le", "surrogatepass")
    numbers: list[int] = []
    begins = []
    for start, end in zip((starts - first).tolist(), (ends - first).tolist(), strict=True):
        begins.append(len(numbers))
        numbers += vocabulary.pieces(text[start:end]) or vocabulary.unknown
    return np.array(numbers, dtype=np.int64), np.array(begins, dtype=np.int64)


def tokens_of(grams: Grams, start: int, end: int, limit: int, vocabulary: Vocabulary) -> Tokens:
    """The tokens between two places of the compacted text, at most `limit` of them."""
    starts, ends, hashes = places_of(grams, max(start, 1), end, limit)
    count = len(starts)
    pieces = pieces_of(grams, starts, ends, vocabulary)
    if not count:
        return Tokens(np.zeros(1, dtype=np.uint32), np.zeros(1, dtype=np.int64), *pieces)
    widths = ends - starts + 2
    sizes = np.stack([np.maximum(widths - order + 1, 1) for order in CHAR_ORDERS], axis=1)
    sizes = np.concatenate((np.ones((count, 1), dtype=np.int64), sizes), axis=1).ravel()
    stops = np.cumsum(sizes)
    begins = stops - sizes
    inside = np.arange(int(stops[-1])) - np.repeat(begins, sizes)
    place = np.repeat(np.repeat(starts - 1, len(CHAR_ORDERS) + 1), sizes) + inside
    row = np.repeat(np.tile(np.arange(len(CHAR_ORDERS) + 1), count), sizes)
    buckets = np.empty(len(row), dtype=np.uint32)
    whole = row == 0
    buckets[whole] = (hashes >> np.uint64(17)).astype(np.uint32)
    chars = ~whole
    buckets[chars] = grams.chars[row[chars] - 1, np.minimum(place[chars], grams.length - 1)]
    begins = begins[:: len(CHAR_ORDERS) + 1]
    return Tokens(buckets & np.uint32(BAG_SIZE - 1), begins, *pieces)
