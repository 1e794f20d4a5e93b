"""Budgets and rate limits as people set them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts import audit, revision
from tyrian.gateway.accounts.audit import COMMAND, Actor
from tyrian.gateway.accounts.periods import begin_of, checked_period
from tyrian.gateway.accounts.record import RateRule
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.keys import Key
from tyrian.gateway.store.models.money import Budget, RateLimit
from tyrian.gateway.store.models.organisations import Organisation, Project

MAX_NANOS: Final = 10**18
"""A billion dollars."""


@dataclass(frozen=True, slots=True)
class BudgetRecord:
    """A budget as it stands; amounts in nano-dollars."""

    id: str
    subject_kind: str
    """`organisation`, `project` or `key`."""
    subject_id: str
    period: str
    limit_nanos: int
    spent_nanos: int
    reserved_nanos: int
    """Held back for requests that are running."""
    began_at: int
    """Begin of the period that `spent_nanos` belongs to; 0 for `total`."""


class Budgets:
    """The budgets and limits in a store."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def set(
        self, subject_id: str, limit_nanos: int, period: str = "month", *, by: Actor = COMMAND
    ) -> BudgetRecord:
        """Let an organisation, a project or a key spend so much in each period.

        What was spent in the running period stays: setting a budget anew frees nothing.
        """
        checked_period(period)
        if not 0 <= limit_nanos <= MAX_NANOS:
            raise ConfigError("a budget is 0 to a billion dollars", hint="choose another amount")
        now = int(self._clock())
        async with self._store.write() as session:
            kind, organisation, project = await _place_of(session, subject_id)
            budget = await session.scalar(
                select(Budget)
                .where(Budget.subject_id == subject_id, Budget.period == period)
                .with_for_update()
            )
            if budget is None:
                budget = Budget(
                    id=new_id("bgt"),
                    organisation_id=organisation,
                    subject_kind=kind,
                    subject_id=subject_id,
                    period=period,
                    period_started_at=begin_of(period, now),
                    spent_nanos=0,
                    reserved_nanos=0,
                    created_at=now,
                )
                session.add(budget)
            budget.limit_nanos, budget.updated_at = limit_nanos, now
            details = {"subject": subject_id, "period": period, "limit_nanos": limit_nanos}
            await audit.append(
                session, organisation, "budget.updated", by, details, project_id=project
            )
            await revision.bump(session)
            return _record(budget, now)

    async def drop(self, subject_id: str, period: str = "month", *, by: Actor = COMMAND) -> bool:
        """Take a budget away; False where there was none."""
        async with self._store.write() as session:
            _, organisation, project = await _place_of(session, subject_id)
            gone = await session.scalars(
                delete(Budget)
                .where(Budget.subject_id == subject_id, Budget.period == period)
                .returning(Budget.id)
            )
            if not gone.all():
                return False
            details = {"subject": subject_id, "period": period}
            await audit.append(
                session, organisation, "budget.deleted", by, details, project_id=project
            )
            await revision.bump(session)
            return True

    async def of(self, subject_id: str) -> list[BudgetRecord]:
        """The budgets of an organisation, a project or a key."""
        now = int(self._clock())
        async with self._store.read() as session:
            found = await session.scalars(
                select(Budget).where(Budget.subject_id == subject_id).order_by(Budget.period)
            )
            return [_record(budget, now) for budget in found]

    async def set_rate(self, rule: RateRule, *, by: Actor = COMMAND) -> None:
        """Limit the requests and tokens in a minute; None lifts a limit of that kind."""
        for value in (rule.requests_per_minute, rule.tokens_per_minute, rule.requests_per_day):
            if value is not None and not 0 <= value <= 10**12:
                raise ConfigError("a limit is 0 to 10¹²", hint="choose another number")
        async with self._store.write() as session:
            kind, organisation, project = await _place_of(session, rule.subject_id)
            row = await session.scalar(
                select(RateLimit)
                .where(RateLimit.subject_id == rule.subject_id, RateLimit.model == rule.model)
                .with_for_update()
            )
            if row is None:
                row = RateLimit(
                    id=new_id("rl"),
                    organisation_id=organisation,
                    subject_kind=kind,
                    subject_id=rule.subject_id,
                    model=rule.model,
                )
                session.add(row)
            row.requests_per_minute = rule.requests_per_minute
            row.tokens_per_minute = rule.tokens_per_minute
            row.requests_per_day = rule.requests_per_day
            row.updated_at = int(self._clock())
            details = {
                "subject": rule.subject_id,
                "model": rule.model,
                "requests_per_minute": rule.requests_per_minute,
                "tokens_per_minute": rule.tokens_per_minute,
                "requests_per_day": rule.requests_per_day,
            }
            await audit.append(
                session, organisation, "rate_limit.updated", by, details, project_id=project
            )
            await revision.bump(session)

    async def rates_of(self, subject_id: str) -> list[tuple[str, RateRule]]:
        """The limits of an organisation, a project or a key, each with its id."""
        async with self._store.read() as session:
            found = await session.scalars(
                select(RateLimit).where(RateLimit.subject_id == subject_id).order_by(RateLimit.id)
            )
            return [
                (
                    row.id,
                    RateRule(
                        row.subject_id,
                        row.model,
                        row.requests_per_minute,
                        row.tokens_per_minute,
                        row.requests_per_day,
                    ),
                )
                for row in found
            ]


async def _place_of(session: AsyncSession, subject_id: str) -> tuple[str, str, str | None]:
    """Kind, organisation and project of whatever has this id."""
    if key := await session.get(Key, subject_id):
        project = await session.get_one(Project, key.project_id)
        return "key", project.organisation_id, project.id
    if found := await session.get(Project, subject_id):
        return "project", found.organisation_id, found.id
    if await session.get(Organisation, subject_id):
        return "organisation", subject_id, None
    raise InputError(
        "there is no key, project or organisation with this id",
        hint="tyrian keys list shows all keys",
    )


def _record(budget: Budget, now: int) -> BudgetRecord:
    began_at = begin_of(budget.period, now)
    is_over = began_at > budget.period_started_at
    return BudgetRecord(
        budget.id,
        budget.subject_kind,
        budget.subject_id,
        budget.period,
        budget.limit_nanos,
        0 if is_over else budget.spent_nanos,
        budget.reserved_nanos,
        max(began_at, budget.period_started_at),
    )
