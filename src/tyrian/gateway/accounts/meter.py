"""The meter of a gateway with accounts: rate limits, budgets and the ledger."""

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from tyrian.errors import StoreError
from tyrian.gateway.accounts import limits
from tyrian.gateway.accounts.books import Held
from tyrian.gateway.accounts.ledger import Ledger, Row
from tyrian.gateway.accounts.prices import FREE, Price, PriceList
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.spending import Fired
from tyrian.gateway.accounts.till import Till
from tyrian.gateway.accounts.windows import MemoryWindows, Take, Windows
from tyrian.gateway.context import RequestContext
from tyrian.gateway.errors import ApiError, store_unavailable
from tyrian.gateway.metering import BYTES_PER_TOKEN, Charge, Demand, Usage
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id

GUESSED_OUTPUT_TOKENS: Final = 4_096
"""What is reserved for an answer to which the client sets no bound."""

CLIENT_LEFT: Final = 499


class AccountMeter:
    """Keeps the limits and budgets of keys. Implements Meter."""

    def __init__(
        self,
        store: Store,
        *,
        prices: PriceList | None = None,
        windows: Windows | None = None,
        clock: Callable[[], float] = time.time,
        on_fired: Callable[[Fired], None] | None = None,
    ) -> None:
        self._prices = prices or PriceList({})
        self._windows = windows or MemoryWindows()
        self._clock = clock
        self.till = Till(store, clock=clock)
        self.ledger = Ledger(store, clock=clock, on_fired=on_fired)
        self._correcting: set[asyncio.Task[None]] = set()

    def priced(self, prices: PriceList) -> "AccountMeter":
        """The same meter, with other prices from now on: it counts what this one counts."""
        twin = copy.copy(self)
        twin._prices = prices
        return twin

    async def reserve(self, key: KeyRecord, demand: Demand, context: RequestContext) -> Charge:
        """Reserve for a request; ApiError (403, 429, 503) where it may not be served."""
        if demand.names_model and not key.allows_model(demand.model):
            message = f"This key may not use the model `{demand.model}`."
            raise ApiError(403, message, code="model_not_allowed", param="model")
        answer_tokens = demand.max_completion_tokens
        if answer_tokens is None:
            answer_tokens = GUESSED_OUTPUT_TOKENS
        tokens = demand.prompt_tokens + answer_tokens
        takes = limits.takes_for(key, demand.model, tokens)
        price = self._prices.of(demand.model) if demand.names_model else FREE
        entry = ""
        try:
            entry = await self._take(takes, demand.model, context)
            held = await self._hold(key, demand, price, answer_tokens, context)
        except BaseException as error:
            # It counts as a request, but will use no tokens.
            correcting = self.correct(entry, takes, Usage())
            if correcting is not None and not isinstance(error, asyncio.CancelledError):
                await correcting
            if isinstance(error, StoreError):
                raise store_unavailable() from None
            raise
        return _AccountCharge(self, key, demand, context, price, takes, entry, held)

    async def _take(self, takes: Sequence[Take], model: str, context: RequestContext) -> str:
        if not takes:
            return ""
        taken = await self._windows.take(takes)
        context.headers += limits.headers(taken.states)
        if taken.refused is not None:
            raise limits.limit_reached(taken, model)
        return taken.entry

    async def _hold(
        self,
        key: KeyRecord,
        demand: Demand,
        price: Price,
        answer_tokens: int,
        context: RequestContext,
    ) -> Held | None:
        if not key.budgets or price == FREE:
            return None
        # A token is at least a byte, so no prompt has more of them than bytes.
        nanos = price.of(demand.prompt_tokens * BYTES_PER_TOKEN, answer_tokens)
        held = await self.till.reserve(key, nanos)
        if held is None:
            raise ApiError(
                429,
                "The budget of this key, its project or its organisation does not cover this"
                " request. A smaller `max_completion_tokens` reserves less.",
                code="insufficient_quota",
                headers=((b"x-should-retry", b"false"),),
            )
        return held

    def correct(self, entry: str, takes: Sequence[Take], usage: Usage) -> asyncio.Task[None] | None:
        """Set what a request took from limits of tokens to what it used, in the background.

        The task that does it; None where nothing is left to do.
        """
        used = usage.prompt_tokens + usage.completion_tokens
        amounts = [used if limits.counts_tokens(take) else take.amount for take in takes]
        if entry and any(
            take.amount != amount for take, amount in zip(takes, amounts, strict=True)
        ):
            waiting = self._windows.correct(entry, takes, amounts)
            if waiting is not None:
                task = asyncio.create_task(_corrected(waiting))
                self._correcting.add(task)
                task.add_done_callback(self._correcting.discard)
                return task
        return None

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    async def close(self) -> None:
        """Write what is left to write."""
        await self.till.close()
        await self.ledger.close()
        await self._windows.close()


async def _corrected(waiting: Awaitable[None]) -> None:
    try:
        await waiting
    except StoreError:
        return  # the larger amount that was reserved stays for as long as the window


class _AccountCharge:
    """A reservation in limits and budgets for one request."""

    def __init__(
        self,
        meter: AccountMeter,
        key: KeyRecord,
        demand: Demand,
        context: RequestContext,
        price: Price,
        takes: Sequence[Take],
        entry: str,
        held: Held | None,
    ) -> None:
        self._meter = meter
        self._key = key
        self._demand = demand
        self._context = context
        self._price = price
        self._takes = takes
        self._entry = entry
        self._held = held

    def settle(self, usage: Usage) -> None:
        """Book what was used and free the rest; none of it makes the client wait."""
        self._meter.correct(self._entry, self._takes, usage)
        nanos = self._price.of(usage.prompt_tokens, usage.completion_tokens)
        if self._held is not None:
            self._meter.till.settle(self._held, nanos, lambda booked: self._note(usage, booked))
        else:
            self._note(usage, nanos)

    def _note(self, usage: Usage, nanos: int) -> None:
        elapsed_ms = int(self._context.elapsed_s * 1000)
        now = int(self._meter.now())

        def entry() -> Row:
            context, key = self._context, self._key
            return {
                "id": new_id("led"),
                "request_id": context.id,
                "organisation_id": key.organisation_id,
                "project_id": key.project_id,
                "key_id": key.id,
                "user_id": key.owner_user_id,
                "route": context.route[:40],
                "model": self._demand.model[:200],
                "status": context.status or CLIENT_LEFT,
                "effect": context.effect[:8],
                "input_tokens": usage.prompt_tokens,
                "cached_tokens": usage.cached_tokens,
                "output_tokens": usage.completion_tokens,
                "cost_nanos": nanos,
                "is_estimate": usage.is_estimate,
                "elapsed_ms": elapsed_ms,
                "created_at": now,
            }

        self._meter.ledger.note(entry)
