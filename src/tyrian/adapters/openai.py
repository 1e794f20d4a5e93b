"""Guarded OpenAI clients: the official client, with chats and responses judged in and out.

    client = guarded(openai.OpenAI(), Firewall.from_stack("stack.yaml"))

What goes to the model is what the firewall lets through, and what comes back too: redacted text,
tool calls in canonical form. A step that may not go on raises RefusedError. Streams are held back
until they were judged. Endpoints whose messages no guard reads are refused.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from tyrian.adapters.client import guard_client
from tyrian.adapters.openai_responses import Responses
from tyrian.adapters.openai_stream import ChunkGuard
from tyrian.adapters.openai_wire import KEYS, read_message, read_messages
from tyrian.adapters.wire import Json, Wired, screen_answer
from tyrian.core.message import Trace
from tyrian.errors import BlockedError, MissingDependencyError
from tyrian.firewall.firewall import Firewall

try:
    import openai
except ModuleNotFoundError as error:
    raise MissingDependencyError(
        "the OpenAI adapter needs the package openai, which is not installed",
        hint="pip install 'tyrian[openai]'",
    ) from error

ClientT = TypeVar("ClientT", bound="openai.OpenAI | openai.AsyncOpenAI")


def guarded(client: ClientT, firewall: Firewall) -> ClientT:
    """A client like this one, and on its connections, with its chats judged by a firewall.

    Copies of it (`with_options`) are guarded too.
    """
    is_async = isinstance(client, openai.AsyncOpenAI)
    members = {name: _without_sockets(type(client), name) for name in _WITH_SOCKETS}
    return guard_client(client, firewall, _Chat(), Responses(), is_async=is_async, members=members)


_WITH_SOCKETS = ("responses", "realtime", "beta")


class _NoSocket:
    """Stands for what would talk to a model past every guard."""

    def __getattr__(self, name: str) -> Any:
        raise BlockedError(
            f"a guarded client opens no socket to a model ({name})",
            hint="use chat.completions or responses.create, or another client",
        )


def _without_sockets(kind: Any, name: str) -> property:
    """A part of the client without its ways to a model that are no requests."""
    if name == "realtime":
        return property(lambda client: _NoSocket())

    def part(client: Any) -> Any:
        made = getattr(kind, name).func(client)
        if name == "beta":
            made.__dict__["realtime"] = _NoSocket()
        else:
            made.connect = lambda **_: _NoSocket().connect
        return made

    return property(part)


class _Chat:
    chat = "/chat/completions"
    unjudged: tuple[str, ...] = (
        "/embeddings",
        "/moderations",
        "/files",
        "/uploads",
        "/vector_stores",
    )
    instead = "chat.completions"
    unset = openai.NOT_GIVEN

    def read(self, body: Json) -> Iterable[Wired]:
        return read_messages(body.get("messages"))

    async def judged(self, firewall: Firewall, answer: Any, trace: Trace) -> Any:
        """The completion with every choice as it may go on."""
        given: Json = answer.to_dict(mode="json")
        for index, choice in enumerate(given.get("choices") or []):
            wired = read_message(choice["message"], f"choices[{index}].message")
            if await screen_answer(firewall, wired, trace):
                choice["logprobs"] = None  # they spell the text as it came
            # What no guard reads does not leave: annotations, transcripts, servers' own fields.
            choice["message"] = {k: v for k, v in choice["message"].items() if k in KEYS}
        judged = type(answer).construct(**given)
        judged._request_id = answer._request_id
        return judged

    def chunks(self, firewall: Firewall, trace: Trace) -> ChunkGuard:
        return ChunkGuard(firewall, trace)
