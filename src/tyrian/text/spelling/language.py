"""How likely a word is after another one: bigrams smoothed by unigrams (Jelinek and Mercer, 1980).

The counts are of the texts that `training.words` reads; a byte holds the logarithm of one.
"""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from io import BytesIO
from math import log

import numpy as np
import numpy.typing as npt

from tyrian.text.spelling.lexicon import lexicon

OTHER = ""
"""What stands for a word that is in no list, and for none at all."""
PARTS = ("a", "i", "s", "t", "m", "d", "u", "ll", "re", "ve")
"""What is shorter than the listed words, or follows an apostrophe."""
STEPS = 8
"""Numbers of a byte for each doubling of a count."""
UNKNOWN, _FURTHER = -20.0, 1.0
"""Log probability of a word that is in no list, and how much less it is for each further letter."""
_SHORT = 6
_PAIRED = 0.4
"""How much of the probability is that after the word before."""
_LEAST_SEEN = 20
"""A word counts as seen in so many texts at least: what came after it once proves little."""


class Language:
    """Words and how often each of them, and each pair of them, was counted."""

    def __init__(
        self,
        words: Sequence[str],
        counts: npt.NDArray[np.uint8],
        pairs: npt.NDArray[np.uint32],
        pair_counts: npt.NDArray[np.uint8],
    ) -> None:
        """`pairs` are the numbers of two words, sixteen bits each, in ascending order."""
        self._numbers: Mapping[str, int] = {word: n for n, word in enumerate(words)}
        self._counts = array("d", unpacked(counts).tobytes())
        self._total = sum(self._counts)
        self._pairs = array("I", pairs.tobytes())
        self._pair_counts = pair_counts.tobytes()

    def __contains__(self, word: str) -> bool:
        return word in self._numbers

    def count(self, word: str) -> float:
        """In how many texts a word was seen; 0 for a word that is in no list."""
        number = self._numbers.get(word)
        return 0.0 if number is None else self._counts[number]

    def log_probability(self, word: str, before: str) -> float:
        """That of a word after another one, as a natural logarithm."""
        number = self._numbers.get(word)
        if number is None:
            return UNKNOWN - _FURTHER * max(0, len(word) - _SHORT)
        first = self._numbers.get(before, 0)
        alone = self._counts[number] / self._total
        together = self._pair_count(first << 16 | number) / max(self._counts[first], _LEAST_SEEN)
        return log(_PAIRED * min(1.0, together) + (1 - _PAIRED) * alone)

    def _pair_count(self, key: int) -> float:
        at = bisect_left(self._pairs, key)
        if at == len(self._pairs) or self._pairs[at] != key:
            return 0.0
        return float(2 ** (self._pair_counts[at] / STEPS))


def packed(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """A byte for each count from 1 on."""
    return np.round(np.log2(counts) * STEPS).astype(np.uint8)


def unpacked(counts: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """The counts of such bytes, to a few percent."""
    return np.exp2(counts / STEPS)


def vocabulary(words: Sequence[str]) -> tuple[str, ...]:
    """Listed words and what else has a number, in its order; the first is `OTHER`."""
    return tuple(dict.fromkeys((OTHER, *PARTS, *words)))


@cache
def language() -> Language:
    """The shipped counts, read once."""
    raw = files("tyrian.text").joinpath("data", "bigrams.npz").read_bytes()
    with np.load(BytesIO(raw)) as stored:
        pairs = np.cumsum(stored["steps"], dtype=np.uint32)
        return Language(vocabulary(lexicon().words), stored["counts"], pairs, stored["pair_counts"])
