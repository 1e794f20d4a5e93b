"""Characters given by number: decimal, octal, binary and hexadecimal code points, and A1Z26."""

from string import hexdigits

import numpy as np

from tyrian.text.offsets import Codes, Index, text_of
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import Bools, Bytes, Source, chained, counts_in, members, spread_out
from tyrian.text.words import lines_with_common

_LEAST_NUMBERS = 6
_WIDEST_GAP = 8
_LONGEST = 10
_LEAST_LETTERS = 0.6
_DIGIT = np.full(256, 0xFF, dtype=np.uint8)
for _row in ("0123456789abcdef", "0123456789ABCDEF"):
    _DIGIT[[ord(c) for c in _row]] = np.arange(16)
_IS_HEX = members(hexdigits)
_PLUS = ord("+")


def number_pieces(source: Source) -> Pieces:
    """Numbers in a row that spell words when each is taken for a character."""
    starts, ends = source.tokens
    starts, ends, skip = _without_prefixes(source.data, starts, ends)
    sizes = ends - starts - skip
    good = (sizes >= 1) & (sizes <= _LONGEST)
    good &= _DIGIT[source.data[np.minimum(starts + skip, len(source) - 1)]] != 0xFF
    good &= counts_in(_DIGIT[source.data] >= 16, starts + skip, ends) == 0
    starts, ends, skip = starts[good], ends[good], skip[good]
    if len(starts) < _LEAST_NUMBERS:
        return NONE
    first, stop = chained(starts[1:] - ends[:-1] <= _WIDEST_GAP)
    long = stop - first >= _LEAST_NUMBERS
    first, stop = first[long], stop[long]
    if not len(first):
        return NONE
    at = spread_out(first, stop - first)
    starts, ends, skip, sizes = starts[at], ends[at], skip[at], stop - first
    readings = (_values(source.data, starts, ends, skip, base) for base in (10, 8, 2, 16))
    pieces = NONE
    done = np.zeros(len(sizes), dtype=np.bool_)
    for values, is_valid in readings:
        shown = np.where(is_valid & _is_shown(values), values, 0).astype(np.uint32)
        pieces = _gather(pieces, done, starts, ends, sizes, shown)
    values, is_valid = _values(source.data, starts, ends, skip, 10)
    letters = np.where(is_valid & (values >= 1) & (values <= 26), values + 96, 0)
    return _gather(pieces, done, starts, ends, sizes, letters.astype(np.uint32))


def _without_prefixes(data: Bytes, starts: Index, ends: Index) -> tuple[Index, Index, Index]:
    """How many characters before the digits say which base they are in: 0o, 0b, U of U+."""
    padded = np.append(data, [0, 0])
    lower = padded | 0x20
    is_zero = padded[starts] == ord("0")
    marks = np.isin(lower[starts + 1], [ord("o"), ord("b"), ord("x")])
    return starts, ends, np.where(is_zero & marks & (ends - starts > 2), 2, 0)


def _is_shown(values: Index) -> Bools:
    shown: Bools = ((values >= 0x20) & (values < 0x7F)) | (values == 10) | (values >= 0xA0)
    return shown & (values < 0x3000)


def _values(data: Bytes, starts: Index, ends: Index, skip: Index, base: int) -> tuple[Index, Bools]:
    value = np.zeros(len(starts), dtype=np.intp)
    valid = np.ones(len(starts), dtype=np.bool_)
    place = starts + skip
    for step in range(_LONGEST):
        at = place + step
        inside = at < ends
        digit = _DIGIT[data[np.minimum(at, len(data) - 1)]]
        valid &= ~inside | (digit < base)
        value = np.where(inside, value * base + digit, value)
    return value, valid


def _gather(
    pieces: Pieces, done: Bools, starts: Index, ends: Index, sizes: Index, codes: Codes
) -> Pieces:
    """The pieces, and the chains not done yet that this reading makes words of."""
    begins = np.cumsum(sizes) - sizes
    good = (np.logical_and.reduceat(codes > 0, begins)) & ~done
    is_letter = ((codes | 0x20) >= 0x61) & ((codes | 0x20) <= 0x7A) | (codes == 0x20)
    is_letter |= codes >= 0xA0
    good &= np.add.reduceat(is_letter.astype(np.intp), begins) >= sizes * _LEAST_LETTERS
    number = np.flatnonzero(good)
    if not len(number):
        return pieces
    at = spread_out(begins[number], sizes[number])
    text = text_of(codes[at])
    stops = np.cumsum(sizes[number])
    lines = [
        text[a:b] for a, b in zip((stops - sizes[number]).tolist(), stops.tolist(), strict=True)
    ]
    spelt = np.array(lines_with_common([line.replace("\n", " ") for line in lines]))
    number = number[spelt]
    if not len(number):
        return pieces
    done[number] = True
    first, last = begins[number], begins[number] + sizes[number] - 1
    made = codes[spread_out(first, sizes[number])]
    found = Pieces(
        starts[first], ends[last], sizes[number], made, np.zeros(len(number), dtype=np.intp)
    )
    return pieces.merged(found) if len(pieces) else found
