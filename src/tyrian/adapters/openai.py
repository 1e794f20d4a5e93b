"""Guarded OpenAI clients: the official client, with every chat judged on its way in and out.

    client = guarded(openai.OpenAI(), Firewall.from_stack("stack.yaml"))

What goes to the model is what the firewall lets through, and what comes back too: redacted text,
tool calls in canonical form. A step that may not go on raises RefusedError. Streams are held back
until they were judged. Endpoints whose messages no guard reads are refused.
"""

import copy
from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar, cast

from tyrian.adapters.openai_stream import ChunkGuard
from tyrian.adapters.openai_wire import read_message, read_messages
from tyrian.adapters.wire import Json, screen, screen_answer
from tyrian.core.message import Trace
from tyrian.errors import BlockedError, MissingDependencyError
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.sync import BACKGROUND

try:
    import openai
except ModuleNotFoundError as error:
    raise MissingDependencyError(
        "the OpenAI adapter needs the package openai, which is not installed",
        hint="pip install 'tyrian[openai]'",
    ) from error

ClientT = TypeVar("ClientT", bound="openai.OpenAI | openai.AsyncOpenAI")

_CHAT = "/chat/completions"
_UNJUDGED = ("/embeddings", "/moderations", "/files", "/uploads", "/vector_stores")
"""What makes no text, and may pass as it is."""
_RAW_RESPONSE = "x-stainless-raw-response"


def guarded(client: ClientT, firewall: Firewall) -> ClientT:
    """A client like this one, and on its connections, with its chats judged by a firewall.

    Copies of it (`with_options`) are guarded too.
    """
    if hasattr(client, "tyrian_firewall"):
        raise BlockedError("the client is guarded already")
    kind: Any = type(client)
    make = _async_request if isinstance(client, openai.AsyncOpenAI) else _sync_request
    names = {"request": make(kind.request, firewall), "tyrian_firewall": firewall, "__slots__": ()}
    twin: Any = client.copy()
    # Every endpoint of a client sends by its `request`, and copies are of the client's own class.
    twin.__class__ = type(f"Guarded{kind.__name__}", (kind,), names)
    return cast(ClientT, twin)


def _sync_request(send: Any, firewall: Firewall) -> Any:
    def request(self: Any, cast_to: Any, options: Any, **how: Any) -> Any:
        if not _is_judged(options):
            return send(self, cast_to, options, **how)
        options, parse = _prepared(options)
        trace = BACKGROUND.run(screen(firewall, read_messages(options.json_data["messages"])))
        answer = send(self, cast_to, options, **how)
        if how.get("stream"):
            answer._iterator = _chunks(answer._iterator, ChunkGuard(firewall, trace))
            return answer
        return parse(BACKGROUND.run(_judged(firewall, answer, trace)))

    return request


def _async_request(send: Any, firewall: Firewall) -> Any:
    async def request(self: Any, cast_to: Any, options: Any, **how: Any) -> Any:
        if not _is_judged(options):
            return await send(self, cast_to, options, **how)
        options, parse = _prepared(options)
        trace = await screen(firewall, read_messages(options.json_data["messages"]))
        answer = await send(self, cast_to, options, **how)
        if how.get("stream"):
            answer._iterator = _achunks(answer._iterator, ChunkGuard(firewall, trace))
            return answer
        return parse(await _judged(firewall, answer, trace))

    return request


def _is_judged(options: Any) -> bool:
    """True for a chat; BlockedError for a request that no guard could judge."""
    path, method = f"/{options.url.strip('/')}", options.method.upper()
    if method == "POST" and path == _CHAT:
        if any(key.lower() == _RAW_RESPONSE for key in options.headers or {}):
            raise BlockedError(
                "a guarded client gives no raw responses, which no guard could read",
                hint="leave `with_raw_response` and `with_streaming_response` out",
            )
        return True
    if method in ("GET", "DELETE") or path.startswith(_UNJUDGED):
        return False
    raise BlockedError(
        f"a guarded client does not judge {path}",
        hint="use chat.completions, or another client where nothing is to be judged",
    )


def _prepared(options: Any) -> tuple[Any, Any]:
    """A copy of the options whose messages may be written to, and what parses the judged answer."""
    body = {**(options.json_data or {}), **(options.extra_json or {})}
    body["messages"] = copy.deepcopy(body.get("messages"))
    parse = options.post_parser
    unset = openai.NOT_GIVEN
    prepared = options.model_copy(
        update={"json_data": body, "extra_json": None, "post_parser": unset}
    )
    return prepared, parse if callable(parse) else _as_it_is


def _as_it_is(answer: Any) -> Any:
    return answer


async def _judged(firewall: Firewall, answer: Any, trace: Trace) -> Any:
    """The completion with every choice as it may go on."""
    given: Json = answer.to_dict(mode="json")
    for index, choice in enumerate(given.get("choices") or []):
        wired = read_message(choice["message"], f"choices[{index}].message")
        if await screen_answer(firewall, wired, trace):
            choice["logprobs"] = None  # they spell the text as it came
    judged = type(answer).construct(**given)
    judged._request_id = answer._request_id
    return judged


def _chunks(chunks: Iterator[Any], guard: ChunkGuard) -> Iterator[Any]:
    try:
        for chunk in chunks:
            yield from BACKGROUND.run(guard.feed(chunk))
        yield from BACKGROUND.run(guard.close())
    finally:
        BACKGROUND.run(guard.settle())


async def _achunks(chunks: AsyncIterator[Any], guard: ChunkGuard) -> AsyncIterator[Any]:
    try:
        async for chunk in chunks:
            for one in await guard.feed(chunk):
                yield one
        for one in await guard.close():
            yield one
    finally:
        await guard.settle()
