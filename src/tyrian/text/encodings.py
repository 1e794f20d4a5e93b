"""Bytes written in digits: base32, hexadecimal, binary. Find, prove, decode them."""

from string import ascii_lowercase, ascii_uppercase, hexdigits

import numpy as np

from tyrian.text.digits import decoded, decoded_words, values_of
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import Source, chained, counts_in, members

_BASE32 = values_of(ascii_uppercase + "234567", ascii_lowercase + "234567")
_HEX = values_of("0123456789abcdef", "0123456789ABCDEF")
_BINARY = values_of("01")


_LONG = 16
_SURPLUS = np.array([0, 1, 0, 1, 0, 0, 1, 0])
"""Base32 digits that no whole byte needs, by their number modulo 8."""


_LONG_SMALL = 26
"""Long words in small letters are words."""


def base32_pieces(source: Source) -> Pieces:
    """Base32 in letters of one case."""
    data = source.data
    starts, ends = source.tokens
    kept = ends - starts >= _LONG
    starts, ends = starts[kept], ends[kept]
    if not len(starts):
        return NONE
    sizes = ends - starts
    upper, lower = (counts_in(alphabet[data], starts, ends) for alphabet in (_UPPER32, _LOWER32))
    good = (upper == sizes) | ((lower == sizes) & (sizes >= _LONG_SMALL))
    starts, ends = starts[good], ends[good]
    return decoded(source, starts, ends - _SURPLUS[(ends - starts) % 8], _BASE32, 5)


_UPPER32 = members(ascii_uppercase + "234567")
_LOWER32 = members(ascii_lowercase + "234567")


_IS_HEX = members(hexdigits)
_IS_HEX_LETTER = members("abcdefABCDEF")
_PAIR_GAP = members(" :,-;.\n\t|_/")
_LEAST_PAIRS = 6
_LEAST_PREFIXED = 4
_LONG_GROUP = 6
_PLAIN, _PREFIXED = 16, 12
_BACKSLASH, _ZERO, _X = 0x5C, 0x30, 0x78


def hex_pieces(source: Source) -> Pieces:
    """Hexadecimal bytes: plain, in groups, with 0x, \\x or % before each or all."""
    data = source.data
    starts, ends = source.tokens
    if not len(starts):
        return NONE
    # 0x may stand before each byte, with no sign between.
    skip = np.zeros(len(data) + 1, dtype=np.bool_)
    at = np.flatnonzero((data[:-1] == _ZERO) & (data[1:] == _X))
    skip[at] = skip[at + 1] = True
    is_slashed = (data[starts] == _X) & (data[np.maximum(starts - 1, 0)] == _BACKSLASH)
    skip[starts[is_slashed]] = True
    heads = np.where(is_slashed, 1, np.where(skip[starts], 2, 0))
    sizes = ends - starts - counts_in(skip[:-1], starts, ends)
    bad = counts_in(~_IS_HEX[data] & ~skip[:-1], starts, ends)
    is_even = (bad == 0) & (sizes >= 2) & (sizes % 2 == 0)
    if not is_even.any():
        return NONE
    gaps = starts[1:] - ends[:-1]
    near = (gaps == 1) | ((gaps == 2) & (_PAIR_GAP[data[starts[1:] - 1]] | (heads[1:] == 1)))
    near &= _PAIR_GAP[data[ends[:-1]]] | (heads[1:] == 1)
    near &= is_even[1:] & is_even[:-1] & (heads[1:] == heads[:-1])
    first, stop = chained(near)
    count = stop - first
    total = counts_in(sizes, first, stop)
    kind = heads[first]
    good = is_even[first] & (
        ((kind == 0) & (count >= _LEAST_PAIRS))
        | ((kind == 0) & (total >= _PLAIN))
        | ((kind > 0) & (count >= _LEAST_PREFIXED))
        | ((kind == 2) & (total >= _PREFIXED))
    )
    first, stop = first[good], stop[good]
    if not len(first):
        return NONE
    # Groups of many sizes are words of their own, unless there are blanks among the bytes.
    longest = np.maximum.reduceat(sizes, first)
    is_words = (heads[first] == 0) & (longest >= _LONG_GROUP) & (stop - first >= 3)
    is_words &= longest > np.minimum.reduceat(sizes, first)
    words = decoded_words(source, (starts, ends), first[is_words], stop[is_words], _HEX, 4)
    begins = starts[first] - (heads[first] == 1)
    whole = decoded(source, begins, ends[stop - 1], _HEX, 4, skip[:-1])
    if not len(whole):
        return words
    has_blank = (
        counts_in(whole.codes == 0x20, np.cumsum(whole.sizes) - whole.sizes, np.cumsum(whole.sizes))
        > 0
    )
    # Pairs of plain digits without one blank among them are numbers.
    lettered = counts_in(_IS_HEX_LETTER[data], whole.starts, whole.ends) > 0
    whole, has_blank = whole.only(has_blank | lettered), has_blank[has_blank | lettered]
    if not len(words):
        return whole
    kept = has_blank | ~np.isin(whole.starts, words.starts)
    words = words.only(~np.isin(words.starts, whole.starts[kept]))
    return whole.only(kept).merged(words)


_BITS = members("01")
_BIT_GAP = members(" ,\n\t-_|")
_LEAST_BYTES = 4


def binary_pieces(source: Source) -> Pieces:
    """Eight binary digits a byte."""
    data = source.data
    starts, ends = source.tokens
    sizes = ends - starts
    good = (sizes >= 8) & (sizes % 8 == 0)
    starts, ends, sizes = starts[good], ends[good], sizes[good]
    if not len(starts):
        return NONE
    good = counts_in(_BITS[data], starts, ends) == sizes
    starts, ends, sizes = starts[good], ends[good], sizes[good]
    if not len(starts):
        return NONE
    near = (starts[1:] - ends[:-1] == 1) & _BIT_GAP[data[ends[:-1]]]
    first, stop = chained(near)
    kept = counts_in(sizes, first, stop) >= 8 * _LEAST_BYTES
    return decoded(source, starts[first[kept]], ends[stop[kept] - 1], _BINARY, 1)
