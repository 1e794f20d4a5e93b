"""Events of a `text/event-stream`, read and written anew."""

from collections.abc import Iterator
from dataclasses import dataclass

from tyrian.adapters.mcp.frame import BadFrameError

EVENT_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Event:
    """One event, or a comment that keeps the connection open."""

    data: str = ""
    id: str | None = None
    name: str = ""
    retry: str = ""
    is_comment: bool = False

    def encode(self) -> bytes:
        """The event as it is sent; `data` must be one line."""
        if self.is_comment:
            return b": keep-alive\n\n"
        lines = [f"event: {self.name}"] if self.name else []
        if self.id is not None:
            lines.append(f"id: {self.id}")
        if self.retry:
            lines.append(f"retry: {self.retry}")
        lines.append(f"data: {self.data}")
        return ("\n".join(lines) + "\n\n").encode()


class EventReader:
    """Cuts a stream of bytes into events; what is cut off at its end is no event."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._line = bytearray()
        self._size = 0
        self._ended_cr = False
        self._is_first = True
        self._fields: dict[str, str] = {}
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that are complete now; BadFrameError for one that has no end."""
        ended_cr, self._ended_cr = self._ended_cr, chunk.endswith(b"\r")
        if ended_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        lines = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for position, piece in enumerate(lines):
            self._size += len(piece)
            if self._size > self._max_bytes:
                raise BadFrameError("the server sent an event that is longer than allowed")
            self._line += piece
            if position < len(lines) - 1:
                line, self._line = bytes(self._line), bytearray()
                if (event := self._take(line)) is not None:
                    yield event

    def _take(self, raw: bytes) -> Event | None:
        if self._is_first:
            raw, self._is_first = raw.removeprefix(b"\xef\xbb\xbf"), False
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            raise BadFrameError("the server sent an event that is not UTF-8") from None
        if not line:
            return self._event()
        if line.startswith(":"):
            return Event(is_comment=True)
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name in ("event", "retry") or (name == "id" and "\0" not in value):
            self._fields[name] = value
        return None

    def _event(self) -> Event | None:
        fields, data = self._fields, "\n".join(self._data)
        self._fields, self._data, self._size = {}, [], 0
        if not fields and not data:
            return None
        retry = fields.get("retry", "")
        return Event(
            data, fields.get("id"), fields.get("event", ""), retry if retry.isdecimal() else ""
        )
