"""Base64: in one line, wrapped over lines, split into groups, word by word."""

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """Runs of digits, with the equals signs behind them."""

    starts: Index
    ends: Index
    stops: Index
    """Where the equals signs end."""

    @property
    def sizes(self) -> Index:
        return self.ends - self.starts


def _runs(source: Source) -> _Runs:
    padded = np.append(source.data, [0, 0])
    starts, ends = runs_of(_IN_BASE64[source.data])
    pads = (padded[ends] == _EQUALS).astype(np.intp)
    pads += (pads == 1) & (padded[ends + 1] == _EQUALS)
    sizes = ends - starts
    kept = (sizes >= _LEAST_LINE) | ((sizes >= 2) & (sizes + pads == _LEAST_LINE))
    return _Runs(starts[kept], ends[kept], (ends + pads)[kept])


def base64_pieces(source: Source) -> Pieces:
    """Base64, standard or URL-safe, in one line or wrapped over lines."""
    runs = _runs(source)
    if not len(runs.starts):
        return NONE
    data = source.data
    first, last = _blocks(data, runs.starts, runs.ends, runs.sizes)
    pieces = decoded(source, runs.starts[first], runs.stops[last], _BASE64, 6)
    follows = np.append(data, 0)[runs.stops]
    pads = runs.stops - runs.ends
    is_padded = (runs.sizes >= _SHORT) & (pads > 0) & ~_ALNUM[follows] & (follows != _EQUALS)
    is_padded &= (runs.sizes + pads) % 4 == 0
    is_padded &= (runs.starts == 0) | (data[runs.starts - 1] != _EQUALS)
    lone = np.flatnonzero((runs.sizes >= _LONG) | is_padded)
    lone = lone[~_inside(runs.starts[lone], pieces)]
    return _beside(pieces, decoded(source, runs.starts[lone], runs.stops[lone], _BASE64, 6))


def _beside(pieces: Pieces, others: Pieces) -> Pieces:
    """Both, where the others do not begin inside of the pieces."""
    others = others.only(~_inside(others.starts, pieces)) if len(pieces) else others
    if not len(others):
        return pieces
    return pieces.merged(others) if len(pieces) else others


_WIDEST_GAP = 6


def grouped_pieces(source: Source) -> Pieces:
    """Groups of whole fours with signs or blanks between, or words encoded one by one."""
    runs = _runs(source)
    if len(runs.starts) < 2:
        return NONE
    data, sizes = source.data, runs.sizes
    near = (runs.stops - runs.starts)[:-1] % 4 == 0
    near &= runs.starts[1:] - runs.stops[:-1] <= _WIDEST_GAP
    near &= counts_in(_ALNUM[data], runs.stops[:-1], runs.starts[1:]) == 0
    is_like = _is_like_digits(data, runs.starts, runs.ends)
    goes_on = (runs.stops == runs.ends)[:-1]
    places = (runs.starts, runs.stops)
    first, stop = _chains(near & goes_on, is_like, sizes)
    whole = decoded_chains(source, places, first, stop, _BASE64, 6)
    # What holds no blank may be words that were encoded one by one.
    made = np.cumsum(whole.sizes)
    whole = whole.only(counts_in(whole.codes == 0x20, made - whole.sizes, made) > 0)
    first, stop = _chains(near, is_like, sizes)
    return _beside(whole, decoded_words(source, places, first, stop, _BASE64, 6))


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
    """Runs that no word looks like: letters of both cases, large ones or digits inside."""
    inner = counts_in(_IS_INNER[data], starts + 1, ends)
    small = counts_in(_IS_SMALL[data], starts, ends)
    large = counts_in(_IS_LARGE[data], starts, ends)
    like: Bools = (inner > 0) & (small > 0) & (large > 0)
    return like


_IS_INNER = members(ascii_uppercase + digits)
_IS_LARGE = members(ascii_uppercase)
_IS_SMALL = members(ascii_lowercase)
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
