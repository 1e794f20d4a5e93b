"""Fold letters that pass for Latin ones, word by word."""

import numpy as np
import numpy.typing as npt

from tyrian.text import tables as t

Codes = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.uint16]

_LATIN_MAJORITY = 20
"""Latin letters for each truly foreign one before a text counts as Latin with quotations."""


def fold_confusables(codes: Codes, flags: Flags) -> Codes | None:
    """The code points with disguised Latin words laid bare, None where there are none.

    A word is folded where it mixes scripts, or where all its letters pass for Latin ones in a
    text that is Latin otherwise. Real Cyrillic, Greek or Arabic words stay as they are.
    """
    foldable = (flags & (t.FOLD | t.LOOSE)) != 0
    if not foldable.any():
        return None
    is_letter = (flags & (t.LETTER | t.FOLD | t.LOOSE)) != 0
    edges = np.flatnonzero(is_letter[1:] != is_letter[:-1]) + 1
    if is_letter[0]:
        edges = np.concatenate(([0], edges))
    if is_letter[-1]:
        edges = np.append(edges, len(codes))
    first, stop = edges[::2], edges[1::2]
    size = stop - first
    is_latin = (flags & t.LATIN) != 0
    latin = _counts(is_latin, first, stop)
    strict = _counts(((flags & t.FOLD) != 0) & ~is_latin, first, stop)
    foreign = size - latin - strict
    all_latin, all_foreign = latin.sum(), foreign.sum()
    mixed = (latin > 0) & (size > latin) & (latin + strict >= foreign)
    disguised = (latin == 0) & (foreign == 0) & (size >= 2) & (all_latin > 0)
    if all_foreign > 0:
        is_quoting = all_latin > _LATIN_MAJORITY * all_foreign
        disguised &= (size >= 4) & is_quoting
    # Odd Latin forms fold anywhere, except that one or two letters may be an emoji.
    odd = foldable & is_latin
    picked = mixed | disguised
    if not picked.any() and not odd.any():
        return None
    at = np.flatnonzero(is_letter)
    is_sign = ((flags[at] & t.PICTO) != 0) & np.repeat(size <= 2, size)
    chosen = at[np.repeat(picked, size) & foldable[at] | odd[at] & ~is_sign]
    if not len(chosen):
        return None
    folded = codes.copy()
    folded[chosen] = t.tables().folds[codes[chosen]]
    return folded


def _counts(
    bits: npt.NDArray[np.bool_], first: npt.NDArray[np.intp], stop: npt.NDArray[np.intp]
) -> npt.NDArray[np.int32]:
    """How many bits are set in each half-open range."""
    total = np.zeros(len(bits) + 1, dtype=np.int32)
    np.cumsum(bits, dtype=np.int32, out=total[1:])
    counts: npt.NDArray[np.int32] = total[stop] - total[first]
    return counts
