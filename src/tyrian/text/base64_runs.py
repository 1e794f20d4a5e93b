"""Base64: in one line, wrapped over lines, split into groups, word by word."""

from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits

import numpy as np

from tyrian.text.digits import decoded, decoded_chains, decoded_words, values_of
from tyrian.text.offsets import Index
from tyrian.text.rewrite import NONE, Pieces
from tyrian.text.source import Bools, Bytes, Source, chained, counts_in, members, runs_of

_BASE64 = values_of(ascii_uppercase + ascii_lowercase + digits + "+/")
_BASE64[[ord("-"), ord("_")]] = 62, 63
_LONG = 16
_LEAST_LINE = 4
_SHORT = 6
_IN_BASE64 = members(ascii_letters + digits + "+/-_")
_NEWLINE, _RETURN, _EQUALS = 10, 13, 61


def base64_pieces(source: Source) -> Pieces:
    """Base64, standard or URL-safe, in one line, wrapped, or in groups."""
    data = source.data
    padded = np.append(data, [0, 0, 0])
    starts, ends = runs_of(_IN_BASE64[data])
    pads = (padded[ends] == _EQUALS).astype(np.intp)
    pads += (pads == 1) & (padded[ends + 1] == _EQUALS)
    sizes = ends - starts
    kept = (sizes >= _LEAST_LINE) | ((sizes >= 2) & (sizes + pads == _LEAST_LINE))
    starts, ends, sizes, pads = starts[kept], ends[kept], sizes[kept], pads[kept]
    if not len(starts):
        return NONE
    stops = ends + pads
    first, last = _blocks(data, starts, ends, sizes)
    pieces = decoded(source, starts[first], stops[last], _BASE64, 6)
    pieces = _beside(pieces, _grouped(source, starts, ends, stops))
    follows = padded[stops]
    is_padded = (sizes >= _SHORT) & (pads > 0) & ~_ALNUM[follows] & (follows != _EQUALS)
    is_padded &= (sizes + pads) % 4 == 0
    is_padded &= (starts == 0) | (data[starts - 1] != _EQUALS)
    lone = np.flatnonzero((sizes >= _LONG) | is_padded)
    lone = lone[~_inside(starts[lone], pieces)]
    return _beside(pieces, decoded(source, starts[lone], stops[lone], _BASE64, 6))


def _beside(pieces: Pieces, others: Pieces) -> Pieces:
    """Both, where the others do not begin inside of the pieces."""
    others = others.only(~_inside(others.starts, pieces)) if len(pieces) else others
    if not len(others):
        return pieces
    return pieces.merged(others) if len(pieces) else others


_WIDEST_GAP = 6


def _grouped(source: Source, starts: Index, ends: Index, stops: Index) -> Pieces:
    """Groups of whole fours with signs or blanks between, or words encoded one by one."""
    data = source.data
    near = (stops - starts)[:-1] % 4 == 0
    near &= starts[1:] - stops[:-1] <= _WIDEST_GAP
    near &= counts_in(_ALNUM[data], stops[:-1], starts[1:]) == 0
    is_like = _is_like_digits(data, starts, ends)
    runs, sizes = (starts, stops), ends - starts
    goes_on = (stops == ends)[:-1]
    first, stop = _chains(near & goes_on, is_like, sizes)
    whole = decoded_chains(source, runs, first, stop, _BASE64, 6)
    # What holds no blank may be words that were encoded one by one.
    made = np.cumsum(whole.sizes)
    whole = whole.only(counts_in(whole.codes == 0x20, made - whole.sizes, made) > 0)
    first, stop = _chains(near, is_like, sizes)
    return _beside(whole, decoded_words(source, runs, first, stop, _BASE64, 6))


def _chains(near: Bools, is_like: Bools, sizes: Index) -> tuple[Index, Index]:
    """First and past-last run of the chains, without plain words at either end."""
    first, stop = chained(near)
    number = np.arange(len(is_like))
    last = np.maximum.reduceat(np.where(is_like, number, -1), first)
    first = np.minimum.reduceat(np.where(is_like, number, len(number)), first)
    fit = last > first
    first, stop = first[fit], last[fit] + 1
    like = counts_in(is_like, first, stop)
    fit = (like * 4 >= (stop - first) * 3) & (counts_in(sizes, first, stop) >= _LONG)
    return first[fit], stop[fit]


def _is_like_digits(data: Bytes, starts: Index, ends: Index) -> Bools:
    """Runs that no word looks like: large letters or digits behind the first letter."""
    inner = counts_in(_IS_INNER[data], starts + 1, ends)
    small = counts_in(_IS_SMALL[data], starts, ends)
    like: Bools = (inner > 0) & (small > 0)
    return like


_IS_INNER = members(ascii_uppercase + digits)
_IS_SMALL = members(ascii_lowercase + digits)
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
