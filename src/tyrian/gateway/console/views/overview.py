"""The first page: how things stand, and what to do next."""

import time

from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tyrian.gateway.console.pages import Console
from tyrian.gateway.console.visitor import Visitor
from tyrian.gateway.store.models.decisions import DecisionRow
from tyrian.gateway.store.models.keys import Key
from tyrian.gateway.store.models.money import LedgerEntry
from tyrian.gateway.store.models.organisations import Project

DAY_S = 86_400
EFFECTS = ("allow", "flag", "redact", "review", "block")


def routes(console: Console) -> list[Route]:
    """`/`"""

    async def show(request: Request, visitor: Visitor) -> Response:
        since = int(time.time()) - DAY_S
        organisation = visitor.organisation_id
        keys = (
            select(func.count())
            .select_from(Key)
            .join(Project, Project.id == Key.project_id)
            .where(Project.organisation_id == organisation, Key.revoked_at.is_(None))
        )
        spent = select(
            func.count(),
            func.coalesce(func.sum(LedgerEntry.input_tokens + LedgerEntry.output_tokens), 0),
            func.coalesce(func.sum(LedgerEntry.cost_nanos), 0),
        ).where(LedgerEntry.organisation_id == organisation, LedgerEntry.created_at >= since)
        decided = (
            select(DecisionRow.effect, func.count())
            .where(DecisionRow.organisation_id == organisation, DecisionRow.at_ms >= since * 1000)
            .group_by(DecisionRow.effect)
        )
        latest = (
            select(DecisionRow)
            .where(DecisionRow.organisation_id == organisation, DecisionRow.effect != "allow")
            .order_by(DecisionRow.at_ms.desc(), DecisionRow.id.desc())
            .limit(6)
        )
        async with console.store.read() as session:
            key_count = await session.scalar(keys) or 0
            requests, tokens, nanos = (await session.execute(spent)).one()
            effects: dict[str, int] = {row[0]: row[1] for row in await session.execute(decided)}
            recent = (await session.scalars(latest)).all()
        firewall = console.settings.firewall
        return console.render(
            request,
            "overview.html",
            visitor,
            active="overview",
            key_count=key_count,
            requests=requests,
            tokens=int(tokens),
            nanos=int(nanos),
            effects=[(name, effects.get(name, 0)) for name in EFFECTS],
            judged=sum(effects.values()),
            stopped=sum(effects.get(name, 0) for name in ("redact", "review", "block")),
            recent=recent,
            guards=sorted({info.name for _, info in firewall.infos()}) if firewall else [],
            has_playground=console.has("/playground"),
            base_url=f"{console.address(request)}/v1",
        )

    return [console.page("/", show)]
