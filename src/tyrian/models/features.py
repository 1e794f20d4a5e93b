"""Hashed character and word n-grams of a text, as flat numpy arrays.

Every n-gram is taken from prefix sums of a polynomial hash modulo 2**64, so a gram of any length
costs one subtraction and one multiplication: no Python loop, linear in the text. Weights are looked
up per gram and summed per window by cumulative sums, which makes overlapping windows free.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]

CHAR_ORDERS = (3, 4, 5)
WORD_SLOTS = 4
"""Single words, pairs, triples, and pairs with one word between them."""
TABLE_BITS = 18
TABLE_SIZE = 1 << TABLE_BITS
"""Buckets for character grams, and as many again for word grams."""
BLOCK = 1 << 17
"""Characters that are hashed at a time, so that memory stays bounded."""

_BASE = np.uint64(0x9E3779B97F4A7C15)
_BASE_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
_SCRAMBLE = np.uint64(0xD6E8FEB86659FD93)
_SHIFT = np.uint64(64 - TABLE_BITS)
_HALF = np.uint64(32)
_CHAR_KEYS = np.array([0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xA0761D6478BD642F], dtype=np.uint64)
_WORD_KEYS = np.array(
    [0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3, 0x589965CC75374CC3, 0x1D8E4E27C47D124F],
    dtype=np.uint64,
)
_PAIR = np.array([3, 0x51ED270B, 0x2545F4914F6CDD1D, 7], dtype=np.uint64)
_ONE = np.uint64(1)
_TWO_ZEROS = np.zeros(2, dtype=np.uint64)
_LONGEST = max(CHAR_ORDERS)
_ANY_DIGIT = np.uint64(((48 + 1) * 0xD6E8FEB86659FD93) & ((1 << 64) - 1))
"""All digits count as this one, so that numbers of a length are one gram."""

SEPARATOR, LETTER, IDEOGRAPH, BLANK, DIGIT = 0, 1, 2, 3, 4
_IN_WORD = np.array([False, True, False, False, True])


@cache
def _classes() -> U8:
    """The class of every code point below 0x10000; built on first use."""
    table = np.full(0x10000, LETTER, dtype=np.uint8)
    for first, last in (
        (0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7),
        (0x2010, 0x2027), (0x2030, 0x205E), (0x20A0, 0x20CF), (0x2100, 0x2BFF), (0x3001, 0x303F),
        (0xFE10, 0xFE6F), (0xFF01, 0xFF0F), (0x060C, 0x060C), (0x061B, 0x061F), (0x0964, 0x0965),
        (0xD800, 0xF8FF), (0x30FB, 0x30FB), (0xFF1A, 0xFF20),
    ):  # fmt: skip
        table[first : last + 1] = SEPARATOR
    for first, last in (
        (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF),
        (0x3040, 0x30FA), (0x30FC, 0x9FFF), (0xF900, 0xFAFF),
    ):  # fmt: skip
        table[first : last + 1] = IDEOGRAPH
    for first, last in ((0x00, 0x20), (0x7F, 0xA0), (0x2000, 0x200F), (0x2028, 0x202F)):
        table[first : last + 1] = BLANK
    table[0xFFFF] = SEPARATOR  # stands for everything beyond
    table[[0x205F, 0x3000, 0xFEFF, 0x1680]] = BLANK
    for zero in (0x30, 0x660, 0x6F0, 0x966, 0xFF10):
        table[zero : zero + 10] = DIGIT
    table[0xAA] = table[0xB5] = table[0xBA] = LETTER
    return table


@cache
def _powers(size: int, base: int) -> U64:
    """1, base, base**2, ... modulo 2**64."""
    steps = np.full(size, np.uint64(base), dtype=np.uint64)
    steps[0] = 1
    return np.cumprod(steps, dtype=np.uint64)


def _powers_for(length: int) -> tuple[U64, U64]:
    size = 1 << max(10, (length + 1).bit_length())
    return _powers(size, int(_BASE)), _powers(size, int(_BASE_INVERSE))


@dataclass(frozen=True, slots=True)
class Grams:
    """The n-grams of one text, with their places.

    Blank runs count as one character, so places are in the *compacted* text; `origin` maps them
    back to the text that was given.
    """

    length: int
    """Characters of the compacted text, one blank before and after included."""
    chars: U32
    """A row per order: the bucket of the gram that starts at each character."""
    words: U32
    """A row per slot: the bucket of the gram that starts at each word."""
    word_starts: I64
    word_ends: I64
    word_hashes: U64
    """Per word, a hash of its letters alone."""
    kinds: U8
    """The class of every character."""
    letters: U32
    """The compacted text itself, in lower case: a code point per character."""
    mass: F64
    """How many grams start before each place."""
    origin: I64
    """Per compacted character, its index in the text given."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the given text of compacted characters `start` to `end`."""
        if not len(self.origin):
            return 0, 0
        first = min(max(start - 1, 0), len(self.origin) - 1)
        last = min(max(end - 2, first), len(self.origin) - 1)
        return int(self.origin[first]), int(self.origin[last]) + 1


def _compact(text: str) -> tuple[U32, U8, I64]:
    """Lower-case code points with blank runs made one, their classes, and where they were."""
    lower = text.replace("\u0130", "i").lower()
    points = np.frombuffer(lower.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    kinds = _classes().take(points, mode="clip")
    blank = kinds == BLANK
    doubled = blank.copy()
    doubled[1:] &= blank[:-1]
    doubled[:1] = blank[:1]
    kept = np.flatnonzero(~doubled)
    size = len(kept)
    framed = np.full(size + 2, 32, dtype=np.uint32)
    classes = np.full(size + 2, BLANK, dtype=np.uint8)
    classes[1:-1] = kinds[kept]
    framed[1:-1] = points[kept]
    framed[classes == BLANK] = 32
    return framed, classes, kept


def _buckets(hashes: U64, keys: U64) -> U32:
    """A row of buckets per row of hashes."""
    hashes ^= hashes >> _HALF
    hashes *= keys[:, None]
    hashes >>= _SHIFT
    return hashes.astype(np.uint32)


def _words(kinds: U8) -> tuple[I64, I64]:
    """Starts and ends of words; a character of a script without blanks is a word of its own."""
    is_word = _IN_WORD[kinds]
    is_own = kinds == IDEOGRAPH
    # The text begins and ends with a blank, so every word has a place before and after it.
    changes = is_word[1:] != is_word[:-1]
    places = np.flatnonzero(changes) + 1
    starts, ends = places[0::2], places[1::2]
    if is_own.any():
        own = np.flatnonzero(is_own)
        starts = np.sort(np.concatenate((starts, own)))
        ends = np.sort(np.concatenate((ends, own + 1)))
    return starts, ends


def _word_hashes(one: U64) -> U64:
    """From the hashes of words, those of every slot."""
    padded = np.concatenate((one, _TWO_ZEROS))
    two, three = padded[1:-1], padded[2:]
    pair = one * _PAIR[0] + two * _PAIR[1]
    return np.stack((one, pair, pair + three * _PAIR[2], one + three * _PAIR[3]))


def grams_of(text: str) -> Grams:
    """All n-grams of a text."""
    points, kinds, origin = _compact(text)
    length = len(points)
    powers, inverses = _powers_for(length)
    codes = (points.astype(np.uint64) + _ONE) * _SCRAMBLE
    codes[kinds == DIGIT] = _ANY_DIGIT
    codes ^= codes >> _HALF
    codes *= powers[:length]
    prefix = np.empty(length + 1 + _LONGEST, dtype=np.uint64)
    prefix[0] = 0
    np.cumsum(codes, out=prefix[1 : length + 1])
    prefix[length + 1 :] = prefix[length]
    ends = np.stack([prefix[order : order + length] for order in CHAR_ORDERS])
    ends -= prefix[:length]
    ends *= inverses[:length]
    chars = _buckets(ends, _CHAR_KEYS)
    starts, stops = _words(kinds)
    one = (prefix[stops] - prefix[starts]) * inverses[starts]
    one = (one ^ (one >> _HALF)) * _SCRAMBLE
    words = _buckets(_word_hashes(one), _WORD_KEYS)
    words += np.uint32(TABLE_SIZE)
    per_place = np.full(length + 1, float(len(CHAR_ORDERS)))
    per_place[0] = 0.0
    per_place[starts + 1] += WORD_SLOTS
    mass = np.cumsum(per_place)
    return Grams(length, chars, words, starts, stops, one, kinds, points, mass, origin)
