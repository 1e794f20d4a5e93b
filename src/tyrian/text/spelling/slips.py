"""What fingers do to a word, and how readily they do it."""

ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_REACH = 1.5
"""Keys between the centres of two that a finger may take for each other, each row half a key in."""
_PLACES = {key: (at + row / 2, row) for row, keys in enumerate(ROWS) for at, key in enumerate(keys)}

READY, MORE, NEAR, FAR = 1, 4, 8, 1000
"""Letters swapped, doubled or left out; one too many; a key beside the right one; any other."""


def slips(word: str, meant: str) -> int:
    """Letters to change, leave out, put in or swap; counted up to the plain way there."""
    a, b = _differing(word, meant)[:2]
    if len(a) == len(b) == 2 and a == b[::-1]:
        return 1
    return max(len(a), len(b))


def effort(word: str, meant: str) -> int | None:
    """How far fetched it is that who meant the one typed the other; None for more than a slip."""
    typed, wanted, at = _differing(word, meant)
    if len(typed) == len(wanted) == 2 and typed == wanted[::-1]:
        return READY
    if len(typed) > 1 or len(wanted) > 1:
        return None
    if not typed:
        return READY
    if not wanted:
        return READY if typed in (word[at - 1 : at], word[at + 1 : at + 2]) else MORE
    return NEAR if _is_beside(typed, wanted) else FAR


def distance(word: str, meant: str) -> int:
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


def _differing(word: str, meant: str) -> tuple[str, str, int]:
    """What is left of both without what they begin and end with alike, and where it begins."""
    start, shorter = 0, min(len(word), len(meant))
    while start < shorter and word[start] == meant[start]:
        start += 1
    end = 0
    while end < shorter - start and word[-1 - end] == meant[-1 - end]:
        end += 1
    return word[start : len(word) - end], meant[start : len(meant) - end], start


def _is_beside(key: str, other: str) -> bool:
    if key not in _PLACES or other not in _PLACES:
        return False
    (x, row), (x_other, row_other) = _PLACES[key], _PLACES[other]
    return abs(x - x_other) < _REACH and abs(row - row_other) <= 1
