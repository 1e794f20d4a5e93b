"""OpenAI's chat dialect: what we speak inside, so there is next to nothing to do."""

from collections.abc import Sequence

from tyrian.gateway.errors import ApiError
from tyrian.gateway.event_stream import EventStream
from tyrian.gateway.sse import frame
from tyrian.gateway.wire import Json


class OpenAIStream:
    """One `data:` event for each chunk, `[DONE]` at the end."""

    def __init__(self, out: EventStream) -> None:
        self._out = out

    @property
    def has_begun(self) -> bool:
        """True once the client has got a byte."""
        return self._out.has_begun

    async def write(self, chunks: Sequence[bytes]) -> None:
        """Send the chunks as they are."""
        await self._out.write(b"".join([frame(chunk) for chunk in chunks]))

    async def done(self) -> None:
        """Send `[DONE]`."""
        await self._out.done()

    async def fail(self, error: ApiError) -> None:
        """Send an error event in place of `[DONE]`."""
        await self._out.fail(error)


class OpenAIDialect:
    """The dialect."""

    def whole(self, completion: Json) -> Json:
        """The completion itself."""
        return completion

    def stream(self, out: EventStream) -> OpenAIStream:
        """A stream of its chunks."""
        return OpenAIStream(out)
