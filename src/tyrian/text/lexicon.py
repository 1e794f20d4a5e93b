"""Words in common use, and what a word with a slip or two of the finger stands for among them.

A word meets the known ones by itself or with one of its letters left out, as in `respell`; here the
table is two sorted arrays of numbers, for thousands of words in about a megabyte. Those two slips
away are found by their letters, counted.
"""

from array import array
from collections.abc import Sequence
from functools import cache, cached_property
from importlib.resources import files
from itertools import groupby
from zlib import crc32

import numpy as np
import numpy.typing as npt

from tyrian.text.slips import FAR, MORE, NEAR, READY, distance, effort

_SHORTEST_PART = 3
_SHORTEST, _LEAST, _LONGEST = 3, 4, 16
"""Letters of words that may be meant, and of those that may be misspelt: shorter ones are near too
many others."""
_HEAD_START = 50
"""Ranks by which the most frequent words are not told apart."""
_OFTEN = 100
"""Words of two letters that are as frequent may be run together with another one."""
_LEAST_FOR = {READY: 3, MORE: 4, NEAR: 5, FAR: 5}
"""Letters of a word from which on it may have a slip of that kind."""
_FREQUENT = 4000
_LEAST_PART_MISSPELT = 4
_LEAST_TWICE, _MOST_TWICE = 7, 2
"""Letters from which a word may have two slips."""
_A = ord("a")


def _forms(word: str) -> list[int]:
    """The numbers of the word and of what is left of it without one of its letters."""
    raw = word.encode()
    return [crc32(form) for form in {raw, *(raw[:at] + raw[at + 1 :] for at in range(len(raw)))}]


def _counts(word: str) -> npt.NDArray[np.int8]:
    """How often each letter is in the word."""
    letters = np.frombuffer(word.encode(), dtype=np.uint8) - _A
    return np.bincount(letters, minlength=26)[:26].astype(np.int8)


class Lexicon:
    """Known words, the most frequent first."""

    def __init__(self, words: Sequence[str]) -> None:
        """Index small words of ASCII letters."""
        self.known = frozenset(words)
        self.frequent = {word: rank for rank, word in enumerate(words[:_FREQUENT])}
        self._shortest = frozenset(w for w in words[:_OFTEN] if len(w) < _SHORTEST_PART)
        self._squeezed: dict[str, str] = {}
        for word in words:
            if len(word) >= _SHORTEST and (short := squeezed(word)) != word:
                self._squeezed.setdefault(short, word)
        self._words = [word for word in words if _SHORTEST <= len(word) <= _LONGEST]
        keys, owners = array("I"), array("H")
        for number, word in enumerate(self._words):
            forms = _forms(word)
            keys.extend(forms)
            owners.extend([number] * len(forms))
        numbers = np.frombuffer(keys, dtype=np.uint32)
        order = np.argsort(numbers, kind="stable")
        self._keys = numbers[order]
        self._owners = np.frombuffer(owners, dtype=np.uint16)[order]

    def correction(self, word: str) -> str | None:
        """The known word that is one slip away, the likeliest; None for known words and others."""
        if len(word) < _SHORTEST or not word.isascii() or word in self.known or self.knows(word):
            return None
        if (short := squeezed(word)) != word:
            return self._unstuttered(word, short)
        return self._nearest(word)

    def _unstuttered(self, word: str, short: str) -> str | None:
        """The same for a word with letters that stand twice or more often in a row."""
        found = self._nearest(word)
        if found and effort(word, found) == READY:
            return found
        if short in self.known and len(short) >= _SHORTEST:
            return short
        if known := self._squeezed.get(short):
            return known
        again = self._nearest(short)
        return again if again and effort(short, again) == READY else found

    def _nearest(self, word: str) -> str | None:
        if not _SHORTEST <= len(word) <= _LONGEST:
            return None
        keys = np.array(_forms(word), dtype=np.uint32)
        starts = np.searchsorted(self._keys, keys, side="left")
        ends = np.searchsorted(self._keys, keys, side="right")
        near = {
            number
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
            for number in self._owners[start:end].tolist()
        }
        likely = [
            ((_HEAD_START + number) * cost, number)
            for number in near
            if (cost := effort(word, self._words[number]))
            and len(word) >= _LEAST_FOR[cost]
            and (cost == READY or len(self._words[number]) >= _LEAST)
        ]
        return self._words[min(likely)[1]] if likely else None

    def twice_misspelt(self, word: str) -> str | None:
        """The most frequent long word that is two slips away, begun with the same letter."""
        if self.knows(word) or not _LEAST_TWICE <= len(word) <= _LONGEST or not word.isalpha():
            return None
        numbers, counts = self._long
        differing = np.abs(counts - _counts(word)).sum(axis=1, dtype=np.int16)
        for at in np.flatnonzero(differing <= 2 * _MOST_TWICE).tolist():
            meant = self._words[numbers[at]]
            if meant[0] == word[0] and distance(word, meant) <= _MOST_TWICE:
                return meant
        return None

    @cached_property
    def _long(self) -> tuple[list[int], npt.NDArray[np.int8]]:
        """The longer words and how often each letter is in them."""
        numbers = [n for n, word in enumerate(self._words) if len(word) >= _LEAST_TWICE]
        return numbers, np.array([_counts(self._words[n]) for n in numbers], dtype=np.int8)

    def parts(self, word: str) -> tuple[str, str] | None:
        """The two known words, as frequent as can be, that were typed without a blank."""
        if self.knows(word):
            return None
        cuts = [cut for cut in _cuts(word) if all(map(self.knows, cut))]
        cuts += [cut for cut in _short_cuts(word) if self._is_phrase(cut)]
        return min(cuts, key=self._rank, default=None)

    def _rank(self, words: tuple[str, str]) -> int:
        """That of the rarer one of two words."""
        return max(self.frequent.get(word, _FREQUENT) for word in words)

    def misspelt_parts(self, word: str) -> tuple[str, str] | None:
        """The same where one of the two has a slip besides."""
        for left, right in _cuts(word):
            if right in self.frequent and (meant := self._long_correction(left)):
                return meant, right
            if left in self.frequent and (meant := self._long_correction(right)):
                return left, meant
        return None

    def _is_phrase(self, cut: tuple[str, str]) -> bool:
        short, long = sorted(cut, key=len)
        return short in self._shortest and long in self.frequent and len(long) >= _LEAST

    def knows(self, part: str) -> bool:
        """True for a frequent short word, or a long one or its plural."""
        if len(part) < _LEAST:
            return part in self.frequent
        return part in self.known or (
            part[-1] == "s" and len(part) > _LEAST and part[:-1] in self.known
        )

    def _long_correction(self, part: str) -> str | None:
        return self.correction(part) if len(part) >= _LEAST_PART_MISSPELT else None


def squeezed(word: str) -> str:
    """The word with each letter that stands several times in a row once."""
    return "".join(letter for letter, _ in groupby(word))


def _cuts(word: str) -> list[tuple[str, str]]:
    middle = len(word) / 2
    places = sorted(
        range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1), key=lambda at: abs(at - middle)
    )
    return [(word[:at], word[at:]) for at in places]


def _short_cuts(word: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (word[:2], word[2:]), (word[:-2], word[-2:])


@cache
def lexicon() -> Lexicon:
    """The shipped words, read once; `training.words` collects them."""
    place = files("tyrian.text").joinpath("data", "words.txt")
    return Lexicon(place.read_text(encoding="ascii").split())
