"""The server name that a TLS client asks for, read from its first bytes.

Source: RFC 8446 sections 4.1.2 and 5.1 (ClientHello, record layer), RFC 6066 section 3 (SNI).
"""

from dataclasses import dataclass

MAX_HELLO = 1 << 16
_HANDSHAKE, _CLIENT_HELLO = 0x16, 1
_SERVER_NAME, _HOST_NAME = 0, 0
_MAX_RECORD = (1 << 14) + 256


class NotTlsError(ValueError):
    """The bytes do not begin a TLS handshake."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What a ClientHello says in the open."""

    server_name: str
    """As it was sent, in lower case; '' where none was sent."""


class _Reader:
    """Takes numbers and vectors off the front; NotTlsError where they are cut short."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise NotTlsError("a length in the ClientHello leads beyond its end")
        taken, self._at = self._data[self._at : end], end
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> bytes:
        return self.take(self.number(size))


def read_hello(data: bytes) -> Hello | None:
    """The ClientHello at the front of `data`; None while it is not whole, NotTlsError for else."""
    body = _handshake(data)
    if body is None:
        return None
    reader = _Reader(body)
    reader.take(2 + 32)  # version, random
    reader.vector(1)  # session id
    reader.vector(2)  # cipher suites
    reader.vector(1)  # compression methods
    if not reader:
        return Hello("")
    extensions = _Reader(reader.vector(2))
    names: list[str] = []
    while extensions:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME:
            names += _host_names(content)
    if len(names) > 1:
        raise NotTlsError("the ClientHello asks for several servers")
    return Hello(names[0] if names else "")


def _handshake(data: bytes) -> bytes | None:
    """The body of the ClientHello, put together from records; None while bytes are missing."""
    at, message = 0, b""
    while True:
        header = data[at : at + 5]
        if (header and header[0] != _HANDSHAKE) or (len(header) > 1 and header[1] != 3):
            raise NotTlsError("not a TLS handshake")
        if len(header) < 5:
            return None
        size = int.from_bytes(header[3:5])
        if not 0 < size <= _MAX_RECORD:
            raise NotTlsError("a TLS record of impossible length")
        piece = data[at + 5 : at + 5 + size]
        message += piece
        if message and message[0] != _CLIENT_HELLO:
            raise NotTlsError("the handshake does not begin with a ClientHello")
        if len(message) >= 4:
            length = int.from_bytes(message[1:4])
            if length > MAX_HELLO:
                raise NotTlsError("the ClientHello is too long")
            if len(message) >= 4 + length:
                return message[4 : 4 + length]
        if len(piece) < size:
            return None
        at += 5 + size


def _host_names(content: bytes) -> list[str]:
    listed = _Reader(_Reader(content).vector(2))
    found = []
    while listed:
        kind, name = listed.number(1), listed.vector(2)
        if kind == _HOST_NAME:
            found.append(name.decode("ascii", "backslashreplace").lower())
    return found
