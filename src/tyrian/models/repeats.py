"""A few words that are said over and over, said twice.

The linear models add up what all n-grams of a window say, and one small weight a hundred times over
would outweigh everything else.
"""

import re

import numpy as np

_LONGEST = 4
"""Words of what may be repeated."""
_KEPT = 2
"""How often it is kept."""
_LEAST_WORDS, _LEAST_PER_WORD = 12, 3
"""Words of a text, and how often it has each of them on average, for a search to be worth it."""
_WORD = re.compile(r"\S+")


def said_twice(text: str) -> str:
    """The text with blanks for all that repeats once more the one to four words before it.

    It is as long as before, so that places in it stay; takes time linear in it.
    """
    words = text.split()
    numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
    if len(words) < _LEAST_WORDS or len(numbers) * _LEAST_PER_WORD > len(words):
        return text
    said = np.fromiter(map(numbers.__getitem__, words), np.intp, len(words))
    is_again = np.zeros(len(words), dtype=np.bool_)
    for size in range(1, _LONGEST + 1):
        same = np.concatenate(([False], said[size:] == said[:-size], [False]))
        edges = np.flatnonzero(same[1:] != same[:-1])
        for start, end in zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=True):
            is_again[start + _KEPT * size : end + size] = True
    if not is_again.any():
        return text
    places = [found.span() for found in _WORD.finditer(text)]
    kept: list[str] = []
    at = 0
    for number in np.flatnonzero(is_again).tolist():
        start, end = places[number]
        kept += (text[at:start], " " * (end - start))
        at = end
    return "".join((*kept, text[at:]))
