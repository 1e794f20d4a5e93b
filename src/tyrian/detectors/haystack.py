"""The bytes of a text, searched once by several detectors, with offsets back to characters."""

from bisect import bisect_right

import numpy as np
import numpy.typing as npt

from tyrian.core.detection import View

_CONTINUATION = bytes(range(0x80, 0xC0))
_MOST_COUNTED = 64
"""Offsets that are counted one by one; from then on all of them are counted at once."""


class Haystack:
    """A text as UTF-8, as literal and regex engines read it.

    Byte engines are the fast ones, and `lower` (ASCII only) keeps every offset. Lone surrogates,
    which JSON can smuggle in, are kept as three bytes instead of raising.
    """

    __slots__ = ("_all_chars", "_bytes_seen", "_chars_seen", "_lower", "data", "is_ascii", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_ascii = text.isascii()
        self.data = text.encode("utf-8", "surrogatepass")
        self._lower: bytes | None = None
        self._all_chars: npt.NDArray[np.int32] | None = None
        self._bytes_seen = [0]
        self._chars_seen = [0]

    @property
    def lower(self) -> bytes:
        """The bytes with ASCII letters in lower case."""
        if self._lower is None:
            self._lower = self.data.lower()
        return self._lower

    def char(self, offset: int) -> int:
        """The character offset of a byte offset; cheap where offsets are asked in rising order."""
        if self.is_ascii:
            return offset
        if self._all_chars is not None:
            return int(self._all_chars[offset])
        at = bisect_right(self._bytes_seen, offset) - 1
        start, chars = self._bytes_seen[at], self._chars_seen[at]
        chars += len(self.data[start:offset].translate(None, _CONTINUATION))
        if offset > self._bytes_seen[-1]:
            self._bytes_seen.append(offset)
            self._chars_seen.append(chars)
            if len(self._bytes_seen) > _MOST_COUNTED:
                self._all_chars = self._count_all()
        return chars

    def _count_all(self) -> npt.NDArray[np.int32]:
        """The number of characters before each byte offset."""
        counts = np.zeros(len(self.data) + 1, dtype=np.int32)
        codes = np.frombuffer(self.data, dtype=np.uint8)
        np.cumsum((codes & 0xC0) != 0x80, out=counts[1:])
        return counts

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Character offsets of a half-open range of bytes."""
        if self.is_ascii:
            return start, end
        return self.char(start), self.char(end)


def haystack(view: View) -> Haystack:
    """The Haystack of a View's text, made once for all detectors."""
    return view.derive("haystack", lambda: Haystack(view.text))
