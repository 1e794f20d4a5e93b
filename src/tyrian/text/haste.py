"""What hasty fingers do to short words, to blanks, and twice to longer words.

Each alone proves nothing, so `respell` asks only for a text that is full of slips.
"""

from functools import cache

from tyrian.text.words import SPELT, STRONG

_SHORTEST, _SHORT = 2, 5
_LONG = 6
_MOST = 2


@cache
def _short_slips() -> dict[str, str]:
    """Short words with two letters swapped, or one typed twice, where that is no word."""
    table: dict[str, str] = {}
    for word in sorted(SPELT, key=lambda w: (len(w), w)):
        if not _SHORTEST <= len(word) <= _SHORT:
            continue
        for at in range(len(word)):
            doubled = word[: at + 1] + word[at:]
            swapped = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
            for slip in (doubled, swapped):
                if slip not in SPELT:
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
        if abs(len(meant) - len(word)) <= _MOST and _distance(word, meant) <= _MOST:
            return meant
    return None


def _distance(word: str, meant: str) -> int:
    """Letters to change, leave out, put in or swap with their neighbours."""
    before: list[int] = []
    row = list(range(len(meant) + 1))
    for i, letter in enumerate(word, 1):
        last, row = row, [i]
        for j, other in enumerate(meant, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == meant[j - 2] and word[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before = last
    return row[-1]


def split_anew(left: str, right: str) -> tuple[str, str] | None:
    """Two words with the blank between them one letter further, where that makes known ones."""
    if left in SPELT and right in SPELT:
        return None
    for pair in ((left + right[0], right[1:]), (left[:-1], left[-1] + right)):
        if all(word in SPELT for word in pair):
            return pair
    return None
