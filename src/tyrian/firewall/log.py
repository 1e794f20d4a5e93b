"""Where judgements are written down as decisions."""

import asyncio
import itertools
import os
import time
from collections.abc import Callable

from tyrian.core.decision import Decision
from tyrian.core.detection import Stage, stage_of
from tyrian.core.message import Message, Trace
from tyrian.firewall.audit import AuditSink, audit_record
from tyrian.firewall.decide import Judgement


class DecisionLog:
    """Gives decisions their ids, writes their audit records, and tells the observer."""

    def __init__(
        self,
        policy: str,
        audit: AuditSink | None = None,
        on_decision: Callable[[Decision], None] | None = None,
        *,
        include_text: bool = False,
    ) -> None:
        """`policy` is the digest that decisions carry."""
        self.audit = audit
        self.on_decision = on_decision
        self._policy = policy
        self._include_text = include_text
        self._ids = itertools.count(1)
        self._id_prefix = f"dec_{os.urandom(6).hex()}"

    async def conclude(
        self,
        message: Message,
        subject: Message,
        judgement: Judgement,
        *,
        stage: Stage | None = None,
        trace: Trace | None = None,
        started: float | None = None,
        is_cached: bool = False,
    ) -> Decision:
        """The Decision, once its audit record is written; `started` as of `time.perf_counter`.

        Raises what the audit sink raises: what cannot be written down is not decided.
        """
        decision = Decision(
            id=f"{self._id_prefix}{next(self._ids):06x}",
            effect=judgement.effect,
            stage=stage or stage_of(message),
            reasons=judgement.reasons,
            runs=judgement.runs,
            policy=self._policy,
            subject=subject,
            elapsed_s=0.0 if started is None else time.perf_counter() - started,
            is_cached=is_cached,
            calls=judgement.calls,
            review=judgement.review,
        )
        if self.audit is not None:
            await self._write(self.audit, decision, message, trace)
        if self.on_decision is not None:
            self.on_decision(decision)
        return decision

    async def _write(
        self, audit: AuditSink, decision: Decision, message: Message, trace: Trace | None
    ) -> None:
        trace_id = trace.id if trace is not None else ""
        record = audit_record(decision, message, trace_id, include_text=self._include_text)
        if getattr(audit, "is_blocking", False):
            await asyncio.to_thread(audit.write, record)
        else:
            audit.write(record)
