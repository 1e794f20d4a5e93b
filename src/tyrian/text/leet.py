"""Words with digits and signs for letters."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import compress
from string import ascii_letters, digits

import numpy as np

from tyrian.text.offsets import Index
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import (
    Bools,
    Bytes,
    Source,
    close_together,
    counts_in,
    members,
    runs_of,
    spread_out,
    within_reach,
)
from tyrian.text.spelling.lexicon import lexicon
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
_APOSTROPHE = ord("'")
_MANY = 3
_LEAST_KNOWN = 5
"""Letters from which chance makes no words of a large list."""
LEAST_MIXED = 4
"""Words with digits between letters that prove a text to be leet without any known word."""
_MOSTLY = 0.5
_MIXED = re.compile(r"[A-Za-z][0-9@$!|+]+[A-Za-z]|^[0-9@$]+[A-Za-z]{2}|[A-Za-z]{2}[0-9]+$")


@dataclass(frozen=True, slots=True, eq=False)
class _Tokens:
    """Words with signs in them, as they stand and in both readings."""

    starts: Index
    stops: Index
    signs: Index
    letters: Bytes
    by_i: list[str]
    by_l: list[str]

    @property
    def sizes(self) -> Index:
        return self.stops - self.starts

    def words(self) -> list[str]:
        """The tokens as they stand."""
        ends = np.cumsum(self.sizes).tolist()
        letters = self.letters.tobytes().decode("latin-1")
        return [letters[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def _tokens(data: Bytes) -> _Tokens | None:
    starts, ends = runs_of(_IN_WORD[data])
    mixed = counts_in(_IS_SIGN[data], starts, ends) > 0
    starts, ends = starts[mixed], ends[mixed]
    if not len(starts):
        return None
    stops = _without_marks(data, starts, ends)
    signs = counts_in(_IS_SIGN[data], starts, stops)
    kept = signs > 0
    starts, stops, signs = starts[kept], stops[kept], signs[kept]
    letters = data[spread_out(starts, stops - starts)]
    joined = np.insert(letters, np.cumsum(stops - starts), 0x20).tobytes().lower()
    by_i = joined.translate(AS_I).decode("ascii").split()
    by_l = joined.translate(AS_L).decode("ascii").split()
    return _Tokens(starts, stops, signs, letters, by_i, by_l) if len(starts) else None


def leet_pieces(source: Source) -> Pieces:
    """Words with digits and signs for letters, each in its place."""
    tokens = _tokens(source.data)
    if tokens is None:
        return NONE
    sizes = tokens.sizes
    words_i, words_l = words_in(tokens.by_i), words_in(tokens.by_l)
    glued = _glued(tokens)
    if not len(glued) and not is_proven(words_i | words_l, words_i | words_l):
        return (
            _all_read(tokens, source, words_l) if _is_written_throughout(tokens, source) else NONE
        )
    in_i = np.fromiter([w in words_i for w in tokens.by_i], np.bool_, len(sizes))
    in_l = np.fromiter([w in words_l for w in tokens.by_l], np.bool_, len(sizes)) & ~in_i
    is_number = counts_in(_IS_DIGIT[source.data], tokens.starts, tokens.stops) == sizes
    proof = np.flatnonzero((in_i | in_l) & ~is_number)
    words = [tokens.by_i[n] if in_i[n] else tokens.by_l[n] for n in proof.tolist()]
    low, high = _proven(tokens.starts[proof], words, tokens.signs[proof] >= 2)
    chosen = in_i | in_l | (tokens.signs < sizes)
    if len(set(words)) >= _MANY:
        # Among so many, short numbers are words as well.
        chosen |= np.fromiter([w in SPELT for w in tokens.by_i], np.bool_, len(sizes))
    is_near = within_reach(tokens.starts, low, high) if len(low) else np.zeros_like(chosen)
    is_near[glued] = True
    chosen &= is_near
    if (tokens.signs < sizes).sum() >= max(LEAST_MIXED, _MOSTLY * len(source.tokens[0])):
        return _all_read(tokens, source, words_l - words_i)
    return _pieces(tokens, chosen, in_l)


def words_in(readings: list[str]) -> frozenset[str]:
    """The common ones, and long ones that are known."""
    knows = lexicon().knows
    long = (word for word in readings if len(word) >= _LEAST_KNOWN)
    return COMMON.intersection(readings) | frozenset(filter(knows, long))


def _is_written_throughout(tokens: _Tokens, source: Source) -> bool:
    """True where half of a text are words with digits in them: in any language."""
    if len(tokens.sizes) < LEAST_MIXED:
        return False
    mixed = sum(_MIXED.search(word) is not None for word in tokens.words())
    return mixed >= max(LEAST_MIXED, _MOSTLY * len(source.tokens[0]))


def _all_read(tokens: _Tokens, source: Source, words_l: frozenset[str]) -> Pieces:
    """All tokens; numbers only where they read as a word."""
    known = lexicon().known
    in_l = np.fromiter([word in words_l for word in tokens.by_l], np.bool_, len(tokens.sizes))
    chosen = tokens.signs < tokens.sizes
    # What follows an apostrophe is no number: it ends a word.
    chosen |= source.data[np.maximum(tokens.starts - 1, 0)] == _APOSTROPHE
    chosen |= np.fromiter([w in SPELT or w in known for w in tokens.by_i], np.bool_, len(chosen))
    return _pieces(tokens, chosen, in_l)


def _pieces(tokens: _Tokens, chosen: Bools, in_l: Bools) -> Pieces:
    reading = np.where(
        np.repeat(in_l, tokens.sizes), _SHOWN_L[tokens.letters], _SHOWN_I[tokens.letters]
    )
    codes = reading[np.repeat(chosen, tokens.sizes)].astype(np.uint32)
    return Pieces.in_place(tokens.starts[chosen], tokens.stops[chosen], codes)


_SHOWN_I, _SHOWN_L = (np.frombuffer(table, np.uint8) for table in (AS_I, AS_L))


def _glued(tokens: _Tokens) -> Index:
    """Long tokens in which a word of attacks stands."""
    sizes = tokens.sizes
    long = (sizes >= LEAST_GLUED) & (tokens.signs >= 3) & (sizes > tokens.signs)
    numbers = np.flatnonzero(long)
    if not has_strong(" ".join([tokens.by_i[n] for n in numbers.tolist()]), at_least=LEAST_STRONG):
        return numbers[:0]
    return numbers


def _proven(starts: Index, words: list[str], is_signed: Bools) -> tuple[Index, Index]:
    """Where words that prove each other begin, first and last of each group."""
    if not words:
        return starts, starts
    first, stop = close_together(starts)
    good = [
        is_proven(set(words[a:b]), compress(words[a:b], is_signed[a:b].tolist()))
        for a, b in zip(first.tolist(), stop.tolist(), strict=True)
    ]
    return starts[first[good]], starts[stop[good] - 1]


def _without_marks(data: Bytes, starts: Index, ends: Index) -> Index:
    """The ends of tokens without the marks that end sentences."""
    place = np.where(_IS_ENDING[data], 0, np.arange(1, len(data) + 1))
    last: Index = np.maximum.accumulate(place)[ends - 1]
    return np.maximum(last, starts)


def is_proven(found: set[str] | frozenset[str], strong: Iterable[str]) -> bool:
    """Two common words, or one of those that attacks are made of."""
    return is_evidence(found) or not STRONG.isdisjoint(strong)
