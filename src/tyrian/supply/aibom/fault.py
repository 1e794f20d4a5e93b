"""One thing that is wrong with a bill of materials."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where."""

    rule: str
    """Such as `schema` or `dangling-ref`; the reference explains each."""
    pointer: str
    """JSON pointer to the place; empty for the whole document."""
    why: str
