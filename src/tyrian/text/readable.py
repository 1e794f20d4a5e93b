"""Are these bytes text beyond doubt? One by one, or thousands of runs at once."""

from string import ascii_letters

import numpy as np

from tyrian.text import tables as t
from tyrian.text.offsets import Codes, Index, text_of
from tyrian.text.source import Bools, Bytes, counts_in, members, spread_out

_SAMPLE = 4096
_LEAST_TEXT = 4
_BEYOND_CHANCE = 24
_WIDE_SAMPLE = 64
_LEAST_WIDE = 8
_CUT = 3
"""So many last bytes may be the beginning of a character that was cut off."""


def as_text(data: bytes) -> str:
    """The bytes as text where they are text beyond doubt, else empty."""
    codes, _ = as_texts(np.frombuffer(data, dtype=np.uint8), np.array([len(data)], dtype=np.intp))
    return text_of(codes)


def as_texts(data: Bytes, sizes: Index) -> tuple[Codes, Index]:
    """The same for runs of bytes: the code points of all texts joined, and their lengths.

    A run is UTF-8 or UTF-16, nearly free of controls, and prose or longer than chance makes
    ASCII. What is no text has length 0.
    """
    if not len(sizes):
        return np.zeros(0, np.uint32), sizes
    wide = _is_wide(data, sizes)
    if not wide.any():
        return _judged(*_utf_8(data, sizes))
    begins = np.cumsum(sizes) - sizes
    narrow_codes, narrow_sizes = _utf_8(data[spread_out(begins[~wide], sizes[~wide])], sizes[~wide])
    wide_codes, wide_sizes = _utf_16(data, begins[wide], sizes[wide])
    lengths = np.zeros(len(sizes), dtype=np.intp)
    lengths[~wide], lengths[wide] = narrow_sizes, wide_sizes
    places = np.zeros(len(sizes), dtype=np.intp)
    places[~wide] = np.cumsum(narrow_sizes) - narrow_sizes
    places[wide] = len(narrow_codes) + np.cumsum(wide_sizes) - wide_sizes
    codes = np.concatenate((narrow_codes, wide_codes))[spread_out(places, lengths)]
    return _judged(codes, lengths)


def _is_wide(data: Bytes, sizes: Index) -> Bools:
    """Runs with an empty byte in every second place, as UTF-16 writes ASCII."""
    none = np.zeros(len(sizes), dtype=np.bool_)
    if data.all():
        return none
    begins = np.cumsum(sizes) - sizes
    candidates = np.flatnonzero(sizes >= _LEAST_WIDE)
    candidates = candidates[(data[begins[candidates] + 1] == 0) & (data[begins[candidates]] != 0)]
    if not len(candidates):
        return none
    shown = np.minimum(sizes[candidates], _WIDE_SAMPLE)
    at = spread_out(begins[candidates], shown)
    is_odd = (at - np.repeat(begins[candidates], shown)) % 2 == 1
    full = np.add.reduceat(is_odd & (data[at] != 0), np.cumsum(shown) - shown)
    none[candidates[full == 0]] = True
    return none


def _utf_16(data: Bytes, begins: Index, sizes: Index) -> tuple[Codes, Index]:
    lengths = sizes // 2
    joined = data[spread_out(begins, lengths * 2)].view("<u2").astype(np.uint32)
    joined[(joined >= 0xD800) & (joined <= 0xDFFF)] = 0xFFFD
    return joined, lengths


def _utf_8(data: Bytes, sizes: Index) -> tuple[Codes, Index]:
    """Code points of each run; a run with bad bytes before its end comes back empty."""
    if not (data & 0x80).any():
        return data.astype(np.uint32), sizes
    doomed = _doomed(data, sizes)
    if doomed.any():
        # Most runs of chance bytes end here, before the dear part.
        data, kept_sizes = data[np.repeat(~doomed, sizes)], sizes[~doomed]
        codes, some = (
            _utf_8(data, kept_sizes) if len(data) else (data.astype(np.uint32), kept_sizes)
        )
        lengths = np.zeros(len(sizes), dtype=np.intp)
        lengths[~doomed] = some
        return codes, lengths
    owner = np.repeat(np.arange(len(sizes)), sizes)
    codes, begins = decode_units(data, owner)
    runs = owner[begins]
    lengths = np.bincount(runs, minlength=len(sizes))
    bad = np.flatnonzero(codes == BAD)
    if not len(bad):
        return codes, lengths
    ends = np.cumsum(sizes)
    first = np.full(len(sizes), len(data) + 1)
    # The last value written stands, so the bad bytes are gone through from the back.
    first[runs[bad[::-1]]] = begins[bad[::-1]]
    is_bad = first < ends - _CUT
    kept = ~is_bad[runs] & (begins < first[runs])
    return codes[kept], np.bincount(runs[kept], minlength=len(sizes))


def _doomed(data: Bytes, sizes: Index) -> Bools:
    """Runs in which a byte that only goes on stands behind ASCII, before their end."""
    lonely = np.zeros(len(data), dtype=np.bool_)
    lonely[1:] = ((data[1:] & 0xC0) == 0x80) & (data[:-1] < 0x80)
    ends = np.cumsum(sizes)
    starts = np.minimum(ends - sizes + 1, ends)
    return counts_in(lonely, starts, np.maximum(ends - _CUT, starts)) > 0


BAD = 0xFFFFFFFF
"""Stands for a byte that is no part of a character."""

_LENGTHS = np.zeros(256, dtype=np.uint8)
_LENGTHS[0xC2:0xE0], _LENGTHS[0xE0:0xF0], _LENGTHS[0xF0:0xF5] = 2, 3, 4
_LEAST_SECOND = np.full(256, 0x80, dtype=np.uint8)
_MOST_SECOND = np.full(256, 0xBF, dtype=np.uint8)
# No overlong forms, no surrogates, nothing beyond U+10FFFF (Unicode 15, table 3-7).
_LEAST_SECOND[[0xE0, 0xF0]] = 0xA0, 0x90
_MOST_SECOND[[0xED, 0xF4]] = 0x9F, 0x8F


def decode_units(data: Bytes, runs: Index) -> tuple[Codes, Index]:
    """UTF-8 of runs of bytes, each run by itself, where `runs` numbers the run of each byte.

    For each character its code point, `BAD` for each bad byte, and the place of its first byte.
    """
    codes = data.astype(np.uint32)
    if not (data & 0x80).any():
        return codes, np.arange(len(data))
    codes[data >= 0x80] = BAD
    is_inside = np.zeros(len(data), dtype=np.bool_)
    padded = np.concatenate((data, np.zeros(3, dtype=np.uint8)))
    owner = np.concatenate((runs, np.full(3, -1)))
    lengths = _LENGTHS[data]
    for length in (2, 3, 4):
        at = np.flatnonzero(lengths == length)
        lead, second = padded[at], padded[at + 1]
        good = (second >= _LEAST_SECOND[lead]) & (second <= _MOST_SECOND[lead])
        value = lead.astype(np.uint32) & np.uint32(0x7F >> length)
        for step in range(1, length):
            unit = padded[at + step]
            good &= ((unit & 0xC0) == 0x80) & (owner[at + step] == owner[at])
            value = (value << np.uint32(6)) | (unit & np.uint32(0x3F))
        at = at[good]
        codes[at] = value[good]
        for step in range(1, length):
            is_inside[at + step] = True
    begins = np.flatnonzero(~is_inside)
    return codes[begins], begins


_IS_LETTER = members(ascii_letters + " ")
_IS_CONTROL = members("".join(map(chr, (*range(9), 11, 12, *range(14, 32), 127))))


def _judged(codes: Codes, sizes: Index) -> tuple[Codes, Index]:
    """The texts that are text beyond doubt; the others come back empty."""
    if not len(codes):
        return codes, sizes
    starts = np.cumsum(sizes) - sizes
    shown = np.minimum(sizes, _SAMPLE)
    ends = starts + shown
    small = np.minimum(codes, 0x80).astype(np.uint8)
    is_letter, is_control = _IS_LETTER[small], _IS_CONTROL[small]
    foreign = small == 0x80
    if has_foreign := bool(foreign.any()):
        beyond = codes[foreign]
        is_letter = is_letter.copy()
        is_letter[foreign] = (t.tables().flags[beyond] & t.LETTER) != 0
        is_control[foreign] = (beyond < 0xA0) | (beyond == 0xFFFD)
    letters = counts_in(is_letter, starts, ends)
    is_prose = letters * 10 >= shown * 6
    is_long = shown >= _BEYOND_CHANCE
    if has_foreign:
        is_long &= counts_in(foreign, starts, ends) == 0
    good = (is_prose | is_long) & (shown >= _LEAST_TEXT)
    good &= counts_in(is_control, starts, ends) * 30 <= shown
    good &= _is_varied(codes, starts, ends)
    lengths = np.where(good, sizes, 0)
    return codes[np.repeat(good, sizes)], lengths


def _is_varied(codes: Codes, starts: Index, ends: Index) -> Bools:
    """True where a range has more than two different characters."""
    varied = np.zeros(len(starts), dtype=np.bool_)
    full = np.flatnonzero(ends > starts)
    if not len(full):
        return varied
    sizes = (ends - starts)[full]
    part = codes[spread_out(starts[full], sizes)]
    firsts = np.cumsum(sizes) - sizes
    low = np.repeat(np.minimum.reduceat(part, firsts), sizes)
    high = np.repeat(np.maximum.reduceat(part, firsts), sizes)
    varied[full] = np.logical_or.reduceat((part != low) & (part != high), firsts)
    return varied
