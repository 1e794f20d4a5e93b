"""Server-sent events: an incremental parser without I/O, and the frames we write."""

from tyrian.errors import UpstreamError

DONE = b"[DONE]"
"""The payload that ends a stream of the OpenAI dialect."""

MAX_EVENT_BYTES = 1 << 20


class EventParser:
    """Bytes in, payloads of whole `data:` events out; anything else on the wire is left out."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0
        self._max = max_event_bytes

    def feed(self, chunk: bytes) -> list[bytes]:
        """The payloads that this chunk completes; UpstreamError for an event over the limit."""
        lines = (self._rest + chunk if self._rest else chunk).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > self._max:
            raise UpstreamError("the upstream sent an event over the size limit")
        payloads: list[bytes] = []
        for line in lines:
            if line.endswith(b"\r"):
                line = line[:-1]
            if not line:
                if self._data:
                    payloads.append(b"\n".join(self._data))
                    self._data = []
                    self._size = 0
            elif line.startswith(b"data:"):
                self._keep(line[6:] if line[5:6] == b" " else line[5:])
        return payloads

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._max:
            raise UpstreamError("the upstream sent an event over the size limit")
        self._data.append(data)

    @property
    def has_rest(self) -> bool:
        """True where the bytes so far end in the middle of an event."""
        return bool(self._rest or self._data)


def frame(payload: bytes) -> bytes:
    """One `data:` event with a payload of JSON, whose line breaks mean nothing."""
    if b"\n" in payload or b"\r" in payload:
        payload = payload.replace(b"\n", b" ").replace(b"\r", b" ")
    return b"data: " + payload + b"\n\n"


def error_frame(envelope: bytes) -> bytes:
    """The event that tells of a failure in the middle of a stream."""
    return b"event: error\ndata: " + envelope + b"\n\n"


PING = b": ping\n\n"
"""A comment that keeps a silent stream alive; clients skip it."""
