"""The audit log: who did what, whether the record is whole, and all of it to take along."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from tyrian.gateway.accounts import checkpoints
from tyrian.gateway.accounts.audit import append
from tyrian.gateway.accounts.chain import Link
from tyrian.gateway.console.audit import entries
from tyrian.gateway.console.audit.entries import GROUPS, Row, Wanted, find, link_of, pieces
from tyrian.gateway.console.audit.names import names_of
from tyrian.gateway.console.audit.watch import ChainWatch
from tyrian.gateway.console.audit.words import deed_of, entry_of, ids_in
from tyrian.gateway.console.headers import FOR_PAGES
from tyrian.gateway.console.pages import Console, actor, asked, need
from tyrian.gateway.console.visitor import Visitor

PAGE = 50
READ = "audit.read"


def routes(console: Console) -> list[Route]:
    """`/audit` and below"""
    pages = _Pages(console)
    return [
        console.page("/audit", pages.show, permission=READ),
        console.page("/audit/check", pages.check, method="POST", permission=READ),
        console.page("/audit/export", pages.export, method="POST", permission=READ),
    ]


class _Pages:
    def __init__(self, console: Console) -> None:
        self._console = console
        home = console.settings.console.home
        self._watch = ChainWatch(console.store, home / checkpoints.FILE_NAME if home else None)
        console.on_close(self._watch.close)

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The entries that fit, the newest first, and the state of the whole chain."""
        need(visitor, READ)
        names = ("event", "actor", "from", "to")
        filters = {name: asked(request, name) for name in names}
        before = asked(request, "before")
        organisation = visitor.organisation_id
        wanted = Wanted(
            event=filters["event"],
            actor=filters["actor"],
            since=_day(filters["from"]),
            until=_day(filters["to"], days=1),
        )
        place = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else 0
        found = await find(self._console.store, organisation, wanted, before=place, limit=PAGE + 1)
        links, has_more = found[:PAGE], len(found) > PAGE
        named = await names_of(self._console.store, organisation, ids_in(links))
        named[organisation] = visitor.organisation_name
        state = await self._watch.look(organisation)
        kept = {name: value for name, value in filters.items() if value}
        older = {**kept, "before": str(links[-1].sequence)} if has_more else {}
        return self._console.render(
            request,
            "audit.html",
            visitor,
            active="audit",
            entries=[entry_of(link, named) for link in links],
            plain=_plain,
            state=state,
            filters=filters,
            is_filtered=bool(kept),
            events=_events(filters["event"]),
            older=_address(older) if older else "",
            newest=_address(kept) if place else "",
        )

    async def check(self, request: Request, visitor: Visitor) -> Response:
        """Read the whole chain again."""
        need(visitor, READ)
        await self._watch.look(visitor.organisation_id, anew=True)
        return RedirectResponse("/audit", 303)

    async def export(self, request: Request, visitor: Visitor) -> Response:
        """All entries as `tyrian audit verify FILE` takes them; the last one tells of this."""
        need(visitor, READ)
        console, organisation = self._console, visitor.organisation_id
        async with console.store.write() as session:
            await append(session, organisation, "audit_log.exported", actor(request, visitor), {})
        end = await entries.head(console.store, organisation)
        day = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%d")
        headers = {
            **FOR_PAGES,
            "content-disposition": f'attachment; filename="tyrian-audit-{day}.jsonl"',
        }
        lines = self._lines(organisation, end.sequence)
        return StreamingResponse(lines, headers=headers, media_type="application/jsonl")

    async def _lines(self, organisation_id: str, until: int) -> AsyncIterator[bytes]:
        async for rows in pieces(self._console.store, organisation_id, until=until):
            yield await asyncio.to_thread(_lines_of, rows)


def _lines_of(rows: Sequence[Row]) -> bytes:
    return b"".join(checkpoints.link_line(link_of(row)) for row in rows)


def _events(chosen: str) -> list[tuple[str, str]]:
    offered = [("", "Everything"), *((name, words) for name, (words, _) in GROUPS.items())]
    if chosen and chosen not in GROUPS:
        offered.append((chosen, f"“{deed_of(chosen)}”"))
    return offered


def _plain(link: Link) -> str:
    """Everything that the hash of an entry covers, to be read."""
    fields = {
        "id": link.id,
        "at": link.at,
        "type": link.type,
        "actor": link.actor,
        "project_id": link.project_id,
        "details": link.details,
    }
    return json.dumps(fields, ensure_ascii=False, indent=2)


def _day(text: str, *, days: int = 0) -> int:
    """The beginning of a day in UTC, so many days on; 0 for what is no day."""
    try:
        return int((datetime.fromisoformat(text[:10]) + timedelta(days=days))
                   .replace(tzinfo=UTC).timestamp())  # fmt: skip
    except (ValueError, OverflowError):
        return 0


def _address(query: Mapping[str, str]) -> str:
    return f"/audit?{urlencode(query)}" if query else "/audit"
