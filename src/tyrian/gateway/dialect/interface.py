"""How answers leave: in OpenAI's shape inside, in the client's dialect outside."""

from collections.abc import Sequence
from typing import Protocol

from tyrian.gateway.errors import ApiError
from tyrian.gateway.event_stream import EventStream
from tyrian.gateway.wire import Json


class AnswerStream(Protocol):
    """Where the chunks of a streamed answer go."""

    @property
    def has_begun(self) -> bool:
        """True once the client has got a byte, so that no status can be chosen any more."""

    async def write(self, chunks: Sequence[bytes]) -> None:
        """Take JSON texts of `chat.completion.chunk` objects, in their order."""

    async def done(self) -> None:
        """The answer is whole."""

    async def fail(self, error: ApiError) -> None:
        """The answer ends here, and badly."""


class Dialect(Protocol):
    """A dialect as one request speaks it."""

    def whole(self, completion: Json) -> Json:
        """The body for a `chat.completion` object."""

    def stream(self, out: EventStream) -> AnswerStream:
        """A stream in this dialect over `out`."""
