"""Numbers, texts and bytes, and the marks of a pickle's form: its protocol and frames."""

import codecs
import struct

from tyrian.supply.scan.pickles.containers import Containers
from tyrian.supply.scan.pickles.stream import Broken
from tyrian.supply.scan.pickles.value import PLAIN, Value
from tyrian.supply.scan.source import CHUNK

_MOST_KEPT = 255
"""Bytes of a text that may name something."""
COUNTED: dict[int, tuple[int, bool]] = {
    0x58: (4, True),  # BINUNICODE
    0x8D: (8, True),  # BINUNICODE8
    0x54: (4, True),  # BINSTRING
    0x42: (4, False),  # BINBYTES
    0x43: (1, False),  # SHORT_BINBYTES
    0x8E: (8, False),  # BINBYTES8
    0x96: (8, False),  # BYTEARRAY8
    0x8A: (1, False),  # LONG1
    0x8B: (4, False),  # LONG4
}


class Data(Containers):
    """Data is passed over; only a short text is kept, since it may name something."""

    def _text_line(self, position: int) -> int:
        """INT, LONG, FLOAT, STRING, UNICODE: a value in a line."""
        op = self._buffer[position]
        start = self._base + position + 1
        try:
            line, position = self._line(position + 1)
        except Broken:
            if op not in b"SV":
                raise
            self._stack.append(PLAIN)
            return self._after_line(start)
        self._stack.append(_value_of_line(op, line))
        return position

    def _after_line(self, start: int) -> int:
        """The place behind a line of any length."""
        for number, chunk in enumerate(self._source.chunks(start)):
            found = chunk.find(b"\n")
            if found >= 0:
                self._base = start + number * CHUNK + found + 1
                return self._fill(0)
        raise Broken("breaks off within a line")

    def _counted(self, position: int) -> int:
        """Texts and bytes with their length before them."""
        op = self._buffer[position]
        width, is_text = COUNTED[op]
        head = self._buffer[position + 1 : position + 1 + width]
        length = int.from_bytes(head, "little", signed=op in b"T\x8b")
        if length < 0:
            raise Broken("has a length below zero")
        start = position + 1 + width
        offset = self._base + start
        if is_text and length <= _MOST_KEPT:
            value: Value = self._source.read_at(offset, length)
        else:
            value = self._probed(offset, length, is_text=is_text)
        position = self._skip(start, length)
        self._stack.append(value)
        return position

    def _probed(self, offset: int, length: int, *, is_text: bool) -> Value:
        if self._probe is None or length < 2 or offset + length > self._source.size:
            return PLAIN
        found = self._probe(self._source.part(offset, length), offset, is_text)
        return PLAIN if found is None else found

    def _proto(self, position: int) -> int:
        self._protocol = self._buffer[position + 1]
        if self._protocol > 5:
            raise Broken(f"is of protocol {self._protocol}, which does not exist")
        return position + 2

    def _frame(self, position: int) -> int:
        (length,) = struct.unpack_from("<Q", self._buffer, position + 1)
        start = self._base + position + 9
        if 0 <= self._frame_end != self._base + position and start < self._frame_end:
            self._add("pickle-frame-lies", "a frame begins within another")
        end = start + length
        if end > self._source.size:
            self._add("pickle-frame-lies", "a frame is longer than what is left of the file")
            end = -1
        self._frame_end = end
        self._limit = self._within_frame()
        return position + 9

    def _buffer_op(self, position: int) -> int:
        """NEXT_BUFFER takes data from outside; READONLY_BUFFER changes nothing here."""
        if self._buffer[position] == 0x97:
            self._add("pickle-persistent-id", "takes a buffer that its loader must bring")
            self._stack.append(PLAIN)
        return position + 1


def _value_of_line(op: int, line: bytes) -> Value:
    """The value of STRING and UNICODE as text; of numbers only that they are some."""
    if op == 0x53:  # STRING
        text = line.strip(b" \t\r\n")
        if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
            raise Broken("has a text without quotes")
        try:
            found = codecs.escape_decode(text[1:-1])[0]
        except ValueError:
            raise Broken("has a text with broken escapes") from None
        return found if len(found) <= _MOST_KEPT else PLAIN
    if op == 0x56:  # UNICODE
        if len(line) > 4 * _MOST_KEPT:
            return PLAIN
        try:
            return line.decode("raw-unicode-escape").encode("utf-8", "surrogatepass")
        except UnicodeError:
            raise Broken("has a text with broken escapes") from None
    return PLAIN
