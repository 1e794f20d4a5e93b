"""Bytes written in digits: base64, base32, hexadecimal, binary. Find, prove, decode them."""

from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits, hexdigits

import numpy as np

from tyrian.text.offsets import Index
from tyrian.text.readable import as_texts
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import (
    Bools,
    Bytes,
    Source,
    chained,
    counts_in,
    members,
    runs_of,
    spread_out,
)

_NO_DIGIT = 0xFF
_GROUPS = {1: 8, 4: 2, 5: 8, 6: 4}
"""How many digits of so many bits make whole bytes."""


def _values(*rows: str) -> Bytes:
    """A table from ASCII to the value of a digit; each row gives the digits from 0 on."""
    table = np.full(256, _NO_DIGIT, dtype=np.uint8)
    for row in rows:
        table[[ord(c) for c in row]] = np.arange(len(row))
    return table


_BASE64 = _values(ascii_uppercase + ascii_lowercase + digits + "+/")
_BASE64[[ord("-"), ord("_")]] = 62, 63
_BASE32 = _values(ascii_uppercase + "234567", ascii_lowercase + "234567")
_HEX = _values("0123456789abcdef", "0123456789ABCDEF")
_BINARY = _values("01")


def packed(values: Bytes, sizes: Index, bits: int) -> tuple[Bytes, Index]:
    """Bytes of runs of digits of so many bits each, and how many for each run."""
    group = _GROUPS[bits]
    width = group * bits // 8
    rows = -(-sizes // group)
    padded = np.zeros(int(rows.sum()) * group, dtype=np.uint8)
    firsts = np.cumsum(rows) - rows
    padded[spread_out(firsts * group, sizes)] = values
    table = padded.reshape(-1, group)
    words = np.zeros(len(table), dtype=np.uint64)
    for column in range(group):
        words = (words << np.uint64(bits)) | table[:, column]
    shifts = np.arange(8 * (width - 1), -1, -8, dtype=np.uint64)
    data = ((words[:, None] >> shifts) & np.uint64(0xFF)).astype(np.uint8).ravel()
    lengths = sizes * bits // 8
    return data[spread_out(firsts * width, lengths)], lengths


def _decoded(
    source: Source, starts: Index, ends: Index, table: Bytes, bits: int, skip: Bools | None = None
) -> Pieces:
    """Pieces of the ranges whose digits are text; other characters in a range are passed over."""
    if not len(starts):
        return NONE
    sizes = ends - starts
    at = spread_out(starts, sizes)
    values = table[source.data[at]]
    is_digit = values != _NO_DIGIT
    if skip is not None:
        is_digit &= ~skip[at]
    counts = counts_in(is_digit, np.cumsum(sizes) - sizes, np.cumsum(sizes))
    codes, lengths = as_texts(*packed(values[is_digit], counts, bits))
    good = lengths > 0
    return Pieces(starts[good], ends[good], lengths[good], codes, np.zeros(good.sum(), np.intp))


_LONG = 16
_LEAST_LINE = 4
_SHORT = 6
_IN_BASE64 = members(ascii_letters + digits + "+/-_")
_NEWLINE, _RETURN, _EQUALS = 10, 13, 61


def base64_pieces(source: Source) -> Pieces:
    """Base64, standard or URL-safe, in one line, wrapped, or in groups."""
    data = source.data
    starts, ends = runs_of(_IN_BASE64[data])
    sizes = ends - starts
    kept = sizes >= _LEAST_LINE
    starts, ends, sizes = starts[kept], ends[kept], sizes[kept]
    if not len(starts):
        return NONE
    padded = np.append(data, [0, 0, 0])
    pads = (padded[ends] == _EQUALS).astype(np.intp)
    pads += (pads == 1) & (padded[ends + 1] == _EQUALS)
    first, last = _blocks(data, starts, ends, sizes)
    wrapped = _decoded(source, starts[first], ends[last] + pads[last], _BASE64, 6)
    is_line = sizes >= _LONG
    follows = padded[ends + pads]
    is_padded = (sizes >= _SHORT) & (pads > 0) & ~_ALNUM[follows] & (follows != _EQUALS)
    is_padded &= (starts == 0) | (data[starts - 1] != _EQUALS)
    lone = np.flatnonzero(is_line | is_padded)
    lone = lone[~_inside(starts[lone], wrapped)]
    single = _decoded(source, starts[lone], (ends + pads)[lone], _BASE64, 6)
    return wrapped.merged(single) if len(wrapped) else single


_ALNUM = members(ascii_letters + digits)


def _blocks(data: Bytes, starts: Index, ends: Index, sizes: Index) -> tuple[Index, Index]:
    """First and last run of what is wrapped over lines, or split into groups of four digits."""
    if len(starts) < 2:
        none = np.zeros(0, np.intp)
        return none, none
    gaps = starts[1:] - ends[:-1]
    after = data[ends[:-1]]
    is_wrapped = (gaps == 1) & (after == _NEWLINE)
    is_wrapped |= (gaps == 2) & (after == _RETURN)
    # A block starts at its first long line.
    linked = is_wrapped & _since_long(is_wrapped, sizes)
    first, stop = chained(linked)
    many = stop - first > 1
    return first[many], stop[many] - 1


def _since_long(linked: Bools, sizes: Index) -> Bools:
    """For each link, whether a long run stands at its left in the same chain."""
    first, stop = chained(linked)
    is_long = (sizes >= _LONG).astype(np.intp)
    total = np.cumsum(is_long)
    before = np.repeat(total[first] - is_long[first], stop - first)
    since: Bools = (total - before)[:-1] > 0
    return since


def _inside(positions: Index, pieces: Pieces) -> Bools:
    """Which positions lie inside of a piece."""
    if not len(pieces):
        return np.zeros(len(positions), dtype=np.bool_)
    number = np.searchsorted(pieces.starts, positions, side="right") - 1
    inside: Bools = (number >= 0) & (positions < pieces.ends[np.maximum(number, 0)])
    return inside


_SURPLUS = np.array([0, 1, 0, 1, 0, 0, 1, 0])
"""Base32 digits that no whole byte needs, by their number modulo 8."""


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
    starts, ends = (places[(upper == sizes) | (lower == sizes)] for places in (starts, ends))
    return _decoded(source, starts, ends - _SURPLUS[(ends - starts) % 8], _BASE32, 5)


_UPPER32 = members(ascii_uppercase + "234567")
_LOWER32 = members(ascii_lowercase + "234567")


_IS_HEX = members(hexdigits)
_PAIR_GAP = members(" :,-;.\n\t|_/")
_LEAST_PAIRS = 6
_LEAST_PREFIXED = 4
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
    group = np.where(is_even, sizes + 64 * heads, -np.arange(len(starts)) - 1)
    gaps = starts[1:] - ends[:-1]
    near = (gaps == 1) | ((gaps == 2) & (_PAIR_GAP[data[starts[1:] - 1]] | (heads[1:] == 1)))
    near &= _PAIR_GAP[data[ends[:-1]]] | (heads[1:] == 1)
    first, stop = chained(near & (group[1:] == group[:-1]))
    last = stop - 1
    count = stop - first
    total = count * sizes[first]
    kind = heads[first]
    good = is_even[first] & (
        ((kind == 0) & (count >= _LEAST_PAIRS))
        | ((kind == 0) & (total >= _PLAIN) & (sizes[first] >= 4))
        | ((kind > 0) & (count >= _LEAST_PREFIXED))
        | ((kind == 2) & (total >= _PREFIXED))
    )
    first, last = first[good], last[good]
    begins = starts[first] - (heads[first] == 1)
    return _decoded(source, begins, ends[last], _HEX, 4, skip[:-1])


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
    return _decoded(source, starts[first[kept]], ends[stop[kept] - 1], _BINARY, 1)
