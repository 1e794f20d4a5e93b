"""What guarded clients share: the official client, of which every request is judged on its way.

Works for clients whose endpoints all send by a method `request`, with options that hold path, body
and parser, and give a stream with an `_iterator`: those of OpenAI and Anthropic.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast

from tyrian.adapters.wire import Json, Wired, screen
from tyrian.core.message import Trace
from tyrian.errors import BlockedError
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.sync import BACKGROUND

ClientT = TypeVar("ClientT")

_RAW_RESPONSE = "x-stainless-raw-response"


class Chunks(Protocol):
    """Guards the pieces of one streamed answer."""

    async def feed(self, chunk: Any) -> list[Any]:
        """Take the next piece; the pieces that may leave now. RefusedError once one may not."""

    async def close(self) -> list[Any]:
        """Judge what a stream without an end has left."""

    async def settle(self) -> None:
        """Write a decision down also where nobody reads on."""


class Dialect(Protocol):
    """How a client's requests and answers are written."""

    chat: str
    """Path of the endpoint that is judged."""
    unjudged: tuple[str, ...]
    """Beginnings of paths that make no text, and pass as they are."""
    instead: str
    """What to use in the place of any other endpoint."""
    unset: Any
    """What stands for an option that is not given."""

    def read(self, body: Json) -> Iterable[Wired]:
        """The messages of a request; InputError for what no guard could read."""

    async def judged(self, firewall: Firewall, answer: Any, trace: Trace) -> Any:
        """The answer as it may go on."""

    def chunks(self, firewall: Firewall, trace: Trace) -> Chunks:
        """A guard for one streamed answer."""


def guard_client(
    client: ClientT,
    firewall: Firewall,
    *dialects: Dialect,
    is_async: bool,
    members: Mapping[str, object] | None = None,
) -> ClientT:
    """A client like this one, and on its connections; copies of it are guarded too.

    `members` stand in the place of the client's own.
    """
    if hasattr(client, "tyrian_firewall"):
        raise BlockedError("the client is guarded already")
    kind: Any = type(client)
    make = _async_request if is_async else _sync_request
    request = make(kind.request, firewall, dialects)
    names = {"request": request, "tyrian_firewall": firewall, "__slots__": (), **(members or {})}
    twin: Any = cast(Any, client).copy()
    # Every endpoint of a client sends by its `request`, and copies are of the client's own class.
    twin.__class__ = type(f"Guarded{kind.__name__}", (kind,), names)
    return cast(ClientT, twin)


def _sync_request(send: Any, firewall: Firewall, dialects: Sequence[Dialect]) -> Any:
    def request(self: Any, cast_to: Any, options: Any, **how: Any) -> Any:
        dialect = _dialect_of(options, dialects)
        if dialect is None:
            return send(self, cast_to, options, **how)
        options, parse = _prepared(options, dialect)
        trace = BACKGROUND.run(screen(firewall, dialect.read(options.json_data)))
        answer = send(self, cast_to, options, **how)
        if how.get("stream"):
            answer._iterator = _chunks(answer._iterator, dialect.chunks(firewall, trace))
            return answer
        return parse(BACKGROUND.run(dialect.judged(firewall, answer, trace)))

    return request


def _async_request(send: Any, firewall: Firewall, dialects: Sequence[Dialect]) -> Any:
    async def request(self: Any, cast_to: Any, options: Any, **how: Any) -> Any:
        dialect = _dialect_of(options, dialects)
        if dialect is None:
            return await send(self, cast_to, options, **how)
        options, parse = _prepared(options, dialect)
        trace = await screen(firewall, dialect.read(options.json_data))
        answer = await send(self, cast_to, options, **how)
        if how.get("stream"):
            answer._iterator = _achunks(answer._iterator, dialect.chunks(firewall, trace))
            return answer
        return parse(await dialect.judged(firewall, answer, trace))

    return request


def _dialect_of(options: Any, dialects: Sequence[Dialect]) -> Dialect | None:
    """How a request is to be judged; None for one that asks a model for nothing.

    BlockedError for what no guard could judge, and for what was made elsewhere and kept there.
    """
    path, method = f"/{options.url.partition('?')[0].strip('/')}", options.method.upper()
    for dialect in dialects:
        if path.startswith(dialect.unjudged):
            return None
        if method == "POST" and path == dialect.chat:
            if any(key.lower() == _RAW_RESPONSE for key in options.headers or {}):
                raise BlockedError(
                    "a guarded client gives no raw responses, which no guard could read",
                    hint="leave `with_raw_response` and `with_streaming_response` out",
                )
            return dialect
    is_kept = any(path.startswith(f"{dialect.chat}/") for dialect in dialects)
    if method == "DELETE" or (method == "GET" and not is_kept):
        return None
    instead = " or ".join(dialect.instead for dialect in dialects)
    raise BlockedError(
        f"a guarded client does not judge {path}",
        hint=f"use {instead}, or another client where nothing is to be judged",
    )


def _prepared(options: Any, dialect: Dialect) -> tuple[Any, Any]:
    """A copy of the options whose body may be written to, and what parses the judged answer."""
    body = {**(options.json_data or {}), **(options.extra_json or {})}
    parse = options.post_parser
    update = {
        "json_data": _plain(body),
        "extra_json": None,
        "post_parser": dialect.unset,
    }
    return options.model_copy(update=update), parse if callable(parse) else _as_it_is


def _plain(value: Any) -> Any:
    """A copy of a body, with what came as objects of the client's own types as JSON."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_unset=True, by_alias=True)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _as_it_is(answer: Any) -> Any:
    return answer


def _chunks(chunks: Iterator[Any], guard: Chunks) -> Iterator[Any]:
    try:
        for chunk in chunks:
            yield from BACKGROUND.run(guard.feed(chunk))
        yield from BACKGROUND.run(guard.close())
    finally:
        BACKGROUND.run(guard.settle())


async def _achunks(chunks: AsyncIterator[Any], guard: Chunks) -> AsyncIterator[Any]:
    try:
        async for chunk in chunks:
            for one in await guard.feed(chunk):
                yield one
        for one in await guard.close():
            yield one
    finally:
        await guard.settle()
