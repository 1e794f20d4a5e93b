"""API keys: made in one click, shown once, watched, rotated, revoked."""

import time
from dataclasses import dataclass

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts.budgets import Budgets
from tyrian.gateway.accounts.keys import DAY_S, Change
from tyrian.gateway.accounts.periods import checked_period
from tyrian.gateway.accounts.permissions import BeyondReachError
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.rights import rights_of_key
from tyrian.gateway.accounts.scopes import MODEL_SCOPES
from tyrian.gateway.console.form import Form, nanos_of
from tyrian.gateway.console.pages import Console, Handler, actor, form_of, gone, lacking, told
from tyrian.gateway.console.templates import PERIODS
from tyrian.gateway.console.visitor import Visitor
from tyrian.gateway.errors import ApiError
from tyrian.gateway.store.models.organisations import Membership, Project, ServiceAccount, User
from tyrian.gateway.tokens import KeyKind

LIVES = (("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("", "never"))
OVERLAPS = (
    ("0", "at once"),
    ("3600", "in an hour"),
    ("86400", "in a day"),
    ("604800", "in a week"),
)
KINDS = (
    (KeyKind.LIVE, "Live", "For people and programs in production."),
    (KeyKind.TEST, "Test", "For experiments; the prefix tells it apart."),
    (KeyKind.SERVICE, "Service", "For a program that nobody in particular owns."),
    (KeyKind.ADMIN, "Administration", "Governs this organisation; cannot call models."),
)
SCOPE_WORDS = {
    "chat": "Chat with models",
    "responses": "The Responses API",
    "moderations": "Judge texts",
    "models.read": "List models",
    "files": "Files",
    "finetune": "Fine-tuning",
    "evals": "Evaluations",
    "provenance": "Check where content comes from",
    "admin": "Administration",
    "admin.read": "Look at the administration",
}


@dataclass(frozen=True, slots=True)
class _Names:
    """Names to ids of what keys belong to."""

    projects: dict[str, str]
    owners: dict[str, str]


def routes(console: Console) -> list[Route]:
    """`/keys` and below"""
    pages = _Pages(console)

    def make(path: str, handler: Handler, method: str = "GET") -> Route:
        return console.page(path, handler, method=method, permission="keys.own", is_of_project=True)

    def write(path: str, handler: Handler) -> Route:
        return console.page(path, handler, method="POST")

    return [
        console.page("/keys", pages.list),
        make("/keys/new", pages.new),
        make("/keys", pages.create, "POST"),
        console.page("/keys/{id}", pages.show),
        write("/keys/{id}", pages.change),
        write("/keys/{id}/rotate", pages.rotate),
        write("/keys/{id}/revoke", pages.revoke),
    ]


class _Pages:
    def __init__(self, console: Console) -> None:
        self._console = console

    async def list(self, request: Request, visitor: Visitor) -> Response:
        """All keys of the organisation; only their owners and administrators can change them."""
        records = await self._console.keys.list(organisation_id=visitor.organisation_id)
        names = await self._names(visitor)
        now = time.time()
        wanted = request.query_params.get("show", "active")
        is_over = {"revoked", "expired"}
        rows = [
            (key, key.status(now))
            for key in reversed(records)
            if (key.status(now) in is_over) is (wanted == "ended")
        ]
        return self._console.render(
            request,
            "keys.html",
            visitor,
            active="keys",
            rows=rows,
            has_any=bool(records),
            show=wanted,
            names=names,
        )

    async def new(self, request: Request, visitor: Visitor) -> Response:
        """The form for those who want more than the defaults."""
        return await self._form(request, visitor, Form([]), "")

    async def create(self, request: Request, visitor: Visitor) -> Response:
        """Make a key, with sensible defaults for an empty form; its value is shown only here."""
        form = form_of(request)
        try:
            kind = KeyKind(form.text("kind") or "live")
            project_id = form.text("project") or await self._first_project(visitor)
            if project_id not in (await self._names(visitor)).projects:
                raise gone()
            _check_kind(visitor, kind, project_id)
            checked_period(form.text("period") or "month")
            nanos = nanos_of(form.text("amount")) if form.text("amount") else None
            record, token = await self._console.keys.create(
                form.text("name") or f"{visitor.name}'s key, {time.strftime('%d %b %H:%M')}",
                kind=kind,
                scopes=form.all("scope") or None,
                expires_in_s=_life(form),
                models=_lines(form.text("models")),
                networks=_lines(form.text("networks")),
                project_id=project_id,
                owner_user_id=visitor.user_id,
                by=actor(request, visitor),
            )
        except ValueError:
            return await self._form(request, visitor, form, "Choose a kind of key.")
        except (ConfigError, InputError) as error:
            return await self._form(request, visitor, form, told(error))
        if nanos is not None:
            await Budgets(self._console.store).set(
                record.id, nanos, checked_period(form.text("period")), by=actor(request, visitor)
            )
        return await self._shown(request, visitor, record, token, is_new=True)

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """One key."""
        record = await self._key(request, visitor)
        return await self._detail(request, visitor, record)

    async def change(self, request: Request, visitor: Visitor) -> Response:
        """Rename a key, or switch it off or on."""
        record = await self._own_key(request, visitor)
        form = form_of(request)
        change = Change(
            name=form.text("name") if "name" in form else None,
            is_disabled=form["disabled"] == "yes" if "disabled" in form else None,
        )
        try:
            await self._console.keys.change(record.id, change, by=actor(request, visitor))
        except (ConfigError, InputError) as error:
            return await self._detail(request, visitor, record, failed=told(error), status=400)
        return RedirectResponse(f"/keys/{record.id}?done=key-changed", 303)

    async def rotate(self, request: Request, visitor: Visitor) -> Response:
        """A new value; the old one stays good for a while."""
        record = await self._own_key(request, visitor)
        await self._check_reach(visitor, record)
        overlap = form_of(request).text("overlap")
        if overlap not in dict(OVERLAPS):
            raise ApiError(400, "Choose when the old value ends.")
        try:
            record, token = await self._console.keys.rotate(
                record.id, overlap_s=int(overlap), by=actor(request, visitor)
            )
        except InputError as error:
            return await self._detail(request, visitor, record, failed=told(error), status=409)
        return await self._shown(request, visitor, record, token, is_new=False)

    async def revoke(self, request: Request, visitor: Visitor) -> Response:
        """End a key."""
        record = await self._own_key(request, visitor)
        await self._console.keys.revoke(record.id, by=actor(request, visitor))
        return RedirectResponse("/keys?done=key-revoked", 303)

    async def _key(self, request: Request, visitor: Visitor) -> KeyRecord:
        record = await self._console.keys.get(request.path_params["id"][:64])
        if record is None or record.organisation_id != visitor.organisation_id:
            raise gone()
        return record

    async def _own_key(self, request: Request, visitor: Visitor) -> KeyRecord:
        record = await self._key(request, visitor)
        if not _may_change(visitor, record):
            message = "Only its owner and administrators can change this key."
            raise ApiError(403, message, code="role_too_small")
        return record

    async def _check_reach(self, visitor: Visitor, record: KeyRecord) -> None:
        """Whoever learns an admin key's value may do what it may, so they must may it already."""
        if record.kind is not KeyKind.ADMIN:
            return
        async with self._console.store.read() as session:
            rights = await rights_of_key(session, record)
        try:
            visitor.rights.check_covers_all(rights)
        except BeyondReachError as error:
            raise ApiError(403, told(error), code="role_too_small") from None

    async def _names(self, visitor: Visitor) -> _Names:
        organisation = visitor.organisation_id
        projects = select(Project.id, Project.name).where(
            Project.organisation_id == organisation, Project.archived_at.is_(None)
        )
        services = (
            select(ServiceAccount.id, ServiceAccount.name)
            .join(Project, Project.id == ServiceAccount.project_id)
            .where(Project.organisation_id == organisation)
        )
        people = (
            select(User.id, User.name)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.organisation_id == organisation)
        )
        async with self._console.store.read() as session:
            found = {row[0]: row[1] for row in await session.execute(projects)}
            owners = {row[0]: row[1] for row in await session.execute(services)}
            owners |= {row[0]: row[1] for row in await session.execute(people)}
        return _Names(found, owners)

    async def _first_project(self, visitor: Visitor) -> str:
        query = (
            select(Project.id)
            .where(
                Project.organisation_id == visitor.organisation_id, Project.archived_at.is_(None)
            )
            .order_by(Project.created_at, Project.id)
        )
        async with self._console.store.read() as session:
            found = (await session.scalars(query)).all()
        if not found:
            raise ConfigError("this organisation has no project", hint="make one first")
        return next((it for it in found if visitor.can("keys.own", it)), found[0])

    async def _form(self, request: Request, visitor: Visitor, form: Form, failed: str) -> Response:
        names = await self._names(visitor)
        kinds = [
            kind
            for kind in KINDS
            if kind[0] in ("live", "test")
            or (kind[0] is KeyKind.SERVICE and visitor.can_somewhere("keys.manage"))
            or visitor.can("keys.manage")
        ]
        return self._console.render(
            request,
            "key_new.html",
            visitor,
            status=400 if failed else 200,
            active="keys",
            failed=failed,
            form=form,
            projects=[p for p in names.projects.items() if visitor.can("keys.own", p[0])],
            kinds=kinds,
            lives=LIVES,
            periods=PERIODS,
            scopes=[(scope, SCOPE_WORDS[scope]) for scope in MODEL_SCOPES],
        )

    async def _shown(
        self, request: Request, visitor: Visitor, record: KeyRecord, token: str, *, is_new: bool
    ) -> Response:
        return self._console.render(
            request,
            "key_shown.html",
            visitor,
            active="keys",
            key=record,
            token=token,
            is_new=is_new,
            base=self._console.address(request),
            model=await self._console.model_to_try(),
        )

    async def _detail(
        self,
        request: Request,
        visitor: Visitor,
        record: KeyRecord,
        *,
        failed: str = "",
        status: int = 200,
    ) -> Response:
        return self._console.render(
            request,
            "key.html",
            visitor,
            status=status,
            active="keys",
            failed=failed,
            key=record,
            state=record.status(time.time()),
            names=await self._names(visitor),
            may_change=_may_change(visitor, record),
            overlaps=OVERLAPS,
            scope_words=SCOPE_WORDS,
        )


def _check_kind(visitor: Visitor, kind: KeyKind, project_id: str) -> None:
    """ConfigError or ApiError where the visitor may not make such a key there."""
    if not visitor.can("keys.own", project_id):
        raise lacking("keys.own")
    # An admin key governs the whole organisation, whatever project it is written down under.
    place = None if kind is KeyKind.ADMIN else project_id
    if kind in (KeyKind.ADMIN, KeyKind.SERVICE) and not visitor.can("keys.manage", place):
        raise ConfigError("only who governs everybody's keys makes keys of this kind")


def _may_change(visitor: Visitor, record: KeyRecord) -> bool:
    if record.kind is KeyKind.ADMIN:
        return visitor.can("keys.manage")
    is_own = record.owner_user_id == visitor.user_id
    return visitor.can("keys.manage", record.project_id) or (
        visitor.can("keys.own", record.project_id) and is_own
    )


def _life(form: Form) -> int | None:
    days = form.get("life", "90")
    if days not in dict(LIVES):
        raise ConfigError("choose how long the key lives")
    return int(days) * DAY_S if days else None


def _lines(text: str) -> list[str] | None:
    return [line.strip() for line in text.replace(",", "\n").splitlines() if line.strip()] or None
