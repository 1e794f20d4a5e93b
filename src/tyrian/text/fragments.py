"""Words broken where no word ends: by blanks, hyphens, line ends, dots, quotes."""

from collections import Counter
from collections.abc import Collection
from functools import cache
from string import ascii_letters

import numpy as np
from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

from tyrian.text.offsets import Index
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import (
    Bools,
    Source,
    as_rows,
    close_together,
    counts_in,
    members,
    within_reach,
)
from tyrian.text.words import COMMON, SPELT, STRONG

_LEAST = 5
_WIDEST_GAP = 4
_IS_LETTER = members(ascii_letters)
_NO_LETTERS = bytes(c for c in range(256) if not (c < 0x80 and chr(c).isalpha()))
_LEAST_BROKEN = 3


@cache
def _long_words() -> tuple[BytesAhoCorasick, tuple[str, ...]]:
    words = tuple(sorted(word for word in COMMON if len(word) >= _LEAST))
    finder = BytesAhoCorasick(
        [word.encode() for word in words],
        matchkind=MatchKind.LeftmostLongest,
        implementation=Implementation.DFA,
    )
    return finder, words


def has_broken_words(source: Source) -> bool:
    """True where longer words turn up once all that is no letter is gone, but not before."""
    finder, words = _long_words()
    spaced = source.spaced
    glued = spaced.translate(None, _NO_LETTERS)
    inside = [number for number, _, _ in finder.find_matches_as_indexes(glued)]
    plain = [number for number, _, _ in finder.find_matches_as_indexes(spaced)]
    if inside == plain:
        return False
    surplus = Counter(inside)
    surplus.subtract(plain)
    return _is_proven([words[number] for number, more in surplus.items() if more > 0])


def _is_proven(broken: Collection[str]) -> bool:
    """Two words or more, one of them such as attacks use, or still more of any kind."""
    return len(broken) >= _LEAST_BROKEN or (len(broken) == 2 and not STRONG.isdisjoint(broken))


def fragment_pieces(source: Source) -> Pieces:
    """Broken words put together, when there are several and they are such as attacks use."""
    at = np.flatnonzero(_IS_LETTER[source.data])
    finder, words = _long_words()
    glued = source.spaced.translate(None, _NO_LETTERS)
    matches = finder.find_matches_as_indexes(glued)
    if not matches:
        return NONE
    found = as_rows(matches)
    first, last = found[:, 1], found[:, 2] - 1
    found = found[at[last] - at[first] > last - first]
    if not len(found):
        return NONE
    gaps = np.diff(at, append=len(source)) - 1
    found = found[counts_in(gaps > _WIDEST_GAP, found[:, 1], found[:, 2] - 1) == 0]
    if not len(found):
        return NONE
    starts, ends = at[found[:, 1]], at[found[:, 2] - 1] + 1
    good = _are_broken(source, starts, ends)
    found, starts, ends = found[good], starts[good], ends[good]
    proven = found[_are_aligned(source, starts, ends)]
    if not len(proven):
        return NONE
    first, stop = close_together(at[proven[:, 1]])
    spans = zip(first.tolist(), stop.tolist(), strict=True)
    is_proven = [_is_proven({words[n] for n in proven[a:b, 0].tolist()}) for a, b in spans]
    if not any(is_proven):
        return NONE
    places = at[proven[:, 1]]
    near = within_reach(starts, places[first[is_proven]], places[stop[is_proven] - 1])
    return _whole(source, words, found[near, 0], starts[near], ends[near])


def _are_broken(source: Source, starts: Index, ends: Index) -> Bools:
    """False for what falls into words of its own, and for letters that all stand alone."""
    text = source.text
    runs = [text[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    verdicts = {run: _is_broken(run) for run in set(runs)}
    return np.fromiter([verdicts[run] for run in runs], np.bool_, len(runs))


def _are_aligned(source: Source, starts: Index, ends: Index) -> Bools:
    """Words that begin where a fragment or nothing else begins, and end likewise."""
    data = np.append(source.data, 0)
    begins = (starts == 0) | ~_IS_LETTER[data[starts - 1]]
    stops = ~_IS_LETTER[data[ends]]
    begins[1:] |= starts[1:] == ends[:-1]
    stops[:-1] |= starts[1:] == ends[:-1]
    aligned: Bools = begins & stops
    return aligned


def _is_broken(run: str) -> bool:
    parts = "".join(c if c.isalpha() else " " for c in run.lower()).split()
    return any(part not in SPELT for part in parts) and any(len(part) > 1 for part in parts)


def _whole(
    source: Source, words: tuple[str, ...], numbers: Index, starts: Index, ends: Index
) -> Pieces:
    """Each broken word in one, parted from the letters that it shared a fragment with."""
    data = np.append(source.data, 0)
    is_cut_before = _IS_LETTER[data[starts - 1]] & (starts > 0)
    is_cut_after = _IS_LETTER[data[ends]]
    touches = np.zeros(len(starts), dtype=np.bool_)
    touches[1:] = starts[1:] == ends[:-1]
    before, after = (is_cut_before & ~touches).tolist(), is_cut_after.tolist()
    texts = [
        " " * first + words[number] + " " * last
        for number, first, last in zip(numbers.tolist(), before, after, strict=True)
    ]
    return Pieces.of_texts(starts, ends, texts)
