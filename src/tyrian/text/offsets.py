"""From positions in a derived text back to the text that it came from."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Offsets:
    """Where each character of a derived text stands in its source.

    Character `i` comes from `starts[i]:ends[i]`, never empty. Both arrays are None where the
    derived text is the source itself, so that plain text costs nothing.
    """

    length: int
    """Length of the source."""
    starts: Index | None = None
    ends: Index | None = None

    @classmethod
    def identity(cls, length: int) -> Self:
        """Offsets of a text derived by no change at all."""
        return cls(length)

    @classmethod
    def picked(cls, length: int, positions: Index) -> Self:
        """Offsets of a text made of the source's characters at `positions`."""
        return cls(length, positions, positions + 1)

    def then(self, after: "Offsets") -> "Offsets":
        """Offsets of a text derived from the text that these offsets describe."""
        if after.starts is None or after.ends is None:
            return self
        if self.starts is None or self.ends is None:
            return Offsets(self.length, after.starts, after.ends)
        first, last = after.starts, after.ends - 1
        # A text turned round runs backward through its source, so either end may come first.
        return Offsets(
            self.length,
            np.minimum(self.starts[first], self.starts[last]),
            np.maximum(self.ends[first], self.ends[last]),
        )

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The smallest span of the source that holds characters `start:end` of the text."""
        if self.starts is None or self.ends is None:
            start = min(max(start, 0), self.length)
            return start, min(max(end, start), self.length)
        size = len(self.starts)
        start = min(max(start, 0), size)
        end = min(end, size)
        if end <= start:
            at = int(self.starts[start]) if start < size else self.length
            return at, at
        return int(self.starts[start:end].min()), int(self.ends[start:end].max())


def codes_of(text: str) -> npt.NDArray[np.uint32]:
    """The code points of a text, lone surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def text_of(codes: npt.NDArray[np.uint32]) -> str:
    """The text of code points."""
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")
