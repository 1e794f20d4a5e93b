"""The pages: playground, models, a shared snapshot, and the page on the way to another site."""

import hashlib
import time
from base64 import b64encode
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tyrian.gateway.accounts.audit import Actor
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.tiers import highest
from tyrian.gateway.catalogue import Catalogue
from tyrian.gateway.console.headers import CONTENT_SECURITY_POLICY, FOR_PAGES
from tyrian.gateway.console.pages import Console
from tyrian.gateway.console.playground.cards import card
from tyrian.gateway.console.playground.keep import DAY_S, Playground
from tyrian.gateway.console.playground.markdown import is_web_address
from tyrian.gateway.console.playground.rejudge import POLICIES
from tyrian.gateway.console.playground.snapshot_page import snapshot_page
from tyrian.gateway.console.visitor import Visitor
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.store.models.organisations import Project, TierGrant
from tyrian.gateway.tokens import KeyKind
from tyrian.gateway.wire import Json

KEY_LIFE_S: Final = 90 * DAY_S
KEY_SCOPES: Final = ("chat", "models.read", "moderations")


def routes(console: Console, catalogue: Catalogue) -> list[Route]:
    """All pages of the playground."""
    pages = _Pages(console, catalogue, Playground(console.store))
    return [
        console.page("/playground", pages.playground, permission="models.try"),
        console.page(
            *("/playground/key", pages.make_key),
            method="POST",
            permission="keys.own",
            is_of_project=True,
        ),
        console.page("/models", pages.models),
        console.page("/playground/shared/{id}", pages.shared),
        console.page("/playground/shared/{id}/content", pages.shared_content),
        console.public("/leave", pages.leave),
    ]


class _Pages:
    def __init__(self, console: Console, catalogue: Catalogue, playground: Playground) -> None:
        self._console = console
        self._catalogue = catalogue
        self._playground = playground
        self._style = (
            files("tyrian.gateway.console") / "playground/static/snapshot.css"
        ).read_text()

    async def playground(self, request: Request, visitor: Visitor) -> Response:
        """The workplace itself; what it shows comes by its modules."""
        return self._console.render(
            request,
            "playground/playground.html",
            visitor,
            active="playground",
            policies=POLICIES,
            tags=("block", "review", "redact", "flag", "allow"),
        )

    async def make_key(self, request: Request, visitor: Visitor) -> Response:
        """A key in one click: for the first project where the visitor may have one, for 90 days."""
        keys = self._console.settings.keys
        if not isinstance(keys, Keys):
            raise ApiError(404, "This gateway makes no keys.", code="not_found")
        query = (
            select(Project.id)
            .where(
                Project.organisation_id == visitor.organisation_id, Project.archived_at.is_(None)
            )
            .order_by(Project.created_at, Project.id)
        )
        async with self._console.store.read() as session:
            projects = (await session.scalars(query)).all()
        project_id = next((it for it in projects if visitor.can("keys.own", it)), None)
        if project_id is None:
            raise bad_request("Your organisation has no project to make a key for.")
        record, value = await keys.create(
            time.strftime("playground %Y-%m-%d %H:%M", time.gmtime()),
            kind=KeyKind.LIVE,
            scopes=KEY_SCOPES,
            expires_in_s=KEY_LIFE_S,
            project_id=project_id,
            owner_user_id=visitor.user_id,
            by=_actor(visitor),
        )
        told = {
            "id": record.id,
            "name": record.name,
            "value": value,
            "expires_at": record.expires_at,
        }
        headers = {**FOR_PAGES, "content-type": "application/json"}
        return Response(msgspec.json.encode(told), 201, headers=headers)

    async def models(self, request: Request, visitor: Visitor) -> Response:
        """The catalogue, a card for each model."""
        firewall = self._console.settings.firewall
        infos = firewall.infos() if firewall else ()
        tier = await self._tier(visitor.organisation_id)
        reader = KeyRecord("", "", KeyKind.LIVE, frozenset(), 0, tier=tier)
        found = await self._catalogue.models()
        cards = [card(m, self._catalogue.state(m), infos, reader) for m in found.values()]
        return self._console.render(
            request,
            "playground/models.html",
            visitor,
            active="models",
            **_sorted_out(cards, request),
        )

    async def _tier(self, organisation_id: str) -> str:
        """What the organisation was granted, as its keys have it at most."""
        query = select(TierGrant.tier, TierGrant.expires_at).where(
            TierGrant.organisation_id == organisation_id,
            TierGrant.revoked_at.is_(None),
            TierGrant.program == "",
        )
        now = time.time()
        async with self._console.store.read() as session:
            rows = (await session.execute(query)).all()
        return highest(tier for tier, until in rows if until is None or until > now)

    async def shared(self, request: Request, visitor: Visitor) -> Response:
        """The frame around a snapshot; its content stands in a sandbox of its own."""
        snapshot = await self._playground.snapshot(
            visitor.organisation_id, request.path_params["id"]
        )
        if snapshot is None:
            raise _gone()
        page = self._console.render(
            request,
            "playground/shared.html",
            visitor,
            active="playground",
            snapshot=snapshot,
            columns=len(_list((snapshot.payload or {}).get("columns"))),
        )
        page.headers["content-security-policy"] = CONTENT_SECURITY_POLICY + "; frame-src 'self'"
        return page

    async def shared_content(self, request: Request, visitor: Visitor) -> Response:
        """What was shared, as a document without scripts, without cookies and without an origin."""
        snapshot = await self._playground.snapshot(
            visitor.organisation_id, request.path_params["id"]
        )
        if snapshot is None or snapshot.payload is None:
            raise _gone()
        digest = b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        headers = {
            **FOR_PAGES,
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": (
                f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; sandbox;"
                " form-action 'none'; frame-ancestors 'self'; require-trusted-types-for 'script';"
                " trusted-types 'none'"
            ),
            "x-frame-options": "SAMEORIGIN",
        }
        text = snapshot_page(snapshot, self._style)
        return Response(text, headers=headers)

    async def leave(self, request: Request) -> Response:
        """Names the site that a link leads to, before anything is asked of it."""
        target = request.query_params.get("to", "")
        if not is_web_address(target):
            raise bad_request("This link leads nowhere that can be named.")
        host = urlsplit(target).hostname or ""
        return self._console.render(
            request,
            "playground/leave.html",
            target=target,
            host=host,
            is_odd=not host.isascii() or "xn--" in host,
        )


def _actor(visitor: Visitor) -> Actor:
    return Actor("session", visitor.user_id, visitor.email)


def _gone() -> ApiError:
    message = (
        "There is no such snapshot: it has expired, was revoked, or is not your organisation's."
    )
    return ApiError(404, message, code="not_found")


def _sorted_out(cards: Sequence[Json], request: Request) -> dict[str, Any]:
    """The cards that fit what is looked for, and what there is to look for."""
    wanted = request.query_params.get("q", "").strip()[:100]
    kind = request.query_params.get("reads", "")
    words = wanted.lower().split()
    fitting = [
        one
        for one in cards
        if all(word in f"{one['id']} {one['owned_by']} {one['licence']}".lower() for word in words)
        and (not kind or kind in _list(one["modalities"]))
    ]
    kinds = sorted({name for one in cards for name in _list(one["modalities"])})
    fitting.sort(key=lambda one: str(one["id"]))
    return {"cards": fitting, "count": len(cards), "wanted": wanted, "kind": kind, "kinds": kinds}


def _list(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
