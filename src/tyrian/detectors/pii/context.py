"""Words near a number that say what it is, found once per text in one literal pass."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from itertools import chain

from ahocorasick_rs import BytesAhoCorasick, Implementation

from tyrian.detectors.haystack import Haystack

_BEFORE = 60
_AFTER = 30
_NOTHING: frozenset[str] = frozenset()
_SHORT = 4
"""Words of this length and less stand alone: `tel`, but not `tell`."""


class ContextWords:
    """The context words of all kinds of numbers, each kind under a name of its own."""

    def __init__(self, kinds: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        words: dict[str, list[str]] = {}
        for kind, kind_words in kinds:
            for word in kind_words:
                words.setdefault(word, []).append(kind)
        self._kinds_of = [tuple(found) for found in words.values()]
        self._literals = BytesAhoCorasick(
            [word.encode() for word in words] or [b"\0"], implementation=Implementation.DFA
        )

    def read(self, hay: Haystack) -> "Context":
        """The words of one text, looked for when they are first asked for."""
        return Context(lambda: self._places_in(hay))

    def _places_in(self, hay: Haystack) -> list[tuple[int, tuple[str, ...]]]:
        places: list[tuple[int, tuple[str, ...]]] = []
        last = [-_AFTER] * len(self._kinds_of)
        data = hay.lower
        for word, start, end in self._literals.find_matches_as_indexes(data, overlapping=True):
            # Of a word that is repeated closely, one place says as much as all of them.
            if start - last[word] < _AFTER or not _is_word(data, start, end):
                continue
            last[word] = start
            places.append((hay.char(start), self._kinds_of[word]))
        return sorted(places)


def _is_word(data: bytes, start: int, end: int) -> bool:
    """Not inside another word; longer words may go on, as compounds do."""
    if start and _is_letter(data[start - 1]):
        return False
    return end - start > _SHORT or end == len(data) or not _is_letter(data[end])


def _is_letter(byte: int) -> bool:
    return 0x61 <= byte <= 0x7A


class Context:
    """Places of context words in one text."""

    __slots__ = ("_find", "_kinds", "_places", "_seen")

    def __init__(self, find: Callable[[], list[tuple[int, tuple[str, ...]]]]) -> None:
        self._find = find
        self._places: list[int] | None = None
        self._kinds: list[tuple[str, ...]] = []
        self._seen: dict[tuple[int, int], frozenset[str]] = {}

    def _read(self) -> list[int]:
        found = self._find()
        self._places = [place for place, _ in found]
        self._kinds = [kinds for _, kinds in found]
        return self._places

    def has_words(self) -> bool:
        """The text has any of the words at all."""
        return bool(self._places if self._places is not None else self._read())

    def near(self, start: int, end: int) -> frozenset[str]:
        """The kinds of which a word begins a little before or behind the span."""
        places = self._places if self._places is not None else self._read()
        if not places:
            return _NOTHING
        first = bisect_left(places, start - _BEFORE)
        last = bisect_right(places, end + _AFTER, first)
        if first == last:
            return _NOTHING
        kinds = self._seen.get((first, last))
        if kinds is None:
            kinds = frozenset(chain.from_iterable(self._kinds[first:last]))
            self._seen[first, last] = kinds
        return kinds

    def is_near(self, kind: str, start: int, end: int) -> bool:
        """A word of that kind begins a little before or behind the span."""
        return kind in self.near(start, end)
