"""Budgets of many workers: each leases a slice for a second, and tells what it spent.

Neither the limit of requests of one process nor its ledger sees other processes. So one holder has
the budget of every key, and the ledger of all: a worker asks a model only with a lease from there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tyrian.evals.exchange import Reply, Request
from tyrian.evals.models.model import Model, account_of
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
    account: str = ""
    """Whose key it was spent with, and for whom the lease is."""
    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(slots=True)
class _Slice:
    """What was given of one key's requests since its slice began."""

    began: float
    given: int = 0


class Budget:
    """Money and tokens of a run by its ledger, and requests by the second of each key.

    `rate` is each key's requests per second.
    """

    def __init__(
        self, ledger: Ledger, clock: Callable[[], float], rate: float | None = None
    ) -> None:
        self.ledger = ledger
        self._clock = clock
        self._rate = rate
        # A rate below one a second needs a longer slice to give out anything.
        self._slice_s = SLICE_S if rate is None else max(SLICE_S, 1 / rate)
        self._slices: dict[str, _Slice] = {}

    def lease(self, wanted: int, spent: Spent) -> Lease:
        """Book what was spent, and give out what is left of this second of its key."""
        self.book(spent)
        try:
            self.ledger.admit()
        except BudgetError as error:
            return Lease(0, SLICE_S, str(error))
        now = self._clock()
        current = self._slices.setdefault(spent.account, _Slice(now))
        if now - current.began >= self._slice_s:
            current.began, current.given = now, 0
        most = MOST_AT_ONCE
        if self._rate is not None:
            most = min(most, max(1, int(self._rate * self._slice_s)) - current.given)
        given = max(0, min(wanted, most))
        current.given += given
        return Lease(given, self._slice_s - (now - current.began))

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
        self._nothing = self._spent = Spent(inner.name, account_of(inner))
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
        told, self._spent = self._spent, self._nothing
        lease = await self._purse(MOST_AT_ONCE, told)
        if lease.spent:
            raise BudgetError(lease.spent, hint="raise it and run again: what is done is kept")
        self._left, self._end = lease.requests, self._clock() + lease.seconds
        if not lease.requests:
            await asyncio.sleep(max(0.01, lease.seconds))

    async def close(self) -> None:
        """Tell what is left to tell, and close the model."""
        told, self._spent = self._spent, self._nothing
        await self._purse(0, told)
        await self._inner.close()
