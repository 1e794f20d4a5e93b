"""A text as a person reads it: nothing hidden, one form per character, offsets kept."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tyrian.text import tables as t
from tyrian.text.compose import compose, expand, leftover_marks, surplus_marks
from tyrian.text.fold import fold_confusables
from tyrian.text.hidden import HiddenRun, find_hidden
from tyrian.text.offsets import Offsets, codes_of, text_of

__all__ = ["HiddenRun", "Normalised", "normalise"]

_ASCII_SHOWN = bytes(c for c in range(0x7F) if c >= 0x20 or c in b"\t\n\x0c\r")
_MOST_PASSES = 6


@dataclass(frozen=True, slots=True, eq=False)
class Normalised:
    """The normalised text, the way back to the original, and what was hidden in it."""

    text: str
    offsets: Offsets
    hidden: tuple[HiddenRun, ...] = ()
    codes: npt.NDArray[np.uint32] | None = None
    """The code points of the original, None where it is ASCII."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where `text[start:end]` stands in the original."""
        return self.offsets.span(start, end)


def normalise(text: str) -> Normalised:
    """Normalise a text in linear time; plain ASCII comes back as it is.

    Hidden code points are taken out and reported, the rest is brought to NFKC, piled combining
    marks fall, and letters of other scripts that stand in for Latin ones are folded. Emoji
    sequences, flags and the joiners of Persian, Arabic and Indic text stay.
    """
    if text.isascii() and not text.encode("ascii").translate(None, _ASCII_SHOWN):
        return Normalised(text, Offsets.identity(len(text)))
    codes = original = codes_of(text)
    offsets = Offsets.identity(len(text))
    hidden: tuple[HiddenRun, ...] = ()
    current = text
    # What one step uncovers another may have to treat, so the passes go on until all is still.
    for number in range(_MOST_PASSES):
        done = _pass(current, codes, is_first=number == 0)
        if done is None:
            break
        codes, step, runs = done
        offsets = offsets.then(step)
        hidden = hidden or runs
        current = text_of(codes)
    return Normalised(current, offsets, hidden, original)


def _pass(
    text: str, codes: npt.NDArray[np.uint32], *, is_first: bool
) -> tuple[npt.NDArray[np.uint32], Offsets, tuple[HiddenRun, ...]] | None:
    """All steps once; None where none of them changed anything."""
    table = t.tables().flags
    flags = table[codes]
    if not (flags & t.TROUBLE).any():
        return None
    whole = codes
    offsets = Offsets.identity(len(codes))
    runs: tuple[HiddenRun, ...] = ()
    if hidden := find_hidden(text, codes, flags, is_reported=is_first):
        codes, offsets = _without(codes, offsets, hidden.removed, hidden.spaced)
        flags = table[codes]
        runs = hidden.runs
    if (surplus := surplus_marks(codes, flags)) is not None:
        codes, offsets = _without(codes, offsets, surplus)
        flags = table[codes]
    if expanded := expand(codes, flags):
        codes, offsets = expanded[0], offsets.then(expanded[1])
        flags = table[codes]
    if composed := compose(codes, flags):
        codes, offsets = composed[0], offsets.then(composed[1])
        flags = table[codes]
    if (leftover := leftover_marks(flags)) is not None:
        codes, offsets = _without(codes, offsets, leftover)
        flags = table[codes]
    if (folded := fold_confusables(codes, flags)) is not None:
        codes = folded
    return None if codes is whole else (codes, offsets, runs)


def _without(
    codes: npt.NDArray[np.uint32],
    offsets: Offsets,
    removed: npt.NDArray[np.bool_],
    spaced: npt.NDArray[np.intp] | None = None,
) -> tuple[npt.NDArray[np.uint32], Offsets]:
    if spaced is not None and len(spaced):
        codes = codes.copy()
        codes[spaced] = 0x20
    kept = np.flatnonzero(~removed)
    return codes[kept], offsets.then(Offsets.picked(len(codes), kept))
