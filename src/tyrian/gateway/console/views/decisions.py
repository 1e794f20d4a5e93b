"""The decisions log: found by filters, explained one by one."""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tyrian.gateway.console.pages import Console, asked, gone
from tyrian.gateway.console.visitor import Visitor
from tyrian.gateway.decisions import DecisionLog, Wanted
from tyrian.gateway.store.models.decisions import DecisionRow
from tyrian.gateway.store.models.keys import Key
from tyrian.gateway.store.models.organisations import Project

PAGE = 50
EFFECTS = (
    ("", "Everything"),
    ("noticed", "Noticed"),
    ("flag", "Flagged"),
    ("redact", "Redacted"),
    ("review", "Held"),
    ("block", "Blocked"),
    ("allow", "Allowed"),
)
STAGES = (
    ("", "Anywhere"),
    ("input", "What a user wrote"),
    ("output", "What the model answered"),
    ("tool-call", "A tool call"),
    ("tool-result", "What a tool returned"),
    ("document", "A document"),
)
PERIODS = (
    ("", "All that is kept"),
    ("3600", "The last hour"),
    ("86400", "The last 24 hours"),
    ("604800", "The last 7 days"),
)


def routes(console: Console) -> list[Route]:
    """`/decisions` and `/decisions/{id}`"""
    log = console.settings.decisions or DecisionLog(console.store)

    async def show_all(request: Request, visitor: Visitor) -> Response:
        query = request.query_params
        filters = {
            name: asked(request, name)
            for name in ("effect", "stage", "rule", "key", "model", "id", "period")
        }
        since = int(time.time()) - int(filters["period"]) if filters["period"].isdigit() else 0
        wanted = Wanted(
            effect=filters["effect"],
            stage=filters["stage"],
            rule=filters["rule"],
            key_id=filters["key"],
            model=filters["model"],
            id=filters["id"],
            since=max(since, 0),
        )
        organisation = visitor.organisation_id
        found = await log.find(
            organisation, wanted, before=_place(query.get("before", "")), limit=PAGE + 1
        )
        rows, has_more = found[:PAGE], len(found) > PAGE
        kept = {name: value for name, value in filters.items() if value}
        return console.render(
            request,
            "decisions.html",
            visitor,
            active="decisions",
            rows=rows,
            filters=filters,
            is_filtered=bool(kept),
            effects=[(v, t, _address({**kept, "effect": v})) for v, t in EFFECTS],
            stages=STAGES,
            periods=PERIODS,
            keys=[("", "Any key"), *await _keys(console, organisation)],
            older=_address({**kept, "before": _cursor(rows[-1])}) if has_more else "",
            newest=_address(kept) if "before" in query else "",
        )

    async def show_one(request: Request, visitor: Visitor) -> Response:
        organisation = visitor.organisation_id
        row = await log.get(organisation, request.path_params["id"][:64])
        if row is None:
            raise gone()
        same = await log.find(organisation, Wanted(id=row.request_id), limit=PAGE)
        keys = dict(await _keys(console, organisation))
        return console.render(
            request,
            "decision.html",
            visitor,
            active="decisions",
            row=row,
            verdict=_verdict(row),
            runs=_runs(row, _thresholds(console, row.stage)),
            key_name=keys.get(row.key_id, row.key_id),
            same=[other for other in reversed(same) if other.id != row.id],
        )

    return [
        console.page("/decisions", show_all),
        console.page("/decisions/{id}", show_one),
    ]


@dataclass(frozen=True, slots=True)
class Label:
    """One label of a detector: its score, and what it would take to act."""

    name: str
    score: float
    threshold: float | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class Run:
    """What one detector made of the message."""

    detector: str
    status: str
    reason: str
    elapsed_s: float
    coverage: float
    labels: list[Label]


_VERBS = {
    "allow": "It went on as it was.",
    "flag": "It went on as it was, and was noted.",
    "redact": "It went on without what was found.",
    "review": "It was held until a person has decided.",
    "block": "It was stopped.",
}


def _verdict(row: DecisionRow) -> str:
    """What happened, and why, in a sentence or two."""
    asked = [reason for reason in row.reasons if reason["effect"] == row.effect]
    if not asked or row.effect == "allow":
        return f"No guard objected. {_VERBS['allow']}"
    names = sorted({reason["detector"] for reason in asked})
    found = sorted({reason["label"] for reason in asked if reason["label"]})
    who = " and ".join(names) if len(names) < 3 else f"{len(names)} guards"
    what = f" found {', '.join(found)}" if found else " could not judge it"
    return f"{who}{what}. {_VERBS.get(row.effect, '')}"


def _runs(row: DecisionRow, thresholds: Mapping[str, Mapping[str, float]]) -> list[Run]:
    """The detectors, those that asked for something first."""
    over = {(r["detector"], r["label"]) for r in row.reasons}
    runs = [_run(run, thresholds.get(run["detector"], {}), over) for run in row.runs]
    return sorted(
        runs,
        key=lambda run: (
            not any(label.is_over for label in run.labels),
            -max((label.score for label in run.labels), default=0.0),
        ),
    )


def _run(
    run: Mapping[str, Any], thresholds: Mapping[str, float], over: set[tuple[str, str]]
) -> Run:
    labels = [
        Label(
            name,
            score,
            thresholds.get(name, thresholds.get("*")),
            (run["detector"], name) in over,
        )
        for name, score in sorted(run["scores"].items(), key=lambda item: -item[1])[:8]
    ]
    return Run(
        run["detector"],
        run["status"],
        run["reason"],
        run["elapsed_us"] / 1e6,
        run["coverage"],
        labels,
    )


def _thresholds(console: Console, stage: str) -> dict[str, dict[str, float]]:
    """Thresholds of the stack that runs now; an older decision may have had others."""
    stack = console.settings.console.stack
    if stack is None:
        return {}
    return {
        guard.name: dict(guard.rule().thresholds)
        for guard in stack.guards()
        if guard.stage.value == stage
    }


async def _keys(console: Console, organisation_id: str) -> list[tuple[str, str]]:
    query = (
        select(Key.id, Key.name)
        .join(Project, Project.id == Key.project_id)
        .where(Project.organisation_id == organisation_id)
        .order_by(Key.name)
        .limit(500)
    )
    async with console.store.read() as session:
        return [(row[0], row[1]) for row in await session.execute(query)]


def _address(query: Mapping[str, str]) -> str:
    found = {name: value for name, value in query.items() if value}
    return f"/decisions?{urlencode(found)}" if found else "/decisions"


def _cursor(row: DecisionRow) -> str:
    return urlsafe_b64encode(f"{row.at_ms} {row.id}".encode()).decode()


def _place(cursor: str) -> tuple[int, str] | None:
    try:
        at, _, name = urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return (int(at), name) if name else None
    except ValueError:
        return None
