"""The review queue: what waits for a person, shown so that one can decide with a clear mind."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tyrian.errors import InputError
from tyrian.gateway.accounts import audit
from tyrian.gateway.console.pages import Console, actor, form_of, gone, lacking, told
from tyrian.gateway.console.visitor import Visitor
from tyrian.gateway.errors import ApiError
from tyrian.gateway.reviews import MAX_NOTE, ReviewRecord, Reviews
from tyrian.gateway.store.models.keys import Key
from tyrian.gateway.store.models.organisations import Membership, Project, User
from tyrian.gateway.store.models.reviews import Review

PAGE = 100
_DECISIONS = {"approve": True, "refuse": False}


def routes(console: Console) -> list[Route]:
    """`/reviews` and `/reviews/{id}`, where this gateway keeps reviews"""
    if console.settings.reviews is None:
        return []
    pages = _Pages(console, console.settings.reviews)
    return [
        console.page("/reviews", pages.list),
        console.page(
            "/reviews/{id}",
            pages.decide,
            method="POST",
            permission="reviews.decide",
            is_of_project=True,
        ),
    ]


class _Pages:
    def __init__(self, console: Console, reviews: Reviews) -> None:
        self._console = console
        self._reviews = reviews

    async def list(self, request: Request, visitor: Visitor, failed: str = "") -> Response:
        """What waits, the oldest first; or what was decided, the newest first."""
        show = request.query_params.get("show", "waiting")
        is_waiting = show != "past"
        found = await self._of(visitor.organisation_id)
        wanted = [one for one in found if (one.status == "pending") is is_waiting]
        if is_waiting:
            wanted.reverse()
        keys, people = await self._names(visitor.organisation_id)
        projects = await self._projects(visitor.organisation_id)
        return self._console.render(
            request,
            "reviews.html",
            visitor,
            status=409 if failed else 200,
            active="reviews",
            failed=failed,
            reviews=[(one, [_call(call) for call in one.calls]) for one in wanted[:PAGE]],
            show=show,
            waiting=sum(one.status == "pending" for one in found),
            keys=keys,
            people=people,
            decidable={
                one.id for one in wanted if visitor.can("reviews.decide", projects.get(one.key_id))
            },
            now=self._reviews.now(),
        )

    async def decide(self, request: Request, visitor: Visitor) -> Response:
        """Approve or refuse, once."""
        form = form_of(request)
        decision = _DECISIONS.get(form.text("decision"))
        if decision is None:
            raise ApiError(400, "Approve or refuse.")
        review_id = request.path_params["id"][:64]
        found = {one.id: one for one in await self._of(visitor.organisation_id)}
        if review_id not in found:
            raise gone()
        projects = await self._projects(visitor.organisation_id)
        if not visitor.can("reviews.decide", projects.get(found[review_id].key_id)):
            raise lacking("reviews.decide")
        try:
            await self._reviews.decide(
                review_id,
                is_approved=decision,
                by=visitor.user_id,
                note=form.text("note")[:MAX_NOTE],
            )
        except InputError as error:
            return await self.list(request, visitor, told(error))
        word = "approved" if decision else "refused"
        async with self._console.store.write() as session:
            await audit.append(
                session,
                visitor.organisation_id,
                f"review.{word}",
                actor(request, visitor),
                {"id": review_id},
            )
        return RedirectResponse(f"/reviews?done=review-{word}", 303)

    async def _of(self, organisation_id: str) -> Sequence[ReviewRecord]:
        """The reviews of an organisation's keys, newest first."""
        query = (
            select(Review.id)
            .join(Key, Key.id == Review.key_id)
            .join(Project, Project.id == Key.project_id)
            .where(Project.organisation_id == organisation_id)
            .order_by(Review.created_at.desc())
            .limit(2 * PAGE)
        )
        async with self._console.store.read() as session:
            ids = (await session.scalars(query)).all()
        return [one for i in ids if (one := await self._reviews.get(i)) is not None]

    async def _projects(self, organisation_id: str) -> dict[str, str]:
        """The projects of keys."""
        query = (
            select(Key.id, Key.project_id)
            .join(Project, Project.id == Key.project_id)
            .where(Project.organisation_id == organisation_id)
        )
        async with self._console.store.read() as session:
            return {row[0]: row[1] for row in await session.execute(query)}

    async def _names(self, organisation_id: str) -> tuple[dict[str, str], dict[str, str]]:
        keys = (
            select(Key.id, Key.name)
            .join(Project, Project.id == Key.project_id)
            .where(Project.organisation_id == organisation_id)
        )
        people = (
            select(User.id, User.name)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.organisation_id == organisation_id)
        )
        async with self._console.store.read() as session:
            return (
                {row[0]: row[1] for row in await session.execute(keys)},
                {row[0]: row[1] for row in await session.execute(people)},
            )


def _call(call: dict[str, Any]) -> dict[str, Any]:
    """A call with what would really be done, as text that nothing hides in."""
    canonical = call.get("canonical")
    shown = canonical if canonical is not None else call.get("arguments", "")
    text = json.dumps(shown, indent=2, ensure_ascii=False) if canonical is not None else str(shown)
    return {**call, "shown": text}
