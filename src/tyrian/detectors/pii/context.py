"""Words near a number that say what it is, found once per text in one literal pass."""

from bisect import bisect_left
from collections.abc import Iterable

from ahocorasick_rs import BytesAhoCorasick, Implementation

from tyrian.detectors.haystack import Haystack

_BEFORE = 60
_AFTER = 30
_SHORT = 4
"""Words of this length and less stand alone: `tel`, but not `tell`."""


class ContextWords:
    """The context words of all kinds of numbers, each kind under a name of its own."""

    def __init__(self, kinds: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        words: dict[str, list[str]] = {}
        for kind, kind_words in kinds:
            for word in kind_words:
                words.setdefault(word, []).append(kind)
        self._kinds_of = list(words.values())
        self._literals = BytesAhoCorasick(
            [word.encode() for word in words] or [b"\0"], implementation=Implementation.DFA
        )

    def read(self, hay: Haystack) -> "Context":
        """Where the words stand in one text."""
        places: dict[str, list[int]] = {}
        last = [-_AFTER] * len(self._kinds_of)
        data = hay.lower
        for word, start, end in self._literals.find_matches_as_indexes(data, overlapping=True):
            # Of a word that is repeated closely, one place says as much as all of them.
            if start - last[word] < _AFTER or not _is_word(data, start, end):
                continue
            last[word] = start
            place = hay.char(start)
            for kind in self._kinds_of[word]:
                places.setdefault(kind, []).append(place)
        for found in places.values():
            found.sort()
        return Context(places)


def _is_word(data: bytes, start: int, end: int) -> bool:
    """Not inside another word; longer words may go on, as compounds do."""
    if start and _is_letter(data[start - 1]):
        return False
    return end - start > _SHORT or end == len(data) or not _is_letter(data[end])


def _is_letter(byte: int) -> bool:
    return 0x61 <= byte <= 0x7A


class Context:
    """Places of context words in one text."""

    __slots__ = ("_places",)

    def __init__(self, places: dict[str, list[int]]) -> None:
        self._places = places

    def is_near(self, kind: str, start: int, end: int) -> bool:
        """A word of that kind begins a little before or behind the span."""
        found = self._places.get(kind)
        if not found:
            return False
        at = bisect_left(found, start - _BEFORE)
        return at < len(found) and found[at] <= end + _AFTER
