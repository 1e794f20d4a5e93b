"""The audit log, in the shapes of OpenAI's administration."""

from typing import Final

from sqlalchemy import select

from tyrian.gateway.accounts.people import People
from tyrian.gateway.errors import bad_request
from tyrian.gateway.routes.admin.request import MAX_LIMIT, AdminRequest
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.audit import AuditEvent
from tyrian.gateway.wire import Json

_BOUNDS: Final = {
    "gt": AuditEvent.at.__gt__,
    "gte": AuditEvent.at.__ge__,
    "lt": AuditEvent.at.__lt__,
    "lte": AuditEvent.at.__le__,
}


class LogRoutes:
    """`/audit_logs`"""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._people = People(store)

    async def list(self, request: AdminRequest) -> Json:
        """GET /organization/audit_logs: the newest first."""
        limit = request.asked_number("limit", 20, least=1, most=MAX_LIMIT)
        query = select(AuditEvent).where(AuditEvent.organisation_id == request.organisation_id)
        if kinds := request.asked("event_types"):
            query = query.where(AuditEvent.type.in_(kinds))
        if projects := request.asked("project_ids"):
            query = query.where(AuditEvent.project_id.in_(projects))
        if actors := request.asked("actor_ids"):
            query = query.where(AuditEvent.actor["id"].as_string().in_(actors))
        if emails := request.asked("actor_emails"):
            query = query.where(AuditEvent.actor["email"].as_string().in_(emails))
        if resources := request.asked("resource_ids"):
            query = query.where(AuditEvent.details["id"].as_string().in_(resources))
        for name, bound in _BOUNDS.items():
            if request.asked(f"effective_at[{name}]"):
                query = query.where(bound(request.asked_number(f"effective_at[{name}]", 0)))
        is_back = bool(request.asked("before"))
        for name in ("after", "before"):
            if cursor := request.asked(name):
                place = await self._place(request, cursor[-1], name)
                is_older = AuditEvent.sequence < place
                query = query.where(is_older if name == "after" else AuditEvent.sequence > place)
        order = AuditEvent.sequence.asc() if is_back else AuditEvent.sequence.desc()
        async with self._store.read() as session:
            found = list(await session.scalars(query.order_by(order).limit(limit + 1)))
        page = found[:limit][::-1] if is_back else found[:limit]
        return {
            "object": "list",
            "data": [_event(event) for event in page],
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
            "has_more": len(found) > limit,
        }

    async def _place(self, request: AdminRequest, event_id: str, name: str) -> int:
        async with self._store.read() as session:
            found = await session.scalar(
                select(AuditEvent.sequence).where(
                    AuditEvent.id == event_id,
                    AuditEvent.organisation_id == request.organisation_id,
                )
            )
        if found is None:
            raise bad_request(f"There is no event with the id in `{name}`.", param=name)
        return found


def _event(event: AuditEvent) -> Json:
    who = event.actor
    user = {"id": who.get("id"), "email": who.get("email")}
    shown: Json = {"type": who["type"]}
    if who["type"] == "api_key":
        shown["api_key"] = {"id": who.get("id"), "type": "user"}
    elif who["type"] == "session":
        shown["session"] = {"user": user, "ip_address": who.get("address")}
    return {
        "object": "organization.audit_log",
        "id": event.id,
        "type": event.type,
        "effective_at": event.at,
        "actor": shown,
        "project": {"id": event.project_id} if event.project_id else None,
        event.type: event.details,
        "sequence": event.sequence,
        "hash": event.hash.hex(),
        "previous_hash": event.previous_hash.hex(),
    }
