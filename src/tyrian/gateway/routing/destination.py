"""Where one request goes, once it is known what data it holds."""

import asyncio
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from tyrian.core.decision import Decision, Effect
from tyrian.core.detection import Stage
from tyrian.core.message import Role
from tyrian.firewall.audit import AuditRecord, AuditSink
from tyrian.gateway.context import RequestContext
from tyrian.gateway.errors import ApiError, model_not_found
from tyrian.gateway.routing.attempts import Attempts, Candidate, Notes
from tyrian.gateway.routing.data_class import NOTHING_FOUND, DataClasses, Found
from tyrian.gateway.routing.routes import Lead
from tyrian.gateway.routing.server import Server
from tyrian.gateway.upstream import Upstream
from tyrian.gateway.wire import Json

POLICY = "data_class"
"""What stands as the policy in the audit record of a request that was kept inside."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where one request goes."""

    upstream: Upstream
    model: str


class RoutingNotes(Notes, Protocol):
    """Where routing is counted."""

    def watch_server(self, server: Server) -> None:
        """Show the state of a server from now on."""

    def data_class_refused(self, data_class: str) -> None:
        """Count a request that may go nowhere with the data in it."""


@dataclass(frozen=True, slots=True)
class Destination:
    """The routes that a request may take, by its model's name and its key."""

    model: str
    leads: Sequence[Lead]
    """The first whose data is in the request is taken; only the last one asks for none."""
    classes: DataClasses
    notes: RoutingNotes
    audit: AuditSink | None = None

    @property
    def depends_on_data(self) -> bool:
        """True where it matters what data the request holds."""
        return any(
            lead.route.detected
            or any(c.server.posture.is_hosted or c.server.posture.data_classes for c in servers)
            for lead in self.leads
            for servers in (lead.candidates,)
        )

    async def target(
        self, request: Json, decisions: Iterable[Decision], context: RequestContext
    ) -> Target:
        """Choose for a request body, about which the guards decided so.

        ApiError: 404 where no route fits, 403 where the data in it may go to none of the servers.
        """
        found = NOTHING_FOUND
        if self.depends_on_data:
            found = await self.classes.of(request, decisions)
        for lead in self.leads:
            if lead.route.detected and lead.route.detected.isdisjoint(found.classes):
                continue
            declared = frozenset({lead.route.data_class} - {""})
            order = lead.order(found.classes | declared)
            if not order:
                raise await self._refused(lead, found, declared, context)
            return Target(Attempts(order, self.notes, context), order[0].model)
        raise model_not_found(self.model)

    async def _refused(
        self, lead: Lead, found: Found, declared: frozenset[str], context: RequestContext
    ) -> ApiError:
        classes = found.classes | declared
        faults = sorted({c.server.fault(classes) for c in lead.candidates})
        for name in faults:
            self.notes.data_class_refused(name)
        context.effect = str(Effect.BLOCK)
        await self._record(faults, found, context)
        return _refusal(lead.candidates, faults, found)

    async def _record(self, faults: list[str], found: Found, context: RequestContext) -> None:
        if self.audit is None:
            return
        rules = [rule for name in faults for rule in (f"{POLICY}.{name}", *found.rules_of(name))]
        record = AuditRecord(
            time=datetime.now(UTC),
            id=f"dec_{secrets.token_hex(10)}",
            trace=context.id,
            stage=Stage.INPUT,
            effect=str(Effect.BLOCK),
            role=Role.USER,
            origin=Role.USER,
            rules=tuple(rules),
            runs=(),
            policy=POLICY,
            sha256=hashlib.sha256(b"").hexdigest(),
            images=(),
            length=0,
            elapsed_s=0.0,
            is_cached=False,
        )
        if getattr(self.audit, "is_blocking", False):
            await asyncio.to_thread(self.audit.write, record)
        else:
            self.audit.write(record)


def _refusal(candidates: Sequence[Candidate], faults: list[str], found: Found) -> ApiError:
    """403 that says which data was found by which rule, and never the data."""
    causes = [{"class": name, "rules": found.rules_of(name)} for name in faults]
    told = "; ".join(
        f"`{name}` (found by {', '.join(found.rules_of(name)[:8]) or 'its route'})"
        for name in faults
    )
    models = ", ".join(dict.fromkeys(f"`{c.id}`" for c in candidates))
    is_hosted = any(c.server.posture.is_hosted for c in candidates)
    where = "runs at a hosted endpoint" if is_hosted else "does not take such data"
    return ApiError(
        403,
        f"The request was not sent on: it holds data of the class {told}, and {models} {where}. "
        "Take the data out, or ask for a model to which it may go.",
        code="data_class_refused",
        param="messages",
        extra={"tyrian": {"data_classes": causes, "models": [c.id for c in candidates]}},
    )
