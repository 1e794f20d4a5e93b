"""Words in common use, and which of them are a slip of the finger or two away from a word.

A word meets the known ones by itself or with one of its letters left out (symmetric deletes); the
table is two sorted arrays of numbers, for thousands of words in about a megabyte. Those two slips
away are found by their letters, counted.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache, cached_property
from importlib.resources import files
from itertools import groupby
from zlib import crc32

import numpy as np
import numpy.typing as npt

from tyrian.text.spelling.slips import distance, effort

_LONGEST = 16
"""Letters of the longest words that are looked up."""
_LONG = 4
"""Letters from which a word is known if it is in the list, and no frequent one or a plural."""
_FREQUENT = 4000
_LEAST_TWICE, _MOST_TWICE = 6, 2
"""Letters from which a word may have two slips."""
_A = ord("a")


class Lexicon:
    """Known words, the most frequent first."""

    def __init__(self, words: Sequence[str]) -> None:
        """Index small words of ASCII letters."""
        self.words = words
        self.known = frozenset(words)
        self.frequent = frozenset(words[:_FREQUENT])
        self._squeezed: dict[str, str] = {}
        for word in words:
            if (short := squeezed(word)) != word:
                self._squeezed.setdefault(short, word)
        keys, owners = array("I"), array("H")
        for number, word in enumerate(words):
            forms = _forms(word)
            keys.extend(forms)
            owners.extend([number] * len(forms))
        numbers = np.frombuffer(keys, dtype=np.uint32)
        order = np.argsort(numbers, kind="stable")
        self._keys = array("I", numbers[order].tobytes())
        self._owners = array("H", np.frombuffer(owners, dtype=np.uint16)[order].tobytes())

    def knows(self, word: str) -> bool:
        """True for a frequent short word, or a long one or its plural."""
        if len(word) < _LONG:
            return word in self.frequent
        return word in self.known or (
            word[-1] == "s" and len(word) > _LONG and word[:-1] in self.known
        )

    def near(self, word: str) -> list[str]:
        """The known words that are one slip away, the most frequent first."""
        if not word.isascii() or not 0 < len(word) <= _LONGEST:
            return []
        numbers: set[int] = set()
        for key in _forms(word):
            at = bisect_left(self._keys, key)
            while at < len(self._keys) and self._keys[at] == key:
                numbers.add(self._owners[at])
                at += 1
        found = (self.words[number] for number in sorted(numbers))
        return [meant for meant in found if meant != word and effort(word, meant)]

    def unstuttered(self, word: str) -> str | None:
        """The known word with letters that stand more often in a row here."""
        short = squeezed(word)
        if len(short) == len(word):
            return None
        return short if short in self.known else self._squeezed.get(short)

    def twice_misspelt(self, word: str) -> str | None:
        """The most frequent long word that is two slips away, begun with the same letter."""
        if not _LEAST_TWICE <= len(word) <= _LONGEST or not word.isalpha() or not word.isascii():
            return None
        numbers, counts = self._long
        differing = np.abs(counts - _counts(word)).sum(axis=1, dtype=np.int16)
        for at in np.flatnonzero(differing <= 2 * _MOST_TWICE).tolist():
            meant = self.words[numbers[at]]
            if meant[0] == word[0] and distance(word, meant) <= _MOST_TWICE:
                return meant
        return None

    @cached_property
    def _long(self) -> tuple[list[int], npt.NDArray[np.int8]]:
        """The longer words and how often each letter is in them."""
        numbers = [n for n, word in enumerate(self.words) if len(word) >= _LEAST_TWICE]
        return numbers, np.array([_counts(self.words[n]) for n in numbers], dtype=np.int8)


def squeezed(word: str) -> str:
    """The word with each letter that stands several times in a row once."""
    return "".join(letter for letter, _ in groupby(word))


def _forms(word: str) -> list[int]:
    """The numbers of the word and of what is left of it without one of its letters."""
    raw = word.encode()
    return [crc32(form) for form in {raw, *(raw[:at] + raw[at + 1 :] for at in range(len(raw)))}]


def _counts(word: str) -> npt.NDArray[np.int8]:
    """How often each letter is in the word."""
    letters = np.frombuffer(word.encode(), dtype=np.uint8) - _A
    return np.bincount(letters, minlength=26)[:26].astype(np.int8)


@cache
def lexicon() -> Lexicon:
    """The shipped words, read once; `training.words` collects them."""
    place = files("tyrian.text").joinpath("data", "words.txt")
    return Lexicon(place.read_text(encoding="ascii").split())
