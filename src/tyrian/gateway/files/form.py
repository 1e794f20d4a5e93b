"""A multipart form with one file, read as it comes: fields in memory, the file to a sink."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from tyrian.gateway.body import ClientGoneError, header
from tyrian.gateway.context import Receive, Scope
from tyrian.gateway.errors import ApiError, bad_request

MAX_FIELDS = 32
MAX_FIELD_BYTES = 4 << 10
MAX_HEADER_BYTES = 4 << 10
SILENCE_S = 30.0
"""Longest wait for the next bytes of a body."""
TOTAL_S = 3_600.0
"""Longest time for a whole body."""

Sink = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True)
class Form:
    """What the form said beside its file."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str = ""
    mime_type: str = ""
    has_file: bool = False


async def read_form(scope: Scope, receive: Receive, file_field: str, sink: Sink) -> Form:
    """Read the whole form; the bytes of `file_field` go to `sink`.

    ApiError: 415 for another kind of body, 400 for a form that cannot be read.
    """
    kind, options = parse_options_header(header(scope, b"content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise ApiError(
            415, "Send the file as `multipart/form-data`.", code="unsupported_media_type"
        )
    if header(scope, b"content-encoding") not in (b"", b"identity"):
        raise ApiError(
            415, "Compressed request bodies are not taken.", code="unsupported_content_encoding"
        )
    reader = _Reader(file_field)
    parser = MultipartParser(boundary, cast(Any, reader.callbacks()))
    try:
        async for data in body_pieces(receive):
            parser.write(data)
            for piece in reader.take():
                await sink(piece)
        parser.finalize()
    except FormParserError:
        raise _unreadable() from None
    if not reader.is_whole:
        raise _unreadable()
    return reader.form


def _unreadable() -> ApiError:
    return bad_request("The form cannot be read.", code="invalid_form")


async def body_pieces(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it comes; ApiError (408) where it stops coming."""
    more = True
    ends_at = asyncio.get_running_loop().time() + TOTAL_S
    while more:
        try:
            left_s = ends_at - asyncio.get_running_loop().time()
            async with asyncio.timeout(min(SILENCE_S, left_s)):
                event = await receive()
        except TimeoutError:
            raise ApiError(
                408,
                "The request body did not arrive in time.",
                code="request_timeout",
                headers=((b"connection", b"close"),),
            ) from None
        if event["type"] == "http.disconnect":
            raise ClientGoneError
        more = event.get("more_body", False)
        if event.get("body"):
            yield event["body"]


class _Reader:
    """Turns the parser's callbacks into a Form and pieces of the file."""

    def __init__(self, file_field: str) -> None:
        self.form = Form()
        self.is_whole = False
        self._file_field = file_field
        self._pieces: list[bytes] = []
        self._header = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._size = 0
        self._name = ""
        self._in_file = False
        self._data: list[bytes] = []

    def callbacks(self) -> dict[str, Callable[..., None]]:
        """As the parser wants them."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._end,
            "on_end": self._whole,
        }

    def take(self) -> list[bytes]:
        """The pieces of the file since the last call."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def _begin(self) -> None:
        self._headers, self._size, self._data = {}, 0, []

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._count(end - start)

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._count(end - start)

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MAX_HEADER_BYTES:
            raise bad_request("A part of the form has too long a head.", code="invalid_form")

    def _header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._in_file = self._name == self._file_field
        self._size = 0
        if self._in_file:
            if self.form.has_file:
                raise bad_request("The form has more than one file.", param=self._file_field)
            self.form.has_file = True
            self.form.filename = options.get(b"filename", b"").decode("utf-8", "replace")
            kind = self._headers.get(b"content-type", b"")
            self.form.mime_type = kind.split(b";")[0].strip().decode("latin-1")
        elif self._name in self.form.fields or len(self.form.fields) >= MAX_FIELDS:
            raise bad_request("The form has a field twice, or too many.", code="invalid_form")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(data[start:end])
            return
        self._size += end - start
        if self._size > MAX_FIELD_BYTES:
            raise bad_request("A field of the form is too long.", code="invalid_form")
        self._data.append(data[start:end])

    def _end(self) -> None:
        if not self._in_file:
            self.form.fields[self._name] = b"".join(self._data).decode("utf-8", "replace")

    def _whole(self) -> None:
        self.is_whole = True
