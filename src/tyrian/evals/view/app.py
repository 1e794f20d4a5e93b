"""The log viewer: pages of finished runs, for one person on this machine.

There is no script in any page, and none may run: what models wrote is shown as plain text, control
characters as their codes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tyrian.errors import ConfigError, InputError, TyrianError
from tyrian.evals.benchmark import Measure
from tyrian.evals.registry import benchmark_type
from tyrian.evals.report.visible import visible
from tyrian.evals.run.outcome import SUMMARY
from tyrian.evals.run.results import Finished, finished_below
from tyrian.evals.view.index import Brief, Wish, id_of, index_of, outcome_of

HOSTS = ["localhost", "127.0.0.1", "[::1]"]
HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_LONGEST = 200_000
"""Characters of one message that a page shows."""
_WORDS = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One run in the list: its figures as they stand in its summary."""

    id: str
    run: Finished
    cases: int
    scored: int
    figures: tuple[tuple[str, str], ...]


class Viewer:
    """The pages of one directory of runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._pages = Environment(
            loader=PackageLoader("tyrian.evals.view"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.filters |= {"visible": visible, "long": _long, "number": _number}
        self._pages.globals |= {"outcome_of": outcome_of, "case_path": case_path}
        self._style = (files("tyrian.evals.view") / "view.css").read_text(encoding="utf-8")

    def app(self) -> Starlette:
        """All of it as an application."""
        return Starlette(
            routes=[
                Route("/", self._list),
                Route("/view.css", self._css),
                Route("/run/{run}", self._run),
                Route("/run/{run}/case", self._case),
            ],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
            exception_handlers={404: self._missing, TyrianError: self._fault},
        )

    async def _list(self, _: Request) -> Response:
        rows = await run_in_threadpool(self._rows)
        return self._page("runs.html", rows=rows, root=str(self.root))

    def _rows(self) -> list[Row]:
        return [_row(id_of(run, self.root), run) for run in finished_below(self.root)]

    async def _css(self, _: Request) -> Response:
        return Response(self._style, media_type="text/css", headers=HEADERS)

    async def _run(self, request: Request) -> Response:
        row = await run_in_threadpool(self._row, request)
        asked = request.query_params
        wish = Wish(
            asked.get("outcome", ""),
            asked.get("slice", ""),
            asked.get("text", "")[:_WORDS],
            _whole(asked.get("page", "1")),
        )
        index = await run_in_threadpool(index_of, row.run)
        found = await run_in_threadpool(index.found, wish)

        def page_path(page: int) -> str:
            kept = {"outcome": wish.outcome, "slice": wish.slice, "text": wish.text}
            given = {name: value for name, value in kept.items() if value}
            return f"/run/{row.id}?{urlencode({**given, 'page': page})}"

        return self._page(
            "run.html", row=row, index=index, wish=wish, found=found, page_path=page_path
        )

    async def _case(self, request: Request) -> Response:
        row = await run_in_threadpool(self._row, request)
        case = request.query_params.get("id", "")
        nth = _whole(request.query_params.get("pass", "1")) - 1
        index = await run_in_threadpool(index_of, row.run)
        found = await run_in_threadpool(index.record, case, nth)
        if found is None:
            raise _NotHereError(f"the run has no case {case!r}")
        record, before, after = found
        data = {
            name: json.dumps(value, indent=1, ensure_ascii=False, default=str)
            for name, value in (
                ("Answer", record.answer),
                ("Judgement", record.judgement),
                ("Details", record.details),
            )
            if value
        }
        measures = measures_of(row.run)
        values = [
            (measures[name].title if name in measures else name, record.values[name])
            for name in (*measures, *(record.values.keys() - measures.keys()))
            if name in record.values
        ]
        return self._page(
            "case.html",
            row=row,
            record=record,
            values=values,
            before=before,
            after=after,
            data=data,
        )

    def _row(self, request: Request) -> Row:
        wanted = request.path_params["run"]
        for row in self._rows():
            if row.id == wanted:
                return row
        raise _NotHereError("there is no such run here; it may have been moved or removed")

    def _page(self, name: str, status: int = 200, **content: object) -> Response:
        text = self._pages.get_template(name).render(**content)
        return HTMLResponse(text.encode("utf-8", "replace"), status_code=status, headers=HEADERS)

    async def _missing(self, _: Request, __: Exception) -> Response:
        return self._page("fault.html", 404, message="There is no such page.", hint="")

    async def _fault(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, TyrianError)
        status = 404 if isinstance(error, _NotHereError) else 500
        return self._page("fault.html", status, message=error.message, hint=error.hint)


class _NotHereError(InputError):
    """A run or case that is not there."""


def case_path(run: str, brief: Brief) -> str:
    """The address of a case."""
    given = {"id": brief.id, **({"pass": brief.nth + 1} if brief.nth else {})}
    return f"/run/{run}/case?{urlencode(given)}"


def _row(name: str, run: Finished) -> Row:
    measures = measures_of(run)
    try:
        summary = msgspec.json.decode((run.directory / SUMMARY).read_bytes())
        figures = tuple(_figure(one, measures) for one in summary["whole"])
        cases, scored = int(summary["cases"]), int(summary["scored"])
    except (OSError, msgspec.DecodeError, KeyError, TypeError, ValueError):
        figures, cases, scored = (), int(run.manifest.get("cases", 0)), 0
    return Row(name, run, cases, scored, figures)


def measures_of(run: Finished) -> Mapping[str, Measure]:
    """What the benchmark measures, in its order; empty where it is not known here."""
    try:
        return {one.name: one for one in benchmark_type(run.benchmark).measures}
    except ConfigError:
        return {}


def _figure(figure: Mapping[str, Any], measures: Mapping[str, Measure]) -> tuple[str, str]:
    name = str(figure["measure"])
    measure = measures.get(name)
    title = measure.title if measure else name
    best = figure["above_chance"] or figure["estimate"]
    if best["value"] is None or not best["n"]:
        return title, "no case scored"
    is_share = measure is None or measure.highest == 1.0
    value, low, high = (best[one] * (100 if is_share else 1) for one in ("value", "low", "high"))
    text = f"{value:.1f}{' %' if is_share else ''} [{low:.1f}, {high:.1f}]"
    return title, text + (" above chance" if figure["above_chance"] else "")


def _long(text: str) -> str:
    return visible(text, _LONGEST)


def _number(value: float) -> str:
    return f"{value:g}" if value == round(value, 3) else f"{value:.3f}"


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else 1
