"""Pieces of code in a message: what to judge, as which language, how sure of that."""

from collections.abc import Callable
from typing import NamedTuple

Place = Callable[[int], int]


class Piece(NamedTuple):
    """Code with its place. `code` has as many characters as the text from `start` on,
    unless `places` says where each of them stands."""

    code: str
    start: int
    language: str
    trust: float = 1.0
    """What findings count for, 0..1: less where the language is a guess."""
    block: tuple[int, int] = (0, 0)
    """The whole block in the message; empty where there is none."""
    places: tuple[int, ...] = ()
    """For each character, and the end, its place in the message."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A span of the code, in the message."""
        if self.places:
            return self.places[start], self.places[end]
        return self.start + start, self.start + end
