"""Texts in one buffer, which a search runs through without a call for each of them."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np


class Span(NamedTuple):
    """One of the texts that were joined, and where it lies in the buffer."""

    number: int
    start: int
    end: int


class Joined:
    """Texts in UTF-8, one after the other with NUL between them.

    UnicodeEncodeError where a text has lone surrogates.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        whole = "\0".join(texts)
        if whole.isascii():
            self.buffer, sizes = whole.encode(), map(len, texts)
        else:  # one wide letter makes the whole of it wide, and that is slow to encode
            encoded = [text.encode() for text in texts]
            self.buffer, sizes = b"\0".join(encoded), map(len, encoded)
        self._ends = np.cumsum(np.fromiter(sizes, np.int64, len(texts)) + 1).tolist()

    def found(self, find: Callable[[int], int]) -> Iterator[Span]:
        """The texts with a find, in order.

        `find` gives the first place of a find from another place on, or -1. What it finds has no
        NUL in it, and so is in one text.
        """
        ends, start, end = self._ends, 0, len(self.buffer)
        while start < end and (place := find(start)) >= 0:
            number = bisect_right(ends, place)
            start = ends[number]
            yield Span(number, ends[number - 1] if number else 0, start - 1)
