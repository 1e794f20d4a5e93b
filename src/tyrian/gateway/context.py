"""What one request gathers on its way, for headers, metrics and the log."""

import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tyrian.core.decision import Decision
    from tyrian.gateway.accounts.record import KeyRecord

Scope = MutableMapping[str, Any]
ReceiveEvent = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[ReceiveEvent]]
Send = Callable[[ReceiveEvent], Awaitable[None]]
Endpoint = Callable[[Scope, Receive, Send], Awaitable[None]]
NoteDecision = Callable[["Decision", int | None], None]
"""Hears of a decision, and of the place of its message in the request; None for an answer."""

_KEY = "tyrian.context"


class RequestContext:
    """Mutable notes about one request; never any text of its body."""

    __slots__ = (
        "content_type",
        "effect",
        "headers",
        "id",
        "key",
        "key_id",
        "model",
        "on_decision",
        "route",
        "started",
        "status",
        "upstream_s",
    )

    def __init__(self) -> None:
        self.id = "req_" + secrets.token_hex(12)
        self.started = time.perf_counter()
        self.status = 0
        self.route = "other"
        self.key_id = ""
        self.key: KeyRecord | None = None
        """Whose request it is, once that is known."""
        self.content_type = b""
        """Of the answer, once it has begun."""
        self.model = ""
        self.effect = ""
        """The greatest effect of any guard so far, empty where none has judged."""
        self.on_decision: NoteDecision | None = None
        """Hears of each decision of this request, where somebody asked to see them."""
        self.headers: list[tuple[bytes, bytes]] = []
        """Further headers of the answer, be it good or an error."""
        self.upstream_s = 0.0
        """Time until the upstream's headers came."""

    @property
    def elapsed_s(self) -> float:
        """Seconds since the request came in."""
        return time.perf_counter() - self.started


def attach(scope: Scope) -> RequestContext:
    """Begin a context for this request."""
    context = RequestContext()
    scope[_KEY] = context
    return context


def context_of(scope: Scope) -> RequestContext:
    """The context of this request."""
    context: RequestContext = scope[_KEY]
    return context
