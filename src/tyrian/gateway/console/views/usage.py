"""Usage and spend: who used what, what it cost, and what is left of the budgets."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func as sql
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts.alerts import Alerts, Wish
from tyrian.gateway.accounts.budgets import BudgetRecord, Budgets
from tyrian.gateway.alert_channels import Channels
from tyrian.gateway.console.chart import Chart, stacked
from tyrian.gateway.console.form import nanos_of
from tyrian.gateway.console.pages import Console, Handler, actor, form_of, gone, lacking, told
from tyrian.gateway.console.templates import PERIODS, dollars, number
from tyrian.gateway.console.visitor import Visitor
from tyrian.gateway.store.models.keys import Key
from tyrian.gateway.store.models.money import LedgerEntry
from tyrian.gateway.store.models.organisations import Project

SPANS = {
    "day": ("24 hours", 24, 3_600),
    "week": ("7 days", 28, 6 * 3_600),
    "month": ("30 days", 30, 86_400),
    "quarter": ("90 days", 90, 86_400),
}
GROUPS = {
    "model": ("Model", LedgerEntry.model),
    "key": ("Key", LedgerEntry.key_id),
    "project": ("Project", LedgerEntry.project_id),
    "effect": ("Decision", LedgerEntry.effect),
}


@dataclass(frozen=True, slots=True)
class Line:
    """The sums of one group."""

    id: str
    name: str
    requests: int
    input_tokens: int
    output_tokens: int
    nanos: int
    refused: int
    """Answers with an error, or that a guard stopped."""


def routes(console: Console) -> list[Route]:
    """`/usage` and `/budgets`"""
    pages = _Pages(console)

    def write(path: str, handler: Handler) -> Route:
        return console.page(
            path, handler, method="POST", permission="budgets.manage", is_of_project=True
        )

    return [
        console.page("/usage", pages.show),
        write("/budgets", pages.set_budget),
        write("/budgets/drop", pages.drop_budget),
        write("/spend-alerts", pages.add_alert),
        write("/spend-alerts/{id}/delete", pages.delete_alert),
    ]


class _Pages:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._budgets = Budgets(console.store)
        self._alerts = Alerts(console.store)

    async def show(self, request: Request, visitor: Visitor, failed: str = "") -> Response:
        """Charts, sums and budgets."""
        query = request.query_params
        span = query.get("span", "week") if query.get("span") in SPANS else "week"
        group = query.get("by", "model") if query.get("by") in GROUPS else "model"
        key_id = query.get("key", "")[:64]
        _, count, step_s = SPANS[span]
        last = int(time.time()) // step_s * step_s
        times = [last - step_s * i for i in reversed(range(count))]
        names = await self._names(visitor.organisation_id)
        rows = await self._rows(visitor.organisation_id, times[0], step_s, group, key_id)
        lines = _lines(rows, names)
        places = await self._places(visitor.organisation_id)
        subjects = [
            (visitor.organisation_id, f"All of {visitor.organisation_name}"),
            *((i, n) for i, n in names.items() if i.startswith(("proj_", "key_"))),
        ]
        bindable = {i for i, _ in subjects if visitor.can("budgets.manage", places.get(i))}
        series: dict[str, dict[str, dict[int, float]]] = {
            what: defaultdict(lambda: defaultdict(float)) for what in ("requests", "cost")
        }
        tokens: dict[str, dict[int, float]] = {"input": {}, "output": {}}
        for row in rows:
            name = _name(row.group, names)
            series["requests"][name][row.at] += row.requests
            series["cost"][name][row.at] += int(row.nanos)
            tokens["input"][row.at] = tokens["input"].get(row.at, 0) + int(row.input_tokens)
            tokens["output"][row.at] = tokens["output"].get(row.at, 0) + int(row.output_tokens)
        charts: list[tuple[str, str, Chart]] = [
            (
                "Requests",
                number(sum(line.requests for line in lines)),
                stacked(times, series["requests"], step_s=step_s, words=number),
            ),
            (
                "Tokens",
                number(sum(line.input_tokens + line.output_tokens for line in lines)),
                stacked(times, tokens, step_s=step_s, words=number),
            ),
            (
                "Spend",
                dollars(sum(line.nanos for line in lines)),
                stacked(times, series["cost"], step_s=step_s, words=lambda v: dollars(int(v))),
            ),
        ]
        return self._console.render(
            request,
            "usage.html",
            visitor,
            status=400 if failed else 200,
            active="usage",
            failed=failed,
            charts=charts,
            lines=lines,
            span=span,
            spans=[(name, told) for name, (told, _, _) in SPANS.items()],
            group=group,
            groups=[(name, told) for name, (told, _) in GROUPS.items()],
            key_id=key_id,
            key_name=names.get(key_id, ""),
            budgets=await self._budget_lines(visitor.organisation_id, names),
            subjects=[(i, n) for i, n in subjects if i in bindable],
            bindable=bindable,
            alerts=await self._alerts.list(visitor.organisation_id),
            alert_subjects=[
                (i, n) for i, n in subjects if i in bindable and not i.startswith("key_")
            ],
            fired=await self._alerts.fired(visitor.organisation_id),
            names=names,
            channels=self._console.settings.alert_channels or Channels(),
            periods=PERIODS,
        )

    async def set_budget(self, request: Request, visitor: Visitor) -> Response:
        """Let an organisation, project or key spend so much."""
        form = form_of(request)
        subject = form.text("subject")
        await self._check_subject(visitor, subject)
        try:
            nanos = nanos_of(form.text("amount"))
            await self._budgets.set(subject, nanos, form.text("period"), by=actor(request, visitor))
        except (ConfigError, InputError) as error:
            return await self.show(request, visitor, told(error))
        return RedirectResponse("/usage?done=budget-set", 303)

    async def drop_budget(self, request: Request, visitor: Visitor) -> Response:
        """Lift a bound."""
        form = form_of(request)
        subject = form.text("subject")
        await self._check_subject(visitor, subject)
        await self._budgets.drop(subject, form.text("period"), by=actor(request, visitor))
        return RedirectResponse("/usage?done=budget-dropped", 303)

    async def add_alert(self, request: Request, visitor: Visitor) -> Response:
        """Tell of it once spending reaches an amount."""
        form = form_of(request)
        subject = form.text("subject")
        await self._check_subject(visitor, subject)
        if subject.startswith("key_"):
            raise gone()
        recipients = form.text("recipients").replace(",", " ").split()
        try:
            await self._alerts.create(
                visitor.organisation_id,
                Wish(nanos_of(form.text("amount")), tuple(recipients)),
                project_id=None if subject == visitor.organisation_id else subject,
                by=actor(request, visitor),
            )
        except (ConfigError, InputError) as error:
            return await self.show(request, visitor, told(error))
        return RedirectResponse("/usage?done=alert-made", 303)

    async def delete_alert(self, request: Request, visitor: Visitor) -> Response:
        """Delete an alert."""
        alert_id = request.path_params["id"][:64]
        found = await self._alerts.get(visitor.organisation_id, alert_id)
        if found is None:
            raise gone()
        if not visitor.can("budgets.manage", found.project_id):
            raise lacking("budgets.manage")
        await self._alerts.delete(visitor.organisation_id, found.id, by=actor(request, visitor))
        return RedirectResponse("/usage?done=alert-deleted", 303)

    async def _check_subject(self, visitor: Visitor, subject: str) -> None:
        places = await self._places(visitor.organisation_id)
        if subject != visitor.organisation_id and subject not in places:
            raise gone()
        if not visitor.can("budgets.manage", places.get(subject)):
            raise lacking("budgets.manage")

    async def _rows(
        self, organisation_id: str, since: int, step_s: int, group: str, key_id: str
    ) -> Sequence[Any]:
        at = LedgerEntry.created_at - LedgerEntry.created_at % step_s
        column = GROUPS[group][1]
        query = (
            select(
                column.label("group"),
                at.label("at"),
                sql.count().label("requests"),
                sql.sum(LedgerEntry.input_tokens).label("input_tokens"),
                sql.sum(LedgerEntry.output_tokens).label("output_tokens"),
                sql.sum(LedgerEntry.cost_nanos).label("nanos"),
                sql.count()
                .filter((LedgerEntry.status >= 400) | LedgerEntry.effect.in_(("block", "review")))
                .label("refused"),
            )
            .where(LedgerEntry.organisation_id == organisation_id, LedgerEntry.created_at >= since)
            .group_by(column, at)
        )
        if key_id:
            query = query.where(LedgerEntry.key_id == key_id)
        async with self._console.store.read() as session:
            return (await session.execute(query)).all()

    async def _names(self, organisation_id: str) -> dict[str, str]:
        projects = select(Project.id, Project.name).where(
            Project.organisation_id == organisation_id
        )
        keys = (
            select(Key.id, Key.name)
            .join(Project, Project.id == Key.project_id)
            .where(Project.organisation_id == organisation_id)
        )
        async with self._console.store.read() as session:
            found = {row[0]: row[1] for row in await session.execute(projects)}
            return found | {row[0]: row[1] for row in await session.execute(keys)}

    async def _places(self, organisation_id: str) -> dict[str, str]:
        """The project that each project and key is, or is in."""
        projects = select(Project.id).where(Project.organisation_id == organisation_id)
        keys = (
            select(Key.id, Key.project_id)
            .join(Project, Project.id == Key.project_id)
            .where(Project.organisation_id == organisation_id)
        )
        async with self._console.store.read() as session:
            found = {it: it for it in await session.scalars(projects)}
            return found | {row[0]: row[1] for row in await session.execute(keys)}

    async def _budget_lines(
        self, organisation_id: str, names: dict[str, str]
    ) -> list[tuple[str, BudgetRecord]]:
        found = [("Everything", budget) for budget in await self._budgets.of(organisation_id)]
        for subject_id, name in names.items():
            found += [(name, budget) for budget in await self._budgets.of(subject_id)]
        return found


def _lines(rows: Sequence[Any], names: dict[str, str]) -> list[Line]:
    sums: dict[str, list[int]] = {}
    for row in rows:
        line = sums.setdefault(row.group, [0] * 5)
        for i, value in enumerate(
            (row.requests, row.input_tokens, row.output_tokens, row.nanos, row.refused)
        ):
            line[i] += int(value or 0)
    lines = [Line(group, _name(group, names), *values) for group, values in sums.items()]
    return sorted(lines, key=lambda line: (-line.nanos, -line.requests, line.name))


_EFFECTS = {
    "": "not judged",
    "allow": "allowed",
    "flag": "flagged",
    "redact": "redacted",
    "review": "held",
    "block": "blocked",
}


def _name(group: str, names: dict[str, str]) -> str:
    return names.get(group) or _EFFECTS.get(group) or group
