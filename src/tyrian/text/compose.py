"""NFKC with offsets, and combining marks that pile up, in linear time."""

import unicodedata

import numpy as np
import numpy.typing as npt

from tyrian.text import tables as t
from tyrian.text.offsets import Offsets, Picks, codes_of, text_of
from tyrian.text.source import spread_out

Codes = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.uint16]
Bools = npt.NDArray[np.bool_]

_KEYCAP = 0x20E3
_MOST_GENERAL = 2
_MOST_SCRIPT = 6
"""Pointed and cantillated Hebrew and Tibetan stacks stay below this."""
_PARKED = 0xFDD0
"""A noncharacter that stands in for long expansions while the library normalises."""


def surplus_marks(codes: Codes, flags: Flags) -> Bools | None:
    """Marks that are noise: piles, and general marks on what takes none. None: there are none."""
    is_mark = (flags & (t.GENERAL_MARK | t.SCRIPT_MARK)) != 0
    at = np.flatnonzero(is_mark)
    if not len(at):
        return None
    is_first = np.diff(at, prepend=-2) > 1
    run = np.cumsum(is_first) - 1
    heads = at[is_first]
    sizes = np.bincount(run)[run]
    ordinal = at - heads[run]
    base = np.where(heads > 0, flags[heads - 1], 0)[run]
    is_general = (flags[at] & t.GENERAL_MARK) != 0
    piled = sizes > _MOST_GENERAL
    gone = is_general & (piled | ((base & t.LETTER) == 0)) & (codes[at] != _KEYCAP)
    gone |= ordinal >= _MOST_SCRIPT
    if not gone.any():
        return None
    removed = np.zeros(len(codes), dtype=np.bool_)
    removed[at[gone]] = True
    return removed


def leftover_marks(flags: Flags) -> Bools | None:
    """General marks that did not compose with their Latin, Greek or Cyrillic base."""
    at = np.flatnonzero(flags & t.GENERAL_MARK)
    if not len(at):
        return None
    is_mark = (flags & (t.GENERAL_MARK | t.SCRIPT_MARK)) != 0
    # At most _MOST_SCRIPT marks in a row are left, so a base is found in as many steps.
    base = at - 1
    for _ in range(_MOST_SCRIPT):
        base = np.where((base >= 0) & is_mark[base], base - 1, base)
    gone = at[(base >= 0) & ((flags[base] & t.MARKABLE) != 0)]
    if not len(gone):
        return None
    removed = np.zeros(len(flags), dtype=np.bool_)
    removed[gone] = True
    return removed


def _involved(flags: Flags) -> Bools | None:
    """What NFKC may change, from the last stable starter on; None where it changes nothing."""
    is_mark = (flags & (t.GENERAL_MARK | t.SCRIPT_MARK)) != 0
    seeds = (flags & (t.UNSTABLE | t.GENERAL_MARK)) != 0
    seeds[1:] |= is_mark[1:] & is_mark[:-1]
    seeds[:-1] |= is_mark[1:] & is_mark[:-1]
    if not seeds.any():
        return None
    chosen: Bools = seeds.copy()
    chosen[:-1] |= seeds[1:]
    chosen[:-1] |= chosen[1:] & is_mark[1:]
    return chosen


def expand(codes: Codes, flags: Flags) -> tuple[Codes, Offsets] | None:
    """What NFKC makes of single code points whatever stands around them; None: nothing."""
    at = np.flatnonzero(flags & t.UNSTABLE)
    if not len(at):
        return None
    tables = t.tables()
    form = tables.form[codes[at]]
    at, form = at[form > 0], form[form > 0]
    if not len(at):
        return None
    sizes = tables.sizes[form]
    if sizes.max() == 1:
        made = codes.copy()
        made[at] = tables.forms[form, 0]
        return made, Offsets.identity(len(codes))
    counts = np.ones(len(codes), dtype=np.intp)
    counts[at] = sizes
    owners = np.repeat(np.arange(len(codes)), counts)
    made = codes[owners]
    places = spread_out((np.cumsum(counts) - counts)[at], sizes)
    steps = spread_out(np.zeros(len(at), dtype=np.intp), sizes)
    made[places] = tables.forms[np.repeat(form, sizes), steps]
    return made, Offsets(len(codes), len(owners), (Picks(owners),))


def compose(codes: Codes, flags: Flags) -> tuple[Codes, Offsets] | None:
    """NFKC of the code points, or None where they are in it already.

    Only what may change goes through the library; offsets come from the fact that a text and
    its NFKC have the same NFKD, so that lengths in NFKD align the two.
    """
    involved = _involved(flags)
    if involved is None:
        return None
    part = codes[involved]
    is_long = t.tables().widths[part] > t.LONGEST_EXPANSION
    longs = part[is_long]
    part[is_long] = _PARKED
    before = text_of(part)
    after = unicodedata.normalize("NFKC", before)
    if before == after:
        return None
    made = codes_of(after).copy()
    starts, ends = _align(part, made)
    made[made == _PARKED] = longs
    where = np.flatnonzero(involved)
    counts = np.ones(len(codes), dtype=np.intp)
    counts[where] = np.bincount(starts, minlength=len(part))
    owners = np.repeat(np.arange(len(codes)), counts)
    result = codes[owners]
    is_made = involved[owners]
    result[is_made] = made
    stops = owners + 1
    stops[is_made] = where[ends - 1] + 1
    return result, Offsets(len(codes), len(owners), (Picks(owners, stops),))


def _align(source: Codes, made: Codes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Start and end in `source` of each code point of its NFKC form `made`."""
    widths = t.tables().widths
    owners = np.repeat(np.arange(len(source)), widths[source])
    stops = np.cumsum(widths[made].astype(np.intp))
    firsts = np.minimum(stops - widths[made], len(owners) - 1)
    lasts = np.minimum(stops, len(owners)) - 1
    return owners[firsts], owners[lasts] + 1
