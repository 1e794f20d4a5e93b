"""Spend limits, usage and costs, in the shapes of OpenAI's administration."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from tyrian.gateway.accounts.budgets import BudgetRecord, Budgets
from tyrian.gateway.accounts.prices import NANOS_PER_USD, usd
from tyrian.gateway.accounts.projects import Projects
from tyrian.gateway.accounts.usage import GROUPS, WIDTHS, Question, Sum, sums
from tyrian.gateway.errors import bad_request
from tyrian.gateway.routes.admin.request import AdminRequest, not_found
from tyrian.gateway.store.engine import Store
from tyrian.gateway.wire import Json

_PER_CENT: Final = NANOS_PER_USD // 100
_BUCKETS: Final = {"1m": (60, 1_440), "1h": (24, 168), "1d": (7, 180)}
"""How many buckets are answered where nobody says, and at most."""

_FILTERS: Final = {
    "project_ids": "project_id",
    "user_ids": "user_id",
    "api_key_ids": "api_key_id",
    "models": "model",
}
_ROUTES: Final = {"completions": ("chat", "responses"), "moderations": ("moderations",)}


class MoneyRoutes:
    """`/spend_limit`, `/usage/...` and `/costs`"""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._budgets = Budgets(store)
        self._projects = Projects(store)

    async def get_limit(self, request: AdminRequest) -> Json:
        """GET /organization/spend_limit and /organization/projects/{project}/spend_limit"""
        subject, kind = await self._subject(request)
        for budget in await self._budgets.of(subject):
            if budget.period == "month":
                return _limit(budget, kind)
        raise not_found("spend limit")

    async def set_limit(self, request: AdminRequest) -> Json:
        """POST to the same"""
        request.only("threshold_amount", "currency", "interval")
        subject, kind = await self._subject(request)
        cents = request.needed("threshold_amount", most=10**11)
        for name, only in (("currency", "USD"), ("interval", "month")):
            if request.text(name, default=only) != only:
                raise bad_request(f"`{name}` must be `{only}`.", param=name)
        return _limit(
            await self._budgets.set(subject, cents * _PER_CENT, "month", by=request.by), kind
        )

    async def drop_limit(self, request: AdminRequest) -> Json:
        """DELETE of the same"""
        subject, kind = await self._subject(request)
        if not await self._budgets.drop(subject, "month", by=request.by):
            raise not_found("spend limit")
        return {"object": f"{kind}.spend_limit.deleted", "deleted": True}

    async def completions(self, request: AdminRequest) -> Json:
        """GET /organization/usage/completions"""
        return await self._usage(request, "completions")

    async def moderations(self, request: AdminRequest) -> Json:
        """GET /organization/usage/moderations"""
        return await self._usage(request, "moderations")

    async def costs(self, request: AdminRequest) -> Json:
        """GET /organization/costs"""

        def shape(found: Sum) -> Json:
            amount = {"value": usd(found.cost_nanos), "currency": "usd"}
            return {"object": "organization.costs.result", "amount": amount, **found.group}

        return await self._page(request, (), shape)

    async def _usage(self, request: AdminRequest, what: str) -> Json:
        def shape(found: Sum) -> Json:
            return {
                "object": f"organization.usage.{what}.result",
                "input_tokens": found.input_tokens,
                "input_cached_tokens": found.cached_tokens,
                "output_tokens": found.output_tokens,
                "num_model_requests": found.requests,
                **found.group,
            }

        return await self._page(request, _ROUTES[what], shape)

    async def _page(
        self, request: AdminRequest, routes: Sequence[str], shape: Callable[[Sum], Json]
    ) -> Json:
        width = (request.asked("bucket_width") or ["1d"])[-1]
        if width not in WIDTHS:
            raise bad_request("`bucket_width` must be 1m, 1h or 1d.", param="bucket_width")
        default, most = _BUCKETS[width]
        limit = request.asked_number("limit", default, least=1, most=most)
        width_s = WIDTHS[width]
        if not request.asked("start_time"):
            raise bad_request("`start_time` is missing.", param="start_time")
        start = request.asked_number("start_time", 0)
        end = request.asked_number("end_time", int(time.time()) + 1)
        # The cursor is the begin of the first bucket of the next page.
        start = request.asked_number("page", start) if request.asked("page") else start
        first = start - start % width_s
        stop = min(end, first + limit * width_s)
        groups = request.asked("group_by")
        unknown = [group for group in groups if group not in GROUPS]
        if unknown:
            raise bad_request(f"`group_by` knows {', '.join(GROUPS)}.", param="group_by")
        question = Question(
            request.organisation_id,
            start,
            stop,
            width_s,
            routes,
            groups,
            {field: ids for name, field in _FILTERS.items() if (ids := request.asked(name))},
        )
        found = await sums(self._store, question)
        buckets = [
            {
                "object": "bucket",
                "start_time": max(begin, start),
                "end_time": min(begin + width_s, end),
                "results": [shape(one) for one in found.get(begin, ())],
            }
            for begin in range(first, stop, width_s)
        ]
        has_more = stop < end
        return {
            "object": "page",
            "data": buckets,
            "has_more": has_more,
            "next_page": str(stop) if has_more else None,
        }

    async def _subject(self, request: AdminRequest) -> tuple[str, str]:
        """Whose limit it is, and the begin of its objects' names."""
        project = request.ids.get("project")
        if project is None:
            return request.organisation_id, "organization"
        if await self._projects.get(request.organisation_id, project) is None:
            raise not_found("project")
        return project, "project"


def _limit(budget: BudgetRecord, kind: str) -> Json:
    is_spent = budget.spent_nanos + budget.reserved_nanos >= budget.limit_nanos
    return {
        "object": f"{kind}.spend_limit",
        "threshold_amount": budget.limit_nanos // _PER_CENT,
        "currency": "USD",
        "interval": "month",
        "enforcement": {"status": "enforcing" if is_spent else "inactive"},
        "spent_usd": usd(budget.spent_nanos),
    }
