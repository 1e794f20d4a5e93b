"""Guarded Anthropic clients: the official client, with every message judged in and out.

    client = guarded(anthropic.Anthropic(), Firewall.from_stack("stack.yaml"))

What goes to the model is what the firewall lets through, and what comes back too: redacted text,
tool calls in canonical form. A step that may not go on raises RefusedError. Streams are held back
until they were judged. Endpoints whose messages no guard reads are refused.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from tyrian.adapters.anthropic_stream import EventGuard
from tyrian.adapters.anthropic_wire import read_answer, read_request
from tyrian.adapters.client import guard_client
from tyrian.adapters.wire import Json, Wired, screen_answer
from tyrian.core.message import Trace
from tyrian.errors import MissingDependencyError
from tyrian.firewall.firewall import Firewall

try:
    import anthropic
except ModuleNotFoundError as error:
    raise MissingDependencyError(
        "the Anthropic adapter needs the package anthropic, which is not installed",
        hint="pip install 'tyrian[anthropic]'",
    ) from error

ClientT = TypeVar("ClientT", bound="anthropic.Anthropic | anthropic.AsyncAnthropic")


def guarded(client: ClientT, firewall: Firewall) -> ClientT:
    """A client like this one, and on its connections, with its messages judged by a firewall.

    Copies of it (`with_options`) are guarded too.
    """
    is_async = isinstance(client, anthropic.AsyncAnthropic)
    return guard_client(client, firewall, _Anthropic(), is_async=is_async)


class _Anthropic:
    chat = "/v1/messages"
    unjudged: tuple[str, ...] = ("/v1/messages/count_tokens", "/v1/files")
    instead = "messages"
    unset = anthropic.NOT_GIVEN

    def read(self, body: Json) -> Iterable[Wired]:
        return read_request(body)

    async def judged(self, firewall: Firewall, answer: Any, trace: Trace) -> Any:
        """The message as it may go on."""
        given: Json = answer.to_dict(mode="json")
        if await screen_answer(firewall, read_answer(given), trace):
            for block in given["content"]:
                block.pop("citations", None)  # they quote what may have been redacted
        judged = type(answer).construct(**given)
        judged._request_id = answer._request_id
        return judged

    def chunks(self, firewall: Firewall, trace: Trace) -> EventGuard:
        return EventGuard(firewall, trace)
