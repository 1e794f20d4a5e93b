"""A text on its way to be decoded, with what several decoders need made once."""

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from string import ascii_letters, digits

import numpy as np
import numpy.typing as npt

from tyrian.text.offsets import Codes, Index, codes_of

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

OTHER = 0x80
"""Stands for every character beyond ASCII in `Source.data`."""


def members(characters: str) -> Bools:
    """A table that is true for these ASCII characters."""
    table = np.zeros(256, dtype=np.bool_)
    table[[ord(c) for c in characters]] = True
    return table


def runs_of(mask: Bools) -> tuple[Index, Index]:
    """Start and end of every run of true values."""
    edges = np.flatnonzero(mask[1:] != mask[:-1]) + 1
    if len(mask) and mask[0]:
        edges = np.concatenate(([0], edges))
    if len(mask) and mask[-1]:
        edges = np.concatenate((edges, [len(mask)]))
    return edges[::2], edges[1::2]


def chained(is_linked: Bools) -> tuple[Index, Index]:
    """First and past-last member of chains, where `is_linked[i]` ties member i to i + 1."""
    size = len(is_linked) + 1
    breaks = np.flatnonzero(~is_linked) + 1
    return np.concatenate(([0], breaks)), np.concatenate((breaks, [size]))


REACH = 400
"""What stands no further apart may belong together; chance alone makes words in any long text."""


def close_together(starts: Index) -> tuple[Index, Index]:
    """First and past-last member of groups of places that are within `REACH` of the next one."""
    return chained(starts[1:] - starts[:-1] <= REACH)


def within_reach(starts: Index, low: Index, high: Index) -> Bools:
    """Which places lie in or near one of the ranges, which are in order and apart."""
    number = np.searchsorted(low - REACH, starts, side="right") - 1
    near: Bools = (number >= 0) & (starts <= high[np.maximum(number, 0)] + REACH)
    return near


def counts_in(mask: npt.NDArray[np.generic], starts: Index, ends: Index) -> Index:
    """The sum of `mask` over each half-open range."""
    total = np.zeros(len(mask) + 1, dtype=np.intp)
    np.cumsum(mask, out=total[1:])
    return total[ends] - total[starts]


def spread_out(starts: Index, sizes: Index) -> Index:
    """The positions `starts[i] .. starts[i] + sizes[i]` of all ranges, one after another."""
    made = np.cumsum(sizes) - sizes
    return np.repeat(starts - made, sizes) + np.arange(int(sizes.sum()))


def as_rows(matches: Sequence[tuple[int, int, int]]) -> npt.NDArray[np.intp]:
    """Matches of words as rows of (number of the word, start, end)."""
    flat = np.fromiter(chain.from_iterable(matches), np.intp, 3 * len(matches))
    return flat.reshape(-1, 3)


class Source:
    """A text without lone surrogates, and its characters as numbers."""

    def __init__(self, text: str, codes: Codes | None = None) -> None:
        self.text = text
        self._codes = codes
        self.is_ascii = text.isascii()
        self.is_whole = True
        """False where a decoder had to leave something out."""

    def __len__(self) -> int:
        return len(self.text)

    @cached_property
    def raw(self) -> bytes:
        """One byte for each character; what is not ASCII is `OTHER`."""
        return self.text.encode("ascii") if self.is_ascii else self.data.tobytes()

    @cached_property
    def codes(self) -> Codes:
        """The code points."""
        return codes_of(self.text) if self._codes is None else self._codes

    @cached_property
    def data(self) -> Bytes:
        """The same as an array."""
        if self.is_ascii:
            return np.frombuffer(self.raw, dtype=np.uint8)
        return np.minimum(self.codes, OTHER).astype(np.uint8)

    @cached_property
    def spaced(self) -> bytes:
        """The words in small letters, between blanks that stand for all that is no letter."""
        return b" %b " % self.raw.translate(_TO_WORDS)

    @cached_property
    def words(self) -> list[str]:
        """The words of `spaced`, in order."""
        return self.spaced.decode("latin-1").split()

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The different ones of these words."""
        return frozenset(self.words)

    def word_places(self) -> tuple[Index, Index]:
        """Start and end of each of these words."""
        return runs_of(np.frombuffer(self.spaced, dtype=np.uint8)[1:-1] != _BLANK)

    @cached_property
    def tokens(self) -> tuple[Index, Index]:
        """Start and end of every run of ASCII letters and digits."""
        return runs_of(_ALNUM[self.data])


_BLANK = 0x20
_ALNUM = members(ascii_letters + digits)
_TO_WORDS = bytes(ord(chr(c).lower()) if chr(c).isalpha() else 0x20 for c in range(0x80)) + bytes(
    range(0x80, 0x100)
)
