"""Words in common use, and what a word with one slip of the finger stands for among them.

A word meets the known ones by itself or with one of its letters left out, as in `respell`; here the
table is two sorted arrays of numbers, for thousands of words in half a megabyte.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from zlib import crc32

import numpy as np
import numpy.typing as npt

_SHORTEST_PART = 3
_LEAST, _LONGEST = 4, 16
"""Letters of words that may be misspelt; shorter ones are near too many others."""


def _shortened(word: bytes) -> list[bytes]:
    """The word with each letter left out, once each."""
    return list({word[:at] + word[at + 1 :] for at in range(len(word))})


class Lexicon:
    """Known words, the most frequent first."""

    def __init__(self, words: Sequence[str]) -> None:
        """Index small words of ASCII letters."""
        self.known = frozenset(words)
        self._words = [word for word in words if _LEAST <= len(word) <= _LONGEST]
        forms = [1 + len(_shortened(word.encode())) for word in self._words]
        numbers = np.fromiter(self._forms(), dtype=np.uint32, count=sum(forms))
        order = np.argsort(numbers, kind="stable")
        self._keys = numbers[order]
        owners = np.repeat(np.arange(len(forms), dtype=np.uint16), forms)
        self._owners: npt.NDArray[np.uint16] = owners[order]

    def _forms(self) -> Iterator[int]:
        """The numbers of each word and of what is left of it without one of its letters."""
        for word in self._words:
            raw = word.encode()
            yield crc32(raw)
            yield from map(crc32, _shortened(raw))

    def correction(self, word: str) -> str | None:
        """The most frequent known word that is one slip away; None for known words and others."""
        if word in self.known or not _LEAST <= len(word) <= _LONGEST or not word.isascii():
            return None
        raw = word.encode()
        keys = np.array([crc32(form) for form in (raw, *_shortened(raw))], dtype=np.uint32)
        starts = np.searchsorted(self._keys, keys, side="left")
        ends = np.searchsorted(self._keys, keys, side="right")
        near = {
            number
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
            for number in self._owners[start:end].tolist()
        }
        return next((self._words[n] for n in sorted(near) if is_slip(word, self._words[n])), None)

    def parts(self, word: str) -> tuple[str, str] | None:
        """The two known words that were typed without the blank between them, as even as can be."""
        middle = len(word) / 2
        places = sorted(
            range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1), key=lambda at: abs(at - middle)
        )
        cuts = ((word[:at], word[at:]) for at in places)
        return next((cut for cut in cuts if self.known.issuperset(cut)), None)


def is_slip(word: str, meant: str) -> bool:
    """Whether one letter is missing, added, replaced, or swapped with its neighbour."""
    start, shorter = 0, min(len(word), len(meant))
    while start < shorter and word[start] == meant[start]:
        start += 1
    end = 0
    while end < shorter - start and word[-1 - end] == meant[-1 - end]:
        end += 1
    a, b = word[start : len(word) - end], meant[start : len(meant) - end]
    return max(len(a), len(b)) <= 1 or (len(a) == len(b) == 2 and a == b[::-1])


@cache
def lexicon() -> Lexicon:
    """The shipped words, read once; `training.words` collects them."""
    place = files("tyrian.text").joinpath("data", "words.txt")
    return Lexicon(place.read_text(encoding="ascii").split())
