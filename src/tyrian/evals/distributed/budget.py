"""One budget for many workers: each leases a slice of it for a second, and tells what it spent.

Neither the limit of requests of one process nor its ledger sees other processes. So whoever holds
the key's budget gives out leases; a worker asks its models only with one in hand.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tyrian.evals.exchange import Reply, Request
from tyrian.evals.models.model import Model
from tyrian.evals.run.ledger import BudgetError, Ledger

SLICE_S = 1.0
MOST_AT_ONCE = 64
"""Requests of one lease at most, so that little is spent beyond a budget's end."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What a worker may do now."""

    requests: int
    seconds: float
    """After so long the lease is void; with no requests, ask again then."""
    spent: str = ""
    """Why nothing more may be asked at all; empty while something may."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a worker did since it last told."""

    model: str = ""
    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Budget:
    """The budget of one key: money and tokens by the ledger, and requests by the second."""

    def __init__(
        self, ledger: Ledger, clock: Callable[[], float], rate: float | None = None
    ) -> None:
        self.ledger = ledger
        self._clock = clock
        self._rate = rate
        self._given = 0.0
        self._slice = clock()

    def lease(self, wanted: int, spent: Spent) -> Lease:
        """Book what was spent, and give out what is left of this second."""
        self.book(spent)
        try:
            self.ledger.admit()
        except BudgetError as error:
            return Lease(0, SLICE_S, str(error))
        now = self._clock()
        if now - self._slice >= SLICE_S:
            self._slice, self._given = now, 0.0
        free = MOST_AT_ONCE if self._rate is None else int(self._rate * SLICE_S - self._given)
        given = max(0, min(wanted, free, MOST_AT_ONCE))
        self._given += given
        return Lease(given, SLICE_S - (now - self._slice))

    def book(self, spent: Spent) -> None:
        """Count what a worker spent."""
        self.ledger.answers += spent.answers
        self.ledger.prompt_tokens += spent.prompt_tokens
        self.ledger.completion_tokens += spent.completion_tokens
        self.ledger.spent += self.ledger.price(
            spent.model, spent.prompt_tokens, spent.completion_tokens
        )


Purse = Callable[[int, Spent], Awaitable[Lease]]
"""Where a worker gets leases for so many requests: a budget here, or an actor elsewhere."""


class LeasedModel:
    """A model that is asked only with a lease; BudgetError where nothing may be spent any more."""

    def __init__(
        self,
        inner: Model,
        purse: Purse,
        clock: Callable[[], float],
    ) -> None:
        self.name = inner.name
        self.identity = inner.identity
        self._inner = inner
        self._purse = purse
        self._clock = clock
        self._left = 0
        self._end = 0.0
        self._spent = Spent(inner.name)
        self._renewing = asyncio.Lock()

    async def reply(self, request: Request) -> Reply:
        """The model's reply, once there is a lease for it."""
        while not self._has_lease():
            async with self._renewing:
                if not self._has_lease():
                    await self._renew()
        self._left -= 1
        reply = await self._inner.reply(request)
        self._spent = replace(
            self._spent,
            answers=self._spent.answers + 1,
            prompt_tokens=self._spent.prompt_tokens + reply.usage.prompt,
            completion_tokens=self._spent.completion_tokens + reply.usage.completion,
        )
        return reply

    def _has_lease(self) -> bool:
        return self._left > 0 and self._clock() < self._end

    async def _renew(self) -> None:
        told, self._spent = self._spent, Spent(self.name)
        lease = await self._purse(MOST_AT_ONCE, told)
        if lease.spent:
            raise BudgetError(lease.spent, hint="raise it and run again: what is done is kept")
        self._left, self._end = lease.requests, self._clock() + lease.seconds
        if not lease.requests:
            await asyncio.sleep(max(0.01, lease.seconds))

    async def close(self) -> None:
        """Tell what is left to tell, and close the model."""
        told, self._spent = self._spent, Spent(self.name)
        await self._purse(0, told)
        await self._inner.close()
