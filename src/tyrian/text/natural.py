"""Does a text read like a language at all, or does it once its letters are put back?

Words prove a cipher where they are known (`ciphers`); pairs of letters prove it in languages whose
words are not. Every line counts its pairs once, and each way to read it is one sum over 27 x 27.
"""

from collections.abc import Iterator
from functools import cache
from string import ascii_lowercase

import numpy as np
import numpy.typing as npt

from tyrian.text.offsets import Index
from tyrian.text.source import OTHER, Source, counts_in
from tyrian.text.words import SPELT

Costs = npt.NDArray[np.float64]

REVERSED, ATBASH = 0, 26
"""Ways to read beside the shifts by 1 to 25."""
_SIGNS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_STEP = 0.25
# python -m training.letter_pairs: what each letter (then a blank) costs behind each other one.
_ROWS = (
    "ihegukfgdogca8lew9baglpifl6"
    "7qAo8tAh8aDdys7CEdkueCBFbB9"
    "8whDaGD8cobexu7AGbh9dqHImjc"
    "8wBj6Aus8xvlfjapGekrdmsFfj6"
    "hmdeflhofmicf8ljo9aclegcon5"
    "9xABcdsD7DzjBn5DE8kjhDBEkn7"
    "8zxs8AhjawkglfeuEaglcAEEky4"
    "8vsi6EEoarwdem8wGesbczzEhG7"
    "cmccaigxslhbe7bdqec9sgzuim9"
    "8xBh4gri9smjpi8nCrfC9AvCzva"
    "7Cnw6DydaFjcvjcDFgegbtsFfq6"
    "8loj5qgzaskapn9hrzhgdntIjH7"
    "6jus6BCwatIhdnb8HuhrfEsHkw7"
    "avfbag9kdgnopecutze8hjtGjq5"
    "hhedgfhrekhca8heK7dcdmfkmt8"
    "9CCjawxfdxu7to9bIaecjGgEfz7"
    "vxyymyvyxyybxyxyqvrx1xwyxy9"
    "9pkf7rhr8uigigajxfecfkoKhl6"
    "dldm9pzgcyhfkicemuc8bilHlk4"
    "aqrg8sta8xofir9iLbfeesllip6"
    "dcbkalkmfjjab9fcA8bblotpim9"
    "8mwt5CAD4CDqwu9CDjrDhoDEyA9"
    "9rsv5ABe8Cwsw9auEm8poCwBfD8"
    "2BsAoACzeACzzzrfBzB7xADyzz6"
    "8rhoduoDhnphjhahEnfdjDrAsp2"
    "8hnj6onn8Ajjjidpzjngfyivah6"
    "bcbbbdhechfdceebjca9ggfnjlQ"
)
_BLANK = 26
_SIZE = _BLANK + 1
_NO_PAIR = _SIZE * _SIZE - 1
"""A blank behind a blank."""
_EDGE = np.full(1, 0x20, dtype=np.uint8)
_FIRST = np.zeros(1, dtype=np.intp)
_LINE_END = 0x0A
_LEAST = 24
"""Pairs below which a line proves nothing."""
_LIKELY = 3.0
"""What a pair of a language may cost, in nats."""
_ODD = 2.8
"""From this cost on a line is read in other ways too."""
_GAIN, _GAIN_TURNED = 0.45, 0.17
"""By how much the other way must be cheaper; a language turned round keeps many of its pairs."""
_SELDOM = 8
"""One known word in so many, and the text is read as it stands."""


@cache
def _costs() -> Costs:
    """-ln of the share of each letter behind each other one."""
    flat = [_SIGNS.index(sign) * _STEP for sign in "".join(_ROWS)]
    return np.array(flat).reshape(_SIZE, _SIZE)


@cache
def _ways() -> tuple[tuple[int, ...], Costs]:
    """The ways to read, and for each what the pairs as they stand cost when they are read so."""
    costs = _costs()
    letters = np.arange(_SIZE)
    names, tables = [REVERSED], [costs.T]
    for shift in range(1, 26):
        plain = np.append((letters[:_BLANK] - shift) % _BLANK, _BLANK)
        names.append(shift)
        tables.append(costs[np.ix_(plain, plain)])
    turned = np.append(letters[:_BLANK][::-1], _BLANK)
    names.append(ATBASH)
    tables.append(costs[np.ix_(turned, turned)])
    return tuple(names), np.stack(tables).reshape(len(names), _SIZE * _SIZE)


@cache
def _numbers() -> npt.NDArray[np.uint8]:
    table = np.full(256, _BLANK, dtype=np.uint8)
    for number, letter in enumerate(ascii_lowercase):
        table[[ord(letter), ord(letter.upper())]] = number
    return table


def odd_lines(source: Source) -> Iterator[tuple[int, int, int]]:
    """(way to read it, start, end) of lines that read like a language only in that way."""
    words = source.vocabulary
    if len(words & SPELT) * _SELDOM >= len(words):
        return
    data = source.data
    numbers = _numbers()[np.concatenate((_EDGE, data, _EDGE))].astype(np.intp)
    pairs = numbers[:-1] * _SIZE + numbers[1:]
    costs = _costs().ravel()[pairs]
    costs[pairs == _NO_PAIR] = 0.0
    counted = pairs != _NO_PAIR
    breaks = np.flatnonzero(data == _LINE_END)
    starts = np.concatenate((_FIRST, breaks + 1))
    ends = np.append(breaks, len(data))
    total = counts_in(counted, starts, ends + 1)
    plain = _sums(costs, starts, ends + 1) / np.maximum(total, 1)
    others = counts_in(data == OTHER, starts, ends)
    worth = (total >= _LEAST) & (plain > _ODD) & (others == 0)
    for number in np.flatnonzero(worth).tolist():
        start, end = int(starts[number]), int(ends[number])
        way = _way(pairs[start : end + 1], float(plain[number]))
        if way is not None:
            yield way, start, end


def _way(pairs: npt.NDArray[np.intp], plain: float) -> int | None:
    """The way to read these pairs, where one is like a language and clearly cheaper."""
    names, tables = _ways()
    kept = pairs[pairs != _NO_PAIR]
    counts = np.bincount(kept, minlength=_SIZE * _SIZE).astype(np.float64)
    read = tables @ counts / len(kept)
    best = int(read.argmin())
    gain = _GAIN_TURNED if names[best] == REVERSED else _GAIN
    return names[best] if read[best] < min(_LIKELY, plain - gain) else None


def _sums(values: Costs, starts: Index, ends: Index) -> Costs:
    total = np.zeros(len(values) + 1)
    np.cumsum(values, out=total[1:])
    sums: Costs = total[ends] - total[starts]
    return sums
