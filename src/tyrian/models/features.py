"""Hashed character and word n-grams of a text, as flat numpy arrays.

Every n-gram is taken from prefix sums of a polynomial hash modulo 2**64, so a gram of any length
costs one subtraction and one multiplication: no Python loop, linear in the text. Weights are looked
up per gram and summed per window by cumulative sums, which makes overlapping windows free.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from tyrian.models.characters import HALF, SCRAMBLE, U8, Characters, characters_of, constant
from tyrian.models.characters import I64 as I64
from tyrian.models.characters import SEPARATOR as SEPARATOR
from tyrian.models.characters import U32 as U32
from tyrian.models.characters import U64 as U64

F64 = npt.NDArray[np.float64]

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
_SHIFT = constant(64 - TABLE_BITS)
# A column each: a key per row of hashes.
_CHAR_KEYS = np.array(
    [[0xC2B2AE3D27D4EB4F], [0x165667B19E3779F9], [0xA0761D6478BD642F]], dtype=np.uint64
)
_WORD_KEYS = np.array(
    [[0xE7037ED1A0B428DB], [0x8EBC6AF09C88C6E3], [0x589965CC75374CC3], [0x1D8E4E27C47D124F]],
    dtype=np.uint64,
)
_FIRST, _SECOND, _THIRD, _APART = map(constant, (3, 0x51ED270B, 0x2545F4914F6CDD1D, 7))
"""What the hashes of the words of a pair, of a triple, and of a pair apart are multiplied by."""
_TWO_ZEROS = np.zeros(2, dtype=np.uint64)
_WORDS_FROM = np.array(TABLE_SIZE, dtype=np.uint32)
_LONGEST = max(CHAR_ORDERS)
_ITEM = 8
"""Bytes of a hash."""
_LEAST_POWERS = 1 << 10


@cache
def _powers(size: int) -> tuple[U64, U64]:
    """1, base, base**2, ... modulo 2**64, and the same of the inverse of the base."""
    steps = np.stack((np.full(size, _BASE), np.full(size, _BASE_INVERSE)))
    steps[:, 0] = 1
    powers, inverses = np.cumprod(steps, axis=1, dtype=np.uint64)
    return powers, inverses


@dataclass(frozen=True, eq=False)
class Grams:
    """The n-grams of one text, with their places.

    Blank runs count as one character, so places are in the *compacted* text; `origin` maps them
    back to the text that was given.
    """

    characters: Characters
    chars: U32
    """A row per order: the bucket of the gram that starts at each character."""
    words: U32
    """A row per slot: the bucket of the gram that starts at each word."""
    word_starts: I64
    word_ends: I64
    word_hashes: U64
    """Per word, a hash of its letters alone."""

    @property
    def length(self) -> int:
        """Characters of the compacted text, one blank before and after included."""
        return len(self.characters)

    @property
    def kinds(self) -> U8:
        """The class of every character."""
        return self.characters.kinds

    @property
    def letters(self) -> U32:
        """The compacted text itself, in lower case: a code point per character."""
        return self.characters.letters

    @property
    def origin(self) -> I64:
        """Per compacted character, without the blanks around, its index in the text given."""
        return self.characters.origin

    @cached_property
    def mass(self) -> F64:
        """How many grams start before each place."""
        mass = np.empty(self.length + 1)
        mass.fill(len(CHAR_ORDERS))
        mass[0] = 0.0
        mass[1:][self.word_starts] = len(CHAR_ORDERS) + WORD_SLOTS
        return np.add.accumulate(mass, out=mass)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the given text of compacted characters `start` to `end`."""
        last = self.length - 3
        if last < 0:
            return 0, 0
        first = min(max(start - 1, 0), last)
        return self.characters.span(first, min(max(end - 2, first), last))


def _prefix(hashes: U64, powers: U64) -> U64:
    """Sums of the hashes before each place, and the last of them for the longest gram more."""
    length = len(hashes)
    prefix = np.empty(length + 1 + _LONGEST, dtype=np.uint64)
    prefix[0] = 0
    hashes *= powers[:length]
    np.add.accumulate(hashes, out=prefix[1 : length + 1])
    prefix[length + 1 :] = prefix[length]
    return prefix


def _char_hashes(prefix: U64, inverses: U64, out: U64) -> None:
    length = len(inverses)
    # A view of the prefix per order, as far ahead as its grams are long.
    ends = np.ndarray(out.shape, np.uint64, prefix, CHAR_ORDERS[0] * _ITEM, (_ITEM, _ITEM))
    np.subtract(ends, prefix[:length], out=out)
    out *= inverses


def _word_hashes(one: U64, out: U64) -> None:
    """From the hashes of words, those of every slot."""
    out[0] = one
    pair, triple, apart = out[1], out[2], out[3]
    padded = np.concatenate((one, _TWO_ZEROS))
    two, three = padded[1:-1], padded[2:]
    np.multiply(one, _FIRST, out=pair)
    pair += two * _SECOND
    np.multiply(three, _THIRD, out=triple)
    triple += pair
    np.multiply(three, _APART, out=apart)
    apart += one


def grams_of(text: str) -> Grams:
    """All n-grams of a text."""
    characters = characters_of(text)
    length = len(characters)
    powers, inverses = _powers(max(_LEAST_POWERS, 1 << (length + 1).bit_length()))
    prefix = _prefix(characters.hashes(), powers)
    starts, ends = characters.words()
    one = prefix.take(ends)
    one -= prefix.take(starts)
    one *= inverses.take(starts)
    one ^= one >> HALF
    one *= SCRAMBLE
    # Character and word grams lie in one array, so that what both need is one step.
    cut = len(CHAR_ORDERS) * length
    hashes = np.empty(cut + WORD_SLOTS * len(one), dtype=np.uint64)
    chars, words = hashes[:cut].reshape(-1, length), hashes[cut:].reshape(WORD_SLOTS, -1)
    _char_hashes(prefix, inverses[:length], chars)
    _word_hashes(one, words)
    hashes ^= hashes >> HALF
    chars *= _CHAR_KEYS
    words *= _WORD_KEYS
    hashes >>= _SHIFT
    buckets = hashes.astype(np.uint32)
    buckets[cut:] += _WORDS_FROM
    return Grams(
        characters,
        buckets[:cut].reshape(-1, length),
        buckets[cut:].reshape(WORD_SLOTS, -1),
        starts,
        ends,
        one,
    )
