"""Reviews in the store: parked, listed, decided, and used once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.core.decision import CallReport
from tyrian.core.message import Message, TextPart
from tyrian.errors import InputError
from tyrian.firewall.pseudonym import Pseudonyms
from tyrian.gateway.accounts.permissions import Rights
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.rights import rights_of_key
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.keys import Key
from tyrian.gateway.store.models.organisations import Project
from tyrian.gateway.store.models.reviews import Review
from tyrian.gateway.wire import Json
from tyrian.review.request import Parked, ReviewAnswer, ReviewRequest

EXPIRES_S: Final = 3_600
KEPT_S: Final = 30 * 86_400
"""How long a review is remembered after it has expired."""

POLL_S: Final = 0.25
MAX_LISTED: Final = 500
MAX_NOTE: Final = 500
STATUSES: Final = ("pending", "approved", "refused", "used", "expired")

Notify = Callable[["ReviewRecord"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """A review as those may see it who decide on it."""

    id: str
    key_id: str
    status: str
    """One of STATUSES."""
    stage: str
    policy: str
    request_id: str
    created_at: int
    """Seconds since 1970, as all times here."""
    expires_at: int
    decided_at: int | None
    decided_by: str | None
    note: str | None
    used_at: int | None
    calls: Sequence[Json]
    reasons: Sequence[Json]
    message: Json | None
    """What goes on once it is approved; None when it is no longer kept."""


class Reviews:
    """The reviews in a store."""

    def __init__(
        self,
        store: Store,
        *,
        expires_s: int = EXPIRES_S,
        wait_s: float = 0.0,
        notify: Notify | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._expires_s = expires_s
        self._wait_s = wait_s
        self._notify = notify
        self._clock = clock

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    def reviewer(self, key_id: str, pseudonyms: Pseudonyms) -> "StoreReviewer":
        """What brings the requests of one key here."""
        return StoreReviewer(self, key_id, pseudonyms, self._wait_s)

    async def park(self, request: ReviewRequest, key_id: str, message: Json | None) -> str:
        """Keep a request; its id."""
        now = int(self._clock())
        review = Review(
            id=request.id,
            key_id=key_id,
            digest=request.digest,
            status="pending",
            stage=request.stage.value,
            policy=request.policy,
            request_id=request.trace_id,
            payload=_payload(request, message),
            created_at=now,
            expires_at=now + self._expires_s,
        )
        async with self._store.write() as session:
            await session.execute(delete(Review).where(Review.expires_at < now - KEPT_S))
            session.add(review)
        if self._notify is not None:
            await self._notify(_record(review, now))
        return request.id

    async def find(self, digest: bytes, key_id: str) -> list[ReviewRecord]:
        """All reviews of the same request of a key, newest first."""
        async with self._store.read() as session:
            found = await session.scalars(
                select(Review)
                .where(Review.digest == digest, Review.key_id == key_id)
                .order_by(Review.created_at.desc(), Review.id)
                .limit(MAX_LISTED)
            )
            return [_record(review, self._clock()) for review in found]

    async def list(
        self, status: str = "", limit: int = 100, *, organisation_id: str | None = None
    ) -> list[ReviewRecord]:
        """The newest reviews, of one status and one organisation where they are named."""
        now = int(self._clock())
        query = select(Review).order_by(Review.created_at.desc(), Review.id)
        if status == "pending":
            query = query.where(Review.status == status, Review.expires_at > now)
        if organisation_id is not None:
            foreign = (
                select(Key.id)
                .join(Project, Project.id == Key.project_id)
                .where(Project.organisation_id != organisation_id)
            )
            query = query.where(Review.key_id.not_in(foreign))
        async with self._store.read() as session:
            found = [_record(one, now) for one in await session.scalars(query.limit(MAX_LISTED))]
        return [one for one in found if status in ("", one.status)][:limit]

    async def place_of(self, review: ReviewRecord) -> tuple[str, str] | None:
        """Organisation and project of a review's key; None where keys are kept elsewhere."""
        query = (
            select(Project.organisation_id, Project.id)
            .join(Key, Key.project_id == Project.id)
            .where(Key.id == review.key_id)
        )
        async with self._store.read() as session:
            row = (await session.execute(query)).one_or_none()
        return None if row is None else (row[0], row[1])

    async def rights_of_key(self, key: KeyRecord) -> Rights:
        """What an admin key may do."""
        async with self._store.read() as session:
            return await rights_of_key(session, key)

    async def get(self, review_id: str) -> ReviewRecord | None:
        """One review, None where there is none."""
        async with self._store.read() as session:
            review = await session.get(Review, review_id)
        return None if review is None else _record(review, self._clock())

    async def decide(
        self, review_id: str, *, is_approved: bool, by: str, note: str = ""
    ) -> ReviewRecord:
        """Approve or refuse; InputError where there is nothing left to decide."""
        now = int(self._clock())
        change = (
            update(Review)
            .where(Review.id == review_id, Review.status == "pending", Review.expires_at > now)
            .values(
                status="approved" if is_approved else "refused",
                decided_at=now,
                decided_by=by,
                note=note or None,
            )
        )
        async with self._store.write() as session:
            if not await _changed(session, change):
                raise InputError("the review was decided already, has expired, or is not there")
            review = await session.get(Review, review_id)
        return _record(cast(Review, review), now)

    async def use(self, review_id: str) -> bool:
        """Use an approval up; False where another did so first, or where it is none."""
        now = int(self._clock())
        change = (
            update(Review)
            .where(
                Review.id == review_id,
                Review.status == "approved",
                Review.used_at.is_(None),
                Review.expires_at > now,
            )
            .values(used_at=now)
        )
        async with self._store.write() as session:
            return await _changed(session, change)


async def _changed(session: AsyncSession, change: Any) -> bool:
    result = cast("CursorResult[Any]", await session.execute(change))
    return result.rowcount == 1


class StoreReviewer:
    """Parks what one key's requests ask about. Implements Reviewer."""

    def __init__(
        self, reviews: Reviews, key_id: str, pseudonyms: Pseudonyms, wait_s: float
    ) -> None:
        self._reviews = reviews
        self._key_id = key_id
        self._pseudonyms = pseudonyms
        self._wait_s = wait_s

    async def ask(self, request: ReviewRequest) -> ReviewAnswer | Parked:
        """An answer that waits for just this, else one that comes in time; else it is parked."""
        found = await self._reviews.find(request.digest, self._key_id)
        waiting = ""
        for review in found:
            if review.status == "approved" and await self._reviews.use(review.id):
                return ReviewAnswer(True, review.decided_by or "")
            if review.status == "refused" and review.expires_at > self._reviews.now():
                return ReviewAnswer(False, review.decided_by or "")
            waiting = waiting or (review.id if review.status == "pending" else "")
        if not waiting:
            message = _as_openai(request.message, self._pseudonyms)
            waiting = await self._reviews.park(request, self._key_id, message)
        return await self._wait(waiting)

    async def recall(self, request: ReviewRequest) -> ReviewAnswer | None:
        """Whether the same was approved once."""
        for review in await self._reviews.find(request.digest, self._key_id):
            if review.status in ("approved", "used"):
                return ReviewAnswer(True, review.decided_by or "")
        return None

    async def _wait(self, review_id: str) -> ReviewAnswer | Parked:
        until = time.monotonic() + self._wait_s
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(POLL_S, left))
            review = await self._reviews.get(review_id)
            if review is None or review.status in ("refused", "expired"):
                return ReviewAnswer(False)
            if review.status == "approved" and await self._reviews.use(review_id):
                return ReviewAnswer(True, review.decided_by or "")
        return Parked(review_id)


def _as_openai(message: Message, pseudonyms: Pseudonyms) -> Json | None:
    """An answer of the model as the client gets it; None for what the client sends again."""
    if message.role != "assistant":
        return None
    texts = [part.text for part in message.parts if isinstance(part, TextPart)]
    found: Json = {"role": "assistant", "content": pseudonyms.restore("".join(texts)) or None}
    if message.tool_calls:
        found["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    return found


def _payload(request: ReviewRequest, message: Json | None) -> dict[str, Any]:
    return {
        "calls": [_call(call) for call in request.calls],
        "reasons": [
            {"effect": str(r.effect), "rule": r.rule, "message": r.message} for r in request.reasons
        ],
        "message": message,
        "text": "" if message is not None else request.message.text,
    }


def _call(call: CallReport) -> dict[str, Any]:
    return {
        "tool": call.call.name,
        "arguments": call.call.arguments,
        "canonical": call.canonical["args"] if call.canonical is not None else None,
        "effect": str(call.effect),
        "rule": call.rule,
        "reason": call.reason,
        "hint": call.hint,
        "sources": list(call.sources),
        "labels": list(call.labels),
    }


def _record(review: Review, now: float) -> ReviewRecord:
    status = review.status
    if status == "approved" and review.used_at is not None:
        status = "used"
    elif status != "refused" and review.expires_at <= now:
        status = "expired"
    payload = review.payload or {}
    return ReviewRecord(
        review.id,
        review.key_id,
        status,
        review.stage,
        review.policy,
        review.request_id,
        review.created_at,
        review.expires_at,
        review.decided_at,
        review.decided_by,
        review.note,
        review.used_at,
        payload.get("calls", []),
        payload.get("reasons", []),
        payload.get("message"),
    )
