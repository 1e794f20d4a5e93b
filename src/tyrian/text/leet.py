"""Words with digits and signs for letters."""

from collections.abc import Iterable
from itertools import compress
from string import ascii_letters, digits

import numpy as np

from tyrian.text.offsets import Index
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import Bytes, Source, counts_in, members, runs_of, spread_out
from tyrian.text.words import COMMON, SPELT, STRONG, has_strong, is_evidence

_LEET = dict(zip("0134578@$!|+9", "oieastbasiltg", strict=True))


def _table(signs: dict[str, str]) -> bytes:
    made = bytearray(range(256))
    for sign, letter in signs.items():
        made[ord(sign)] = ord(letter)
    return bytes(made)


AS_I = _table(_LEET)
AS_L = _table({**_LEET, "1": "l", "!": "l", "7": "l"})
_IN_WORD = members(ascii_letters + digits + "@$!|+")
_IS_SIGN = members(digits + "@$!|+")
_IS_DIGIT = members(digits)
MAY_END = b"!|+"
_IS_ENDING = members(MAY_END.decode())
LEAST_GLUED = 16
LEAST_STRONG = 6
_MANY = 3


def leet_pieces(source: Source) -> Pieces:
    """Words with digits and signs for letters, each in its place."""
    data = source.data
    starts, ends = runs_of(_IN_WORD[data])
    signs = counts_in(_IS_SIGN[data], starts, ends)
    mixed = signs > 0
    starts, ends = starts[mixed], ends[mixed]
    if not len(starts):
        return NONE
    stops = _without_marks(data, starts, ends)
    signs = counts_in(_IS_SIGN[data], starts, stops)
    kept = signs > 0
    starts, stops, signs = starts[kept], stops[kept], signs[kept]
    if not len(starts):
        return NONE
    sizes = stops - starts
    at = spread_out(starts, sizes)
    token = data[at]
    breaks = np.cumsum(sizes)
    joined = np.insert(token, breaks, 0x20).tobytes().lower()
    by_i = joined.translate(AS_I).decode("ascii").split()
    by_l = joined.translate(AS_L).decode("ascii").split()
    words_i, words_l = COMMON.intersection(by_i), COMMON.intersection(by_l)
    is_glued = (sizes >= LEAST_GLUED) & (signs >= 3) & (sizes > signs)
    glued = [by_i[n] for n in np.flatnonzero(is_glued).tolist()]
    spelt_glued = has_strong(" ".join(glued), at_least=LEAST_STRONG)
    if not spelt_glued and not is_proven(words_i | words_l, words_i | words_l):
        return NONE
    is_number = counts_in(_IS_DIGIT[data], starts, stops) == sizes
    in_i = np.fromiter([w in words_i for w in by_i], np.bool_, len(by_i))
    in_l = np.fromiter([w in words_l for w in by_l], np.bool_, len(by_l)) & ~in_i
    proof = (in_i | in_l) & ~is_number
    words = [by_i[n] if in_i[n] else by_l[n] for n in np.flatnonzero(proof).tolist()]
    strong = compress(words, (signs[proof] >= 2).tolist())
    if not spelt_glued and not is_proven(set(words), strong):
        return NONE
    chosen = in_i | in_l | (signs < sizes)
    if len(set(words)) >= _MANY:
        # Among so many, short numbers are words as well.
        chosen |= np.fromiter([w in SPELT for w in by_i], np.bool_, len(by_i))
    reading = np.where(
        np.repeat(in_l, sizes),
        np.frombuffer(AS_L, np.uint8)[token],
        np.frombuffer(AS_I, np.uint8)[token],
    )
    codes = reading[np.repeat(chosen, sizes)].astype(np.uint32)
    return Pieces.in_place(starts[chosen], stops[chosen], codes)


def _without_marks(data: Bytes, starts: Index, ends: Index) -> Index:
    """The ends of tokens without the marks that end sentences."""
    place = np.where(_IS_ENDING[data], 0, np.arange(1, len(data) + 1))
    last: Index = np.maximum.accumulate(place)[ends - 1]
    return np.maximum(last, starts)


def is_proven(found: set[str] | frozenset[str], strong: Iterable[str]) -> bool:
    """Two common words, or one of those that attacks are made of."""
    return is_evidence(found) or not STRONG.isdisjoint(strong)
