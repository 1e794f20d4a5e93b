"""What a request costs: reserved before the model is asked, settled once it has answered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tyrian.gateway.context import RequestContext

if TYPE_CHECKING:  # the key store brings the database along
    from tyrian.gateway.accounts.record import KeyRecord

BYTES_PER_TOKEN = 4
"""For estimates, where a model server told no usage."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request asks for, as far as it can be known before the answer."""

    model: str
    """The name that the client used."""
    prompt_tokens: int
    """Estimated from its text."""
    max_completion_tokens: int | None
    """The client's own bound for all choices together; None where it set none."""
    names_model: bool = True
    """False where the client asks for no model by name: no list of a key bounds it, and no price
    holds for it."""


@dataclass(slots=True)
class Usage:
    """Tokens that a request has used so far."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Those of the prompt that the model server had in its cache."""
    is_estimate: bool = True
    """False once the model server has told."""


class Charge(Protocol):
    """A reservation for one request."""

    def settle(self, usage: Usage) -> None:
        """Book what was used and free the rest; called exactly once, however the request ends.

        Nothing makes the client wait, and so nothing can keep it from being booked.
        """


class Meter(Protocol):
    """Keeps budgets and limits."""

    async def reserve(self, key: "KeyRecord", demand: Demand, context: RequestContext) -> Charge:
        """Reserve for a request; ApiError (429) where nothing is left.

        Headers for the answer (`x-ratelimit-...`) go to `context.headers`.
        """


class NoCharge:
    """Costs nothing."""

    def settle(self, usage: Usage) -> None:
        """Nothing to book."""


class NoMeter:
    """No budgets and no limits."""

    async def reserve(self, key: "KeyRecord", demand: Demand, context: RequestContext) -> Charge:
        """Let everything through."""
        return NoCharge()


@asynccontextmanager
async def metered(
    meter: Meter, key: "KeyRecord", demand: Demand, context: RequestContext
) -> AsyncIterator[Usage]:
    """The usage to fill in while a request is served; settled on every way out."""
    charge = await meter.reserve(key, demand, context)
    usage = Usage()
    try:
        yield usage
    finally:
        charge.settle(usage)
