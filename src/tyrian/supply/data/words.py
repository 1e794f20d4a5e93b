"""Words of many texts as numbers, without a loop over them: hashes that never change.

A word is a run of ASCII letters and digits, or of any other characters but ASCII's signs; signs of
East Asian writing are a word each. Case, width and compatibility forms make no difference.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

SHINGLE = 3
"""Words in a row that make one element of a text's set."""
_CHUNK = 1 << 18
_MULTIPLIER = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_UNSPACED = re.compile(r"([\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff])")
_SPACES = re.compile(r"\s+")


class Words(NamedTuple):
    """The words of some texts one after another, and how many each text has."""

    hashes: U64
    counts: I64


def plain_text(text: str) -> str:
    """The text as it is compared: one case, one form of each sign, one blank between words."""
    if not text.isascii():
        text = _UNSPACED.sub(r" \1 ", unicodedata.normalize("NFKC", text).casefold())
    return _SPACES.sub(" ", text.lower()).strip()


def words_of(texts: Sequence[str]) -> Words:
    """The hashes of all words, in order."""
    parts: list[Words] = []
    start, size = 0, 0
    encoded = [_encoded(text) for text in texts]
    for at, data in enumerate(encoded):
        size += len(data) + 1
        if size >= _CHUNK:
            parts.append(_hashed(encoded[start : at + 1]))
            start, size = at + 1, 0
    if start < len(encoded) or not parts:
        parts.append(_hashed(encoded[start:]))
    if len(parts) == 1:
        return parts[0]
    return Words(
        np.concatenate([part.hashes for part in parts]),
        np.concatenate([part.counts for part in parts]),
    )


def _encoded(text: str) -> bytes:
    if text.isascii():
        return text.encode().lower()
    folded = _UNSPACED.sub(r" \1 ", unicodedata.normalize("NFKC", text).casefold())
    return folded.encode("utf-8", "surrogatepass")


def _hashed(encoded: Sequence[bytes]) -> Words:
    """A word's hash is that of its polynomial over its bytes, told from sums up to each byte."""
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    data = np.frombuffer(b" ".join(encoded) + b" ", np.uint8)
    inside = _inside()[data]
    edges = np.flatnonzero(np.diff(inside, prepend=np.int8(0)))
    starts, ends = edges[::2], edges[1::2]
    powers, inverse = _powers(1 << max(len(data) - 1, 1).bit_length())
    sums = _values()[data]
    sums *= powers[: len(data)]
    np.cumsum(sums, out=sums)
    before = np.where(starts > 0, sums[np.maximum(starts - 1, 0)], np.uint64(0))
    hashes = mixed((sums[ends - 1] - before) * inverse[starts])
    bounds = np.cumsum(lengths + 1)
    counts = np.diff(np.searchsorted(starts, bounds), prepend=0)
    return Words(hashes, counts.astype(np.int64))


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words are, as far as the letters of the text keep their place."""
    return [found.span() for found in _WORD.finditer(_UNSPACED.sub(" ", text))]


_WORD = re.compile(r"[A-Za-z0-9\x80-\U0010ffff]+")


@cache
def _inside() -> npt.NDArray[np.int8]:
    table = np.zeros(256, np.int8)
    table[128:] = 1
    for first, last in (b"09", b"az", b"AZ"):
        table[first : last + 1] = 1
    return table


@cache
def _values() -> U64:
    return mixed(np.arange(1, 257, dtype=np.uint64))


@cache
def _powers(size: int) -> tuple[U64, U64]:
    """The first powers of the multiplier modulo 2 to the 64, and of its inverse."""
    made = []
    for base in (_MULTIPLIER, pow(_MULTIPLIER, -1, 1 << 64)):
        powers = np.full(size, base & _MASK, np.uint64)
        powers[0] = 1
        made.append(np.cumprod(powers, dtype=np.uint64))
    return made[0], made[1]


def mixed(values: U64) -> U64:
    """Numbers so spread that any of their bits will do (the end of SplitMix64)."""
    values = values + np.uint64(_MULTIPLIER)
    values ^= values >> np.uint64(30)
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def grams_of(words: Words, size: int) -> Words:
    """Hashes of all runs of `size` words of each text; of a shorter text, one of all its words.

    A text without words has none.
    """
    hashes, counts = words
    if size == 1 or not len(hashes):
        return words
    if len(hashes) < size:
        hashes = np.concatenate((hashes, np.zeros(size, np.uint64)))
    found = hashes[: len(hashes) - size + 1] * np.uint64(_MULTIPLIER)
    for step in range(1, size):
        found += hashes[step : len(hashes) - size + 1 + step]
        if step < size - 1:
            found *= np.uint64(_MULTIPLIER)
    length = np.clip(counts - size + 1, np.minimum(counts, 1), None)
    ends = np.cumsum(counts)
    whole = np.ones(len(words.hashes), np.bool_)
    for step in range(1, size):
        whole[np.maximum(ends - step, 0)[counts > 0]] = False
    short = np.flatnonzero((counts > 0) & (counts < size))
    firsts = (ends - counts)[short]
    whole[firsts] = True
    grams = np.zeros(len(words.hashes), np.uint64)
    grams[: len(found)] = found[: len(grams)]
    grams[firsts] = _joined(words.hashes, firsts, counts[short])
    return Words(mixed(grams[whole]), length)


def _joined(hashes: U64, firsts: I64, counts: I64) -> U64:
    """The hash of all words of texts that are too short for one gram."""
    found = counts.astype(np.uint64)
    for step in range(int(counts.max(initial=0))):
        more = hashes[np.minimum(firsts + step, len(hashes) - 1)]
        found = np.where(step < counts, mixed(found + more), found)
    return found


def shingle_lows(words: Words) -> tuple[U32, I64]:
    """The upper halves of all shingles, which are enough to compare two texts."""
    shingles = grams_of(words, SHINGLE)
    return (shingles.hashes >> np.uint64(32)).astype(np.uint32), shingles.counts
