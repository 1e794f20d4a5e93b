"""What a route of the administration gets, and how it reads what was sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from tyrian.gateway.accounts.audit import Actor
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.wire import Json

T = TypeVar("T")

MAX_LIMIT: Final = 100
MAX_SECONDS: Final = 100 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class AdminRequest:
    """One request of a key that administers its organisation."""

    key: KeyRecord
    by: Actor
    ids: Mapping[str, str]
    """The parts of the path that are ids."""
    query: Mapping[str, Sequence[str]]
    body: Json

    @property
    def organisation_id(self) -> str:
        """Beyond which nothing is visible."""
        return self.key.organisation_id

    def only(self, *known: str) -> None:
        """400 for a field that there is not: nothing is set by a field that nobody reads."""
        for name in self.body:
            if name not in known:
                # Not the name itself: what was sent is not repeated.
                raise bad_request(
                    f"Only {', '.join(f'`{k}`' for k in known)} can be set here.",
                    code="unknown_parameter",
                )

    def text(self, name: str, *, default: str | None = None) -> str:
        """A text in the body."""
        value = self.body.get(name, default)
        if not isinstance(value, str):
            raise bad_request(f"`{name}` must be a string.", param=name)
        return value

    def optional_text(self, name: str) -> str | None:
        """A text in the body, None where it is left out or null."""
        return None if self.body.get(name) is None else self.text(name)

    def number(self, name: str, *, least: int = 0, most: int = 10**15) -> int | None:
        """A whole number in the body, None where it is left out or null."""
        value = self.body.get(name)
        if value is None:
            return None
        is_fit = isinstance(value, int) and not isinstance(value, bool)
        if not is_fit or not isinstance(value, int) or not least <= value <= most:
            raise bad_request(f"`{name}` must be a whole number from {least} on.", param=name)
        return value

    def needed(self, name: str, *, least: int = 0, most: int = 10**15) -> int:
        """A whole number that must be in the body."""
        value = self.number(name, least=least, most=most)
        if value is None:
            raise bad_request(f"`{name}` is missing.", param=name)
        return value

    def texts(self, name: str) -> list[str] | None:
        """A list of texts in the body, None where it is left out."""
        value = self.body.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise bad_request(f"`{name}` must be a list of strings.", param=name)
        return [str(item) for item in value]

    def flag(self, name: str) -> bool:
        """A truth value in the body; false where it is left out."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, bool):
            raise bad_request(f"`{name}` must be true or false.", param=name)
        return bool(value)

    def asked(self, name: str) -> Sequence[str]:
        """The values of a query parameter, which clients write as `name` or `name[]`."""
        return [*self.query.get(name, ()), *self.query.get(f"{name}[]", ())]

    def asked_number(self, name: str, default: int, *, least: int = 0, most: int = 10**15) -> int:
        """A whole number in the query."""
        given = self.asked(name)
        text = given[-1] if given else str(default)
        if not text.isascii() or not text.isdigit() or not least <= int(text[:16]) <= most:
            raise bad_request(f"`{name}` must be {least} to {most}.", param=name)
        return int(text)


Shape = Callable[[T], Json]


def page_of(request: AdminRequest, items: Sequence[T], shape: Shape[T]) -> Json:
    """A page of a list: `limit` items after the one with the id `after`."""
    limit = request.asked_number("limit", 20, least=1, most=MAX_LIMIT)
    shaped = [shape(item) for item in items]
    after = request.asked("after")
    start = 0
    if after:
        ids = [item["id"] for item in shaped]
        if after[-1] not in ids:
            raise bad_request("There is nothing with the id in `after`.", param="after")
        start = ids.index(after[-1]) + 1
    page = shaped[start : start + limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": start + limit < len(shaped),
    }


def cursor_page(
    request: AdminRequest,
    items: Sequence[T],
    shape: Shape[T],
    id_of: Callable[[T], str],
    *,
    default: int,
    most: int,
) -> Json:
    """A page of a list whose cursor is in `next`: `limit` items after the one named there."""
    limit = request.asked_number("limit", default, least=0, most=most)
    ordered = in_order(request, items)
    after = request.asked("after")
    start = 0
    if after:
        ids = [id_of(item) for item in ordered]
        if after[-1] not in ids:
            raise bad_request("There is nothing with the id in `after`.", param="after")
        start = ids.index(after[-1]) + 1
    page = ordered[start : start + limit]
    has_more = bool(page) and start + limit < len(ordered)
    return {
        "object": "list",
        "data": [shape(item) for item in page],
        "has_more": has_more,
        "next": id_of(page[-1]) if has_more else None,
    }


def in_order(request: AdminRequest, items: Sequence[T], default: str = "asc") -> Sequence[T]:
    """The items in the `order` that was asked for; they come with the oldest first."""
    order = (request.asked("order") or [default])[-1]
    if order not in ("asc", "desc"):
        raise bad_request("`order` must be `asc` or `desc`.", param="order")
    return items if order == "asc" else items[::-1]


def deleted(kind: str, it: str) -> Json:
    """What is left of something that was deleted."""
    return {"object": f"{kind}.deleted", "id": it, "deleted": True}


def not_found(what: str) -> ApiError:
    """404, the same for what never was and for what belongs to somebody else."""
    return ApiError(404, f"There is no such {what}.", code="not_found")


Handler = Any
