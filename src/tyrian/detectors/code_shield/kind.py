"""Kinds of values, and how the kind of a whole comes from those of its parts."""

from typing import Final

from tyrian.detectors.code_shield.functions import Span


class Kind:
    """What is known of an expression's value: bits of a number.

    Plain numbers, since flags of an enumeration take ten times as long to join.
    """

    LITERAL: Final = 1
    """The same whatever the program is given."""
    STRING: Final = 2
    """Holds a literal string, alone or among other parts."""
    DYNAMIC: Final = 4
    """Depends on something that is not constant."""
    BUILT: Final = 8
    """A string put together from a literal and something that is not constant."""
    NAME: Final = 16
    CALL: Final = 32
    TAINTED: Final = 64
    """Comes from outside the program, as far as the fragment shows."""


class Parts:
    """The parts of an expression seen so far."""

    __slots__ = ("any", "joins", "looked_up", "seen")

    def __init__(self) -> None:
        self.any = 0
        self.looked_up: list[Span] = []
        """Where the keys stand with which tables are asked."""
        self.joins = 0
        self.seen = 0

    def take(self, kind: int) -> None:
        """One more part."""
        self.any |= kind
        self.seen += 1

    def kind(self) -> int:
        """The kind of the whole."""
        if not self.any & Kind.DYNAMIC:
            return Kind.LITERAL | (self.any & Kind.STRING)
        kind = (self.any & ~Kind.LITERAL) | Kind.DYNAMIC
        if self.joins and self.seen > 1:
            kind &= ~(Kind.NAME | Kind.CALL)
            if kind & Kind.STRING:
                kind |= Kind.BUILT
        return kind


def joined(one: int, other: int) -> int:
    """The kind of two expressions as one."""
    kind = one | other
    if not kind & Kind.DYNAMIC:
        return kind
    kind &= ~Kind.LITERAL
    return kind | Kind.BUILT if kind & Kind.STRING else kind
