"""The log of decisions that people look through: written in the background, never in the way.

The audit file is the whole record and is written before an answer leaves; this is the index beside
it. It holds rules, scores and times, never the text, and forgets after a while.
"""

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from sqlalchemy import Table, delete, func, or_, select, tuple_

from tyrian.core.decision import Decision, Effect
from tyrian.core.detection import DetectorRun
from tyrian.errors import StoreError
from tyrian.gateway.context import RequestContext
from tyrian.gateway.store.bulk import insert_rows
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.decisions import DecisionRow

KEPT_S: Final = 30 * 86_400
MAX_WAITING: Final = 20_000
"""Decisions that wait to be written while the database is away; then the oldest are let go."""

WRITE_EVERY_S: Final = 0.5
RETRY_S: Final = 5.0
_BATCH: Final = 500
_CLEAN_EVERY_S: Final = 3_600
LEAST_SCORE: Final = 0.01
_TABLE: Final = cast(Table, DecisionRow.__table__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for; empty means anything."""

    effect: str = ""
    """One effect, or `noticed` for all but `allow`."""
    stage: str = ""
    rule: str = ""
    """A rule's id, or a part of it."""
    key_id: str = ""
    project_id: str = ""
    model: str = ""
    id: str = ""
    """Of a decision or of a request."""
    since: int = 0
    until: int = 0
    """Seconds since 1970."""


class DecisionLog:
    """Decisions in a store."""

    def __init__(
        self, store: Store, *, kept_s: int = KEPT_S, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._kept_s = kept_s
        self._clock = clock
        self._waiting: deque[dict[str, Any]] = deque(maxlen=MAX_WAITING)
        self._writing: asyncio.Task[None] | None = None
        self._cleaned_at = 0.0

    def note(self, context: RequestContext, decision: Decision) -> None:
        """Remember a decision of a request with a key; returns at once.

        Earlier turns of a conversation are judged again with every request: what passed before and
        passes again is not told again.
        """
        key = context.key
        if key is None or (decision.is_cached and decision.effect is Effect.ALLOW):
            return
        self._waiting.append(
            {
                "id": decision.id,
                "organisation_id": key.organisation_id,
                "project_id": key.project_id,
                "key_id": key.id,
                "request_id": context.id,
                "at_ms": int(self._clock() * 1000),
                "stage": decision.stage.value,
                "effect": str(decision.effect),
                "role": str(decision.subject.role)[:16],
                "origin": str(decision.subject.origin)[:16],
                "model": context.model[:200],
                "rules": "".join(f"|{reason.rule}" for reason in decision.reasons) + "|",
                "reasons": [
                    {
                        "effect": str(reason.effect),
                        "rule": reason.rule,
                        "detector": reason.detector,
                        "label": reason.label,
                        "score": round(reason.score, 4),
                        "message": reason.message,
                    }
                    for reason in decision.reasons
                ],
                "runs": [_run(run) for run in decision.runs],
                "policy": decision.policy[:64],
                "length": len(decision.subject.text),
                "elapsed_us": int(decision.elapsed_s * 1e6),
                "is_cached": decision.is_cached,
            }
        )
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_until_empty())

    async def flush(self) -> None:
        """Write what waits; StoreError where the store does not take it."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            try:
                async with self._store.write() as session:
                    rows = [_row(noted) for noted in batch]
                    await insert_rows(await session.connection(), _TABLE, rows)
            except BaseException:
                self._waiting.extendleft(reversed(batch))
                raise

    async def close(self) -> None:
        """Write what is left, as far as the store takes it."""
        if self._writing is not None:
            self._writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writing
        with contextlib.suppress(StoreError):
            await self.flush()

    async def find(
        self,
        organisation_id: str,
        wanted: Wanted,
        *,
        before: tuple[int, str] | None = None,
        limit: int = 50,
    ) -> Sequence[DecisionRow]:
        """The newest decisions of an organisation, or those before a place in that order."""
        query = select(DecisionRow).where(
            DecisionRow.organisation_id == organisation_id, *_conditions(wanted)
        )
        if before is not None:
            query = query.where(tuple_(DecisionRow.at_ms, DecisionRow.id) < before)
        query = query.order_by(DecisionRow.at_ms.desc(), DecisionRow.id.desc()).limit(limit)
        async with self._store.read() as session:
            return (await session.scalars(query)).all()

    async def count(self, organisation_id: str, wanted: Wanted) -> dict[str, int]:
        """How many there are of each effect."""
        query = (
            select(DecisionRow.effect, func.count())
            .where(DecisionRow.organisation_id == organisation_id, *_conditions(wanted))
            .group_by(DecisionRow.effect)
        )
        async with self._store.read() as session:
            return {row[0]: row[1] for row in await session.execute(query)}

    async def get(self, organisation_id: str, decision_id: str) -> DecisionRow | None:
        """One decision of an organisation, None where there is none."""
        async with self._store.read() as session:
            row = await session.get(DecisionRow, decision_id)
        return row if row is not None and row.organisation_id == organisation_id else None

    async def _write_until_empty(self) -> None:
        while self._waiting:
            # A burst is written at once, and a single decision soon enough for people.
            await asyncio.sleep(WRITE_EVERY_S)
            try:
                await self.flush()
                await self._clean()
            except StoreError:
                await asyncio.sleep(RETRY_S)

    async def _clean(self) -> None:
        now = self._clock()
        if now - self._cleaned_at < _CLEAN_EVERY_S:
            return
        self._cleaned_at = now
        oldest = int((now - self._kept_s) * 1000)
        async with self._store.write() as session:
            await session.execute(delete(DecisionRow).where(DecisionRow.at_ms < oldest))


def _conditions(wanted: Wanted) -> list[Any]:
    found: list[Any] = []
    if wanted.effect == "noticed":
        found.append(DecisionRow.effect != "allow")
    elif wanted.effect:
        found.append(DecisionRow.effect == wanted.effect)
    for column, value in (
        (DecisionRow.stage, wanted.stage),
        (DecisionRow.key_id, wanted.key_id),
        (DecisionRow.project_id, wanted.project_id),
        (DecisionRow.model, wanted.model),
    ):
        if value:
            found.append(column == value)
    if wanted.rule:
        found.append(DecisionRow.rules.contains(wanted.rule, autoescape=True))
    if wanted.id:
        found.append(or_(DecisionRow.id == wanted.id, DecisionRow.request_id == wanted.id))
    if wanted.since:
        found.append(DecisionRow.at_ms >= wanted.since * 1000)
    if wanted.until:
        found.append(DecisionRow.at_ms < wanted.until * 1000)
    return found


def _row(noted: dict[str, Any]) -> dict[str, Any]:
    """What was noted, with lists as JSON text."""
    return noted | {"reasons": _json(noted["reasons"]), "runs": _json(noted["runs"])}


def _json(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, TypeError):
        # Half a surrogate pair, which only escapes can hold, or a number of another library.
        return json.dumps(value)


def _run(run: DetectorRun) -> dict[str, Any]:
    detection = run.detection
    scores = detection.scores if detection is not None else {}
    return {
        "detector": run.detector,
        "status": run.status.value,
        "elapsed_us": int(run.elapsed_s * 1e6),
        "scores": {k: round(v, 4) for k, v in scores.items() if v >= LEAST_SCORE},
        "coverage": round(detection.coverage, 4) if detection is not None else 0.0,
        "reason": run.reason[:300],
        "findings": len(detection.findings) if detection is not None else 0,
    }
