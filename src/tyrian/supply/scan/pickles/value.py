"""What the interpreter knows of the objects that a pickle would make."""

from typing import Final, TypeAlias

from tyrian.supply.scan.finding import ScanFinding


class Plain:
    """Data: numbers, texts that name nothing, containers of data."""

    __slots__ = ()


class Made:
    """What a call gave: an instance of something, never to be called or used as a name."""

    __slots__ = ()


class Ref:
    """Something that was imported by name.

    One that is guarded may only be called at once, with bytes that were scanned.
    """

    __slots__ = ("is_guarded", "module", "name")

    def __init__(self, module: str, name: str, *, is_guarded: bool = False) -> None:
        self.module = module
        self.name = name
        self.is_guarded = is_guarded

    def is_named(self, module: str, name: str) -> bool:
        """Whether it is that of this module."""
        return (self.module, self.name) == (module, name)


class Payload:
    """Bytes that hold a pickle or archive of their own, already scanned."""

    __slots__ = ("findings",)

    def __init__(self, findings: tuple[ScanFinding, ...]) -> None:
        self.findings = findings


class Special:
    """A dictionary that sets an attribute which Python calls by itself."""

    __slots__ = ()


class DType:
    """The element of an array, of `size` bytes."""

    __slots__ = ("has_objects", "size")

    def __init__(self, size: int, has_objects: bool) -> None:
        self.size = size
        self.has_objects = has_objects


class ArrayState:
    """What the state of a wrapper says of the bytes behind it."""

    __slots__ = ("dtype", "is_aligned", "shape")

    def __init__(self, shape: tuple[int, ...] | None, dtype: "Value", is_aligned: bool) -> None:
        self.shape = shape
        self.dtype = dtype
        self.is_aligned = is_aligned


PLAIN: Final = Plain()
MADE: Final = Made()
SPECIAL: Final = Special()

Value: TypeAlias = (
    Plain | Made | Ref | Payload | Special | DType | ArrayState | int | bytes | tuple["Value", ...]
)
"""`bytes` stands for a short text, in UTF-8; a tuple holds at least one value that is not PLAIN.
Numbers are looked at only where they tell how long an array is."""
