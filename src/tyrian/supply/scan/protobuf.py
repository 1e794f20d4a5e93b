"""Protocol buffers by their wire format: fields with their places, never more than is asked for.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tyrian.supply.scan.source import Source

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_WINDOW = 1 << 16
_MOST_TEXT = 1 << 20


class ProtobufError(Exception):
    """Bytes that are no message."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: a number, or a range of bytes."""

    number: int
    wire: int
    value: int
    """The number; for bytes how many there are."""
    start: int
    """Where the bytes begin in the source."""


@dataclass(frozen=True, slots=True)
class Message:
    """A range of a source that holds fields."""

    source: Source
    start: int
    end: int

    def __iter__(self) -> Iterator[Field]:
        return _fields(self.source, self.start, self.end)

    def inside(self, field: Field) -> "Message":
        """The message that a field holds; raises ProtobufError where it holds none."""
        if field.wire != LENGTH:
            raise ProtobufError(f"field {field.number} is no message", field.start)
        return Message(self.source, field.start, field.start + field.value)

    def all_of(self, number: int) -> "Iterator[Message]":
        """The messages in all fields of a number."""
        return (self.inside(field) for field in self if field.number == number)

    def text_of(self, field: Field) -> str:
        """A field as text; raises ProtobufError where it holds none, or one beyond all measure."""
        if field.wire != LENGTH or field.value > _MOST_TEXT:
            raise ProtobufError(f"field {field.number} is no text", field.start)
        return self.source.read_at(field.start, field.value).decode("utf-8", "backslashreplace")

    def text(self, number: int) -> str:
        """The text of a field; as readers do it, the last one counts."""
        found = ""
        for field in self:
            if field.number == number:
                found = self.text_of(field)
        return found


def whole(source: Source) -> Message:
    """All of a source as one message."""
    return Message(source, 0, source.size)


def _fields(source: Source, start: int, end: int) -> Iterator[Field]:
    at, base, window = start, start, b""
    while at < end:
        if at + 20 > base + len(window) or at < base:
            base, window = at, source.read_at(at, min(_WINDOW, end - at))
        key, place = _varint(window, at - base, base)
        number, wire = key >> 3, key & 7
        if not number or number >= 1 << 29:
            raise ProtobufError(f"has a field of number {number}", at)
        value = 0
        if wire == VARINT:
            value, place = _varint(window, place, base)
            at = base + place
            yield Field(number, wire, value, at)
            continue
        if wire == LENGTH:
            value, place = _varint(window, place, base)
        elif wire == FIXED64:
            value = 8
        elif wire == FIXED32:
            value = 4
        else:
            raise ProtobufError(f"has a field of wire type {wire}", at)
        first = base + place
        at = first + value
        if at > end:
            raise ProtobufError(f"tells of {value} bytes where {end - first} are left", first)
        yield Field(number, wire, value, first)


def _varint(window: bytes, place: int, base: int) -> tuple[int, int]:
    value = shift = 0
    for count in range(10):
        if place + count >= len(window):
            raise ProtobufError("breaks off within a number", base + place)
        byte = window[place + count]
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (1 << 64) - 1, place + count + 1
        shift += 7
    raise ProtobufError("has a number of more than ten bytes", base + place)
