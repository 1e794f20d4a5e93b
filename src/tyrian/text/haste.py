"""What hasty fingers do to short words, to blanks, and twice to longer words.

Each alone proves nothing, so `respell` asks only for a text that is full of slips.
"""

from functools import cache

from tyrian.text.lexicon import lexicon
from tyrian.text.slips import distance
from tyrian.text.words import SPELT, STRONG

_SHORTEST, _SHORT = 2, 5
_LONG = 6
_MOST = 2


@cache
def _short_slips() -> dict[str, str]:
    """Short words with two letters swapped, or one typed twice, where that is no word."""
    table: dict[str, str] = {}
    known = lexicon()
    plain = sorted(SPELT, key=lambda w: (len(w), w))
    for word in (*plain, *sorted(known.frequent.keys() - SPELT)):
        if not _SHORTEST <= len(word) <= _SHORT:
            continue
        for at in range(len(word)):
            doubled = word[: at + 1] + word[at:]
            swapped = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
            for slip in (doubled, swapped):
                if slip not in SPELT and slip not in known.known:
                    table.setdefault(slip, word)
    return table


@cache
def _strong_by_edge() -> dict[str, tuple[str, ...]]:
    """Words of attacks by how they begin and by how they end."""
    table: dict[str, tuple[str, ...]] = {}
    for word in sorted(word for word in STRONG if len(word) >= _LONG):
        for edge in (word[:2] + "-", "-" + word[-2:]):
            table[edge] = (*table.get(edge, ()), word)
    return table


def hasty_correction(word: str) -> str | None:
    """The short word, or the word of attacks, that this one stands for."""
    if len(word) < _LONG:
        return _short_slips().get(word)
    table = _strong_by_edge()
    for meant in table.get(word[:2] + "-", ()) + table.get("-" + word[-2:], ()):
        if abs(len(meant) - len(word)) <= _MOST and distance(word, meant) <= _MOST:
            return meant
    return None


def split_anew(left: str, right: str) -> tuple[str, str] | None:
    """Two words with the blank between them one letter further, where that makes known ones."""
    if (_is_known(left) and _is_known(right)) or (len(left) == 1 and right in SPELT):
        return None
    for pair in ((left + right[0], right[1:]), (left[:-1], left[-1] + right)):
        if all(_is_common(word) for word in pair):
            return pair
    return None


def _is_known(word: str) -> bool:
    return word in SPELT or word in lexicon().known


def _is_common(word: str) -> bool:
    return word in SPELT or word in lexicon().frequent
