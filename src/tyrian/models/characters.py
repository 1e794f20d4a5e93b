"""The characters of a text as its n-grams see them: in lower case, of a class, blank runs made one.

Classes and hashes stand in tables by code point. Most texts fit into Latin-1, for which the small
tables, and the bytes methods of C, are enough.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]
Points = npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
"""Code points, in the smallest type that holds all of a text."""

SEPARATOR, LETTER, IDEOGRAPH, BLANK, DIGIT = 0, 1, 2, 3, 4


def constant(value: int) -> U64:
    """A factor or a shift for arrays; one without dimensions is taken faster than a scalar."""
    return np.array(value, dtype=np.uint64)


SCRAMBLE = constant(0xD6E8FEB86659FD93)
HALF = constant(32)
_ONE = constant(1)
_NEXT = np.array(1, dtype=np.int64)
_LATIN, _BASIC = 0x100, 0x10000
_ZERO = 0x30
"""All digits count as this one, so that numbers of a length are one gram."""
_SPACE = 0x20
"""All blanks count as this one."""
_BLANK, _TWO_BLANKS = b" ", b"  "
_DOTTED = "\u0130"
"""The only letter that is two in lower case."""
_IN_WORD = np.array([False, True, False, False, True])


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    """What each code point below 0x10000 is; the last of them stands for everything beyond."""

    kinds: U8
    codes: U64
    """The hash of each by itself."""
    latin_codes: U64
    latin_kinds: bytes
    latin_shown: bytes
    """Latin-1 with one blank for all of them."""


def _scrambled(points: U64) -> U64:
    codes = (points + _ONE) * SCRAMBLE
    codes ^= codes >> HALF
    return codes


def _kinds() -> U8:
    table = np.full(_BASIC, LETTER, dtype=np.uint8)
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
    table[0xFFFF] = SEPARATOR
    table[[0x205F, 0x3000, 0xFEFF, 0x1680]] = BLANK
    for zero in (0x30, 0x660, 0x6F0, 0x966, 0xFF10):
        table[zero : zero + 10] = DIGIT
    table[0xAA] = table[0xB5] = table[0xBA] = LETTER
    return table


@cache
def _tables() -> _Tables:
    kinds = _kinds()
    points = np.arange(_BASIC, dtype=np.uint64)
    points[kinds == DIGIT] = _ZERO
    points[kinds == BLANK] = _SPACE
    codes = _scrambled(points)
    latin = kinds[:_LATIN]
    shown = np.where(latin == BLANK, _SPACE, np.arange(_LATIN)).astype(np.uint8)
    return _Tables(kinds, codes, codes[:_LATIN].copy(), latin.tobytes(), shown.tobytes())


@dataclass(frozen=True, eq=False)
class Characters:
    """The characters of one text with a blank before and after, blank runs made one."""

    points: Points
    """In Latin-1, all blanks are one."""
    kinds: U8
    """The class of every character."""
    given: U8 | None
    """The class of every character before runs were made one; None where there were none."""

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def letters(self) -> U32:
        """A code point per character."""
        points = self.points.astype(np.uint32)
        points[self.kinds == BLANK] = _SPACE
        return points

    @cached_property
    def origin(self) -> I64:
        """Per character, without the blanks around, its index in the text."""
        if self.given is None:
            return np.arange(len(self) - 2, dtype=np.int64)
        return _kept(self.given)[1:-1].nonzero()[0]

    def span(self, first: int, last: int) -> tuple[int, int]:
        """The place in the text of the characters `first` to `last`, the blanks around left out."""
        if self.given is None:
            return first, last + 1
        return int(self.origin[first]), int(self.origin[last]) + 1

    def hashes(self) -> U64:
        """The hash of every character, in an array of its own."""
        tables = _tables()
        if self.points.dtype == np.uint8:
            return tables.latin_codes.take(self.points)
        codes = tables.codes.take(self.points, mode="clip")
        if self.points.dtype == np.uint32:
            beyond = self.points >= _BASIC
            codes[beyond] = _scrambled(self.points[beyond].astype(np.uint64))
        return codes

    def words(self) -> tuple[I64, I64]:
        """Starts and ends; a character of a script without blanks is a word of its own."""
        is_word = _IN_WORD.take(self.kinds)
        # The text begins and ends with a blank, so every word has a place before and after it.
        places = (is_word[1:] != is_word[:-1]).nonzero()[0]
        places += _NEXT
        starts, ends = places[0::2], places[1::2]
        if self.points.dtype != np.uint8:
            own = (self.kinds == IDEOGRAPH).nonzero()[0]
            if len(own):
                starts = np.sort(np.concatenate((starts, own)))
                ends = np.sort(np.concatenate((ends, own + 1)))
        return starts, ends


def characters_of(text: str) -> Characters:
    """The characters of a text."""
    framed = f" {text.replace(_DOTTED, 'i').lower()} "
    try:
        return _latin(framed.encode("latin-1"))
    except UnicodeEncodeError:
        return _wide(framed)


def _latin(raw: bytes) -> Characters:
    tables = _tables()
    kinds = given = np.frombuffer(raw.translate(tables.latin_kinds), dtype=np.uint8)
    shown = raw.translate(tables.latin_shown)
    if _TWO_BLANKS not in shown:
        return Characters(np.frombuffer(shown, dtype=np.uint8), kinds, None)
    # The blank at the very end is none of the text's.
    shown = shown[:-1]
    while _TWO_BLANKS in shown:
        shown = shown.replace(_TWO_BLANKS, _BLANK)
    shown += _BLANK
    kinds = np.frombuffer(shown.translate(tables.latin_kinds), dtype=np.uint8)
    return Characters(np.frombuffer(shown, dtype=np.uint8), kinds, given)


def _wide(framed: str) -> Characters:
    raw = framed.encode("utf-16-le", "surrogatepass")
    points: Points = np.frombuffer(raw, dtype="<u2")
    if len(points) > len(framed):
        points = np.frombuffer(framed.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    kinds = _tables().kinds.take(points, mode="clip")
    kept = _kept(kinds)
    if kept.all():
        return Characters(points, kinds, None)
    return Characters(points[kept], kinds[kept], kinds)


def _kept(kinds: U8) -> Bools:
    """The first of each blank run; the blank at the very end always."""
    blank = kinds == BLANK
    kept = np.ones(len(blank), dtype=np.bool_)
    np.logical_not(blank[1:-1] & blank[:-2], out=kept[1:-1])
    return kept
