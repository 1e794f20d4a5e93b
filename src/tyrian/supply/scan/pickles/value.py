"""What the interpreter knows of the objects that a pickle would make."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from tyrian.supply.scan.finding import ScanFinding


class Plain:
    """Data: numbers, texts that name nothing, containers of data."""

    __slots__ = ()


class Made:
    """What a call gave: an instance of something, never to be called or used as a name."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Ref:
    """Something that was imported by name."""

    module: str
    name: str
    is_guarded: bool = False
    """It may only be called at once, with bytes that were scanned."""


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes that hold a pickle or archive of their own, already scanned."""

    findings: tuple[ScanFinding, ...]


class Special:
    """A dictionary that sets an attribute which Python calls by itself."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class DType:
    """The element of an array."""

    size: int
    has_objects: bool


@dataclass(frozen=True, slots=True)
class ArrayState:
    """What the state of a wrapper says of the bytes behind it."""

    shape: tuple[int, ...] | None
    dtype: "Value"
    is_aligned: bool


PLAIN: Final = Plain()
MADE: Final = Made()
SPECIAL: Final = Special()

Value: TypeAlias = (
    Plain | Made | Ref | Payload | Special | DType | ArrayState | int | bytes | tuple["Value", ...]
)
"""`bytes` stands for a short text, in UTF-8; a tuple holds at least one value that is not PLAIN.
Numbers are looked at only where they tell how long an array is."""
