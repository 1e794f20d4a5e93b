"""Words in common use, and what a word with one slip of the finger stands for among them.

A word meets the known ones by itself or with one of its letters left out, as in `respell`; here the
table is two sorted arrays of numbers, for thousands of words in half a megabyte.
"""

from array import array
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from zlib import crc32

import numpy as np

_SHORTEST_PART = 3
_LEAST, _LONGEST = 4, 16
"""Letters of words that may be misspelt; shorter ones are near too many others."""


def _forms(word: str) -> list[int]:
    """The numbers of the word and of what is left of it without one of its letters."""
    raw = word.encode()
    return [crc32(form) for form in {raw, *(raw[:at] + raw[at + 1 :] for at in range(len(raw)))}]


class Lexicon:
    """Known words, the most frequent first."""

    def __init__(self, words: Sequence[str]) -> None:
        """Index small words of ASCII letters."""
        self.known = frozenset(words)
        self._words = [word for word in words if _LEAST <= len(word) <= _LONGEST]
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
        """The most frequent known word that is one slip away; None for known words and others."""
        if word in self.known or not _LEAST <= len(word) <= _LONGEST or not word.isascii():
            return None
        keys = np.array(_forms(word), dtype=np.uint32)
        starts = np.searchsorted(self._keys, keys, side="left")
        ends = np.searchsorted(self._keys, keys, side="right")
        near = {
            number
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
            for number in self._owners[start:end].tolist()
        }
        return next(
            (self._words[n] for n in sorted(near) if slips(word, self._words[n]) <= 1), None
        )

    def parts(self, word: str) -> tuple[str, str] | None:
        """The two known words that were typed without the blank between them, as even as can be."""
        middle = len(word) / 2
        places = sorted(
            range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1), key=lambda at: abs(at - middle)
        )
        cuts = ((word[:at], word[at:]) for at in places)
        return next((cut for cut in cuts if self.known.issuperset(cut)), None)


def slips(word: str, meant: str) -> int:
    """Letters to change, leave out, put in or swap; counted up to the plain way there."""
    start, shorter = 0, min(len(word), len(meant))
    while start < shorter and word[start] == meant[start]:
        start += 1
    end = 0
    while end < shorter - start and word[-1 - end] == meant[-1 - end]:
        end += 1
    a, b = word[start : len(word) - end], meant[start : len(meant) - end]
    if len(a) == len(b) == 2 and a == b[::-1]:
        return 1
    return max(len(a), len(b))


@cache
def lexicon() -> Lexicon:
    """The shipped words, read once; `training.words` collects them."""
    place = files("tyrian.text").joinpath("data", "words.txt")
    return Lexicon(place.read_text(encoding="ascii").split())
