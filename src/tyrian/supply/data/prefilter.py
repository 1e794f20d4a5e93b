"""The first look at every text: linear passes over all texts of a batch at once.

It only chooses which texts a guard reads: whatever attacks with words, marks of chat formats,
hidden or encoded letters has to have one of these in it. What it passes over is not judged
further, so it is made to catch too much rather than too little.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import re2

from tyrian.supply.data.attack_words import LONG_RUN, OBJECTS, SURE, USUAL, VERBS
from tyrian.supply.data.joined import Joined

_FIRST = f"{SURE}|{OBJECTS}"
_SECOND = f"{SURE}|{VERBS}"
"""What both find is sure, or has an object and a verb: two passes, the second over few texts."""
_MOST_MEMORY = 16 << 20
"""For the states of an automaton, which are kept from batch to batch."""
_AT_ONCE = 512
"""Texts that are joined: enough to share the cost of calls, few enough to stay in the cache."""
_ASCII = bytes(range(128))
_WORD = np.uint64
_LEAST_OF_RUN = np.uint8(ord("+"))
"""Of the bytes that a long run is made of; blanks, quotes and brackets come before it."""

Search = Callable[[int, int], int]
"""The first place of a match between two places, or -1."""


def suspects(texts: Sequence[str]) -> list[int]:
    """Places of the texts that a guard should read, in order."""
    return [
        start + place
        for start in range(0, len(texts), _AT_ONCE)
        for place in _suspects(texts[start : start + _AT_ONCE])
    ]


def _suspects(texts: Sequence[str]) -> list[int]:
    odd = _odd(texts)
    places = [at for at in range(len(texts)) if at not in odd] if odd else range(len(texts))
    rest = [texts[at] for at in places] if odd else texts
    return sorted(odd.union(places[number] for number in _attacks(Joined(rest))))


def _odd(texts: Sequence[str]) -> set[int]:
    """Places of texts with letters that English does not have, or that are no valid Unicode."""
    if all(map(str.isascii, texts)):
        return set()
    return {at for at, text in enumerate(texts) if not text.isascii() and _is_odd(text)}


def _is_odd(text: str) -> bool:
    try:
        wide = text.encode().translate(None, _ASCII)
    except UnicodeEncodeError:
        return True
    return not USUAL.issuperset(wide.decode())


def _attacks(texts: Joined) -> set[int]:
    """Numbers of the texts with the words of an attack, or with a long run."""
    buffer, end = texts.buffer, len(texts.buffer)
    first, second, long = (_search(one, buffer) for one in (_FIRST, _SECOND, LONG_RUN))
    told = {
        span.number
        for span in texts.found(lambda at: first(at, end))
        if second(span.start, span.end) >= 0
    }
    return told.union(
        span.number
        for span in texts.found(_words_without_blank(buffer))
        if long(span.start, span.end) >= 0
    )


def _search(pattern: str, buffer: bytes) -> Search:
    compiled = _compiled(pattern)

    def search(start: int, end: int) -> int:
        match = compiled.search(buffer, start, end)
        return match.start() if match else -1

    return search


@cache
def _compiled(pattern: str) -> "re2._Regexp":
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = False
    options.never_capture = True
    options.max_mem = _MOST_MEMORY
    options.log_errors = False
    return re2.compile(pattern.encode(), options)


def _words_without_blank(buffer: bytes) -> Callable[[int], int]:
    """Finds four machine words in a row that may be of a long run: each of 40 bytes has them."""
    size = np.dtype(_WORD).itemsize
    blanks = np.frombuffer(buffer, np.uint8, len(buffer) // size * size) < _LEAST_OF_RUN
    clean = blanks.view(_WORD) == 0
    places = np.flatnonzero(clean[:-3] & clean[1:-2] & clean[2:-1] & clean[3:]) * size

    def find(at: int) -> int:
        after = int(np.searchsorted(places, at))
        return int(places[after]) if after < len(places) else -1

    return find
