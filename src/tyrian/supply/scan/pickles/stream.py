"""The bytes of a pickle, read a piece at a time, with the frames that its writer drew."""

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.source import CHUNK, Source

_MARGIN = 1024
_MOST_LINE = 1 << 16


class Broken(Exception):  # noqa: N818  # no error of ours: the end of a pickle that cannot go on
    """A loader would stop here with an error."""


class Stream:
    """Where a machine stands in its source."""

    def __init__(self, source: Source, report: Collector, start: int) -> None:
        self._source = source
        self._report = report
        self._buffer = b""
        self._base = start
        """Where the buffer begins in the source."""
        self._at = start
        """The opcode that is followed, counted from the start of the source."""
        self._limit = 0
        """Up to here the loop goes on without looking up."""
        self._whole = 0
        """Up to here an opcode with its short arguments lies in the buffer as a whole."""
        self._end = 0
        self._frame_end = -1

    def move_to(self, offset: int) -> None:
        """Go on at another place of the source."""
        self._base, self._buffer, self._end, self._limit, self._whole = offset, b"", 0, 0, 0

    def _fill(self, position: int) -> int:
        """Bring more bytes; the position of the same byte in the new buffer."""
        self._base += position
        data = self._source.read_at(self._base, CHUNK)
        self._end = len(data)
        if self._base + self._end >= self._source.size:
            self._whole = self._end
            data += bytes(16)  # so that short arguments can be looked at before their end is known
        else:
            self._whole = self._end - _MARGIN
        self._buffer = data
        self._limit = self._within_frame()
        return 0

    def _within_frame(self) -> int:
        """Cut off where a frame ends, so that an opcode across its end is seen."""
        if self._frame_end < 0:
            return self._whole
        return min(self._whole, max(0, self._frame_end - self._base))

    def _line(self, position: int) -> tuple[bytes, int]:
        """The line at a position, without its end, and where the next begins."""
        end = self._buffer.find(b"\n", position, self._end)
        if end < 0:
            position = self._fill(position)
            end = self._buffer.find(b"\n", position, min(self._end, position + _MOST_LINE))
            if end < 0:
                raise Broken("breaks off within a line, or has one beyond all measure")
        return self._buffer[position:end], end + 1

    def _skip(self, position: int, length: int) -> int:
        """Pass over a long argument without reading it."""
        end = self._base + position + length
        if end > self._source.size:
            raise Broken(f"tells of {length} bytes where {self._source.size - self._base} are left")
        if position + length < self._end:
            return position + length
        self._base = end
        return self._fill(0)

    def _add(self, rule: str, why: str) -> None:
        self._report.add(rule, self._at, why)
