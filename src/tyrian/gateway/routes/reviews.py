"""/v1/reviews: what waits for a person, their answer, and what goes on then."""

import dataclasses
import secrets
import time
from urllib.parse import parse_qs

import msgspec

from tyrian.errors import InputError
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.auth import authenticate
from tyrian.gateway.body import read_json
from tyrian.gateway.context import Receive, Scope, Send, context_of
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.responses import send_body
from tyrian.gateway.reviews import MAX_LISTED, MAX_NOTE, STATUSES, ReviewRecord, Reviews
from tyrian.gateway.settings import Settings
from tyrian.gateway.wire import Json

_DECISIONS = {"approve": True, "refuse": False}
_RESUME = "/resume"


class ReviewRoutes:
    """All routes below `/v1/reviews`; the path decides which.

    A key that administers lists and decides; the key whose request it was may ask how it stands,
    and take what was approved, once.
    """

    def __init__(self, settings: Settings, prefix: str) -> None:
        self._settings = settings
        self._prefix = prefix + "/"

    async def read(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET /v1/reviews and /v1/reviews/{id}"""
        key = await self._key(scope)
        review_id = self._id(scope)
        if review_id:
            review = await self._review(review_id, key)
            await send_body(send, msgspec.json.encode(as_json(review)))
            return
        if not key.allows("admin"):
            raise ApiError(403, "This key lacks the scope `admin`.", code="insufficient_scope")
        status, limit = _query(scope)
        found = await self._reviews.list(status, limit, organisation_id=key.organisation_id)
        body = {"object": "list", "data": [as_json(review) for review in found]}
        await send_body(send, msgspec.json.encode(body))

    async def write(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST /v1/reviews/{id} and /v1/reviews/{id}/resume"""
        key = await self._key(scope)
        review_id = self._id(scope)
        if review_id.endswith(_RESUME):
            answer = await self._resume(review_id.removesuffix(_RESUME), key)
            await send_body(send, msgspec.json.encode(answer))
            return
        if not key.allows("admin"):
            raise ApiError(403, "This key lacks the scope `admin`.", code="insufficient_scope")
        limits = self._settings.limits
        _, obj = await read_json(scope, receive, limit=16_384, timeout_s=limits.body_s)
        is_approved, note = _answer(obj)
        await self._check_right(await self._review(review_id, key), key)
        try:
            review = await self._reviews.decide(
                review_id, is_approved=is_approved, by=key.id, note=note
            )
        except InputError as error:
            raise ApiError(409, f"{error.message}.".capitalize(), code="review_closed") from None
        await send_body(send, msgspec.json.encode(as_json(review)))

    async def _resume(self, review_id: str, key: KeyRecord) -> Json:
        review = await self._review(review_id, key)
        if review.key_id != key.id:
            raise _not_there()
        if review.status == "pending":
            raise ApiError(409, "Nobody has decided yet.", code="review_pending")
        if review.message is None or not await self._reviews.use(review_id):
            message = f"There is nothing to take: the review is {review.status}."
            raise ApiError(409, message, code="review_closed")
        return _completion(review.message)

    @property
    def _reviews(self) -> Reviews:
        reviews = self._settings.reviews
        if reviews is None:
            raise ApiError(404, "This gateway keeps no reviews.", code="not_found")
        return reviews

    async def _key(self, scope: Scope) -> KeyRecord:
        context = context_of(scope)
        context.route = "reviews"
        return await authenticate(scope, self._settings.keys, context, "")

    def _id(self, scope: Scope) -> str:
        path: str = scope["path"]
        return path[len(self._prefix) :] if path.startswith(self._prefix) else ""

    async def _review(self, review_id: str, key: KeyRecord) -> ReviewRecord:
        review: ReviewRecord | None = await self._reviews.get(review_id[:64])
        if review is None:
            raise _not_there()
        if review.key_id == key.id:
            return review
        place = await self._reviews.place_of(review)
        is_foreign = place is not None and place[0] != key.organisation_id
        if is_foreign or not key.allows("admin"):
            raise _not_there()
        return review

    async def _check_right(self, review: ReviewRecord, key: KeyRecord) -> None:
        """An admin key decides where its owner may."""
        place = await self._reviews.place_of(review)
        rights = await self._reviews.rights_of_key(key)
        if not rights.may("reviews.decide", place[1] if place is not None else None):
            message = "The owner of this key lacks the permission `reviews.decide`."
            raise ApiError(403, message, code="permission_denied")


def _not_there() -> ApiError:
    return ApiError(404, "There is no such review.", code="not_found")


def as_json(review: ReviewRecord) -> Json:
    """A review as the API shows it."""
    return {"object": "review", **dataclasses.asdict(review)}


def _query(scope: Scope) -> tuple[str, int]:
    given = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    status = given.get("status", [""])[-1]
    if status and status not in STATUSES:
        raise bad_request(f"`status` must be one of {', '.join(STATUSES)}.", param="status")
    limit = given.get("limit", ["100"])[-1]
    if not limit.isascii() or not limit.isdigit() or not 0 < int(limit) <= MAX_LISTED:
        raise bad_request(f"`limit` must be 1 to {MAX_LISTED}.", param="limit")
    return status, int(limit)


def _answer(obj: Json) -> tuple[bool, str]:
    for name in obj:
        if name not in ("decision", "note"):
            raise bad_request("Only `decision` and `note` are known.", param=None)
    decision, note = obj.get("decision"), obj.get("note", "")
    if not isinstance(decision, str) or decision not in _DECISIONS:
        raise bad_request("`decision` must be `approve` or `refuse`.", param="decision")
    if not isinstance(note, str) or len(note) > MAX_NOTE:
        raise bad_request(f"`note` must be a text of at most {MAX_NOTE} characters.", param="note")
    return _DECISIONS[decision], note


def _completion(message: Json) -> Json:
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    return {
        "id": "chatcmpl-" + secrets.token_hex(12),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": "",
        "choices": [
            {
                "index": 0,
                "message": {**message, "refusal": None},
                "logprobs": None,
                "finish_reason": finish,
            }
        ],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }
