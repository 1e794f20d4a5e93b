"""Reads keys from the store together with everything that bounds them."""

import hmac
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.gateway.accounts.record import BudgetRule, KeyRecord, RateRule
from tyrian.gateway.accounts.tiers import capped, highest
from tyrian.gateway.store.models.keys import Key, KeySecret
from tyrian.gateway.store.models.money import Budget, RateLimit
from tyrian.gateway.store.models.organisations import (
    Organisation,
    Project,
    ServiceAccount,
    TierGrant,
    User,
)
from tyrian.gateway.tokens import KeyKind

_AT_ONCE = 500
"""Ids in one question: databases bound their number."""


async def records_of(
    session: AsyncSession, keys: Sequence[Key], secrets: Mapping[str, KeySecret], now: float
) -> list[KeyRecord]:
    """The keys in their order; `secrets` maps their ids to the secret that is looked at."""
    found: list[KeyRecord] = []
    for start in range(0, len(keys), _AT_ONCE):
        chunk = keys[start : start + _AT_ONCE]
        around = await _Around.load(session, chunk, now)
        found += [around.record(key, secrets.get(key.id)) for key in chunk]
    return found


class _Around:
    """Projects, organisations, owners, grants, budgets and limits of some keys."""

    def __init__(self) -> None:
        self.projects: dict[str, tuple[Project, Organisation]] = {}
        self.gone: dict[str, int] = {}
        """When owners were disabled or deleted."""
        self.grants: dict[str, list[TierGrant]] = defaultdict(list)
        self.budgets: dict[str, list[BudgetRule]] = defaultdict(list)
        self.rates: dict[str, list[RateRule]] = defaultdict(list)

    @classmethod
    async def load(cls, session: AsyncSession, keys: Sequence[Key], now: float) -> "_Around":
        around = cls()
        rows = await session.execute(
            select(Project, Organisation)
            .join(Organisation, Organisation.id == Project.organisation_id)
            .where(Project.id.in_({key.project_id for key in keys}))
        )
        around.projects = {project.id: (project, owner) for project, owner in rows}
        organisations = {project.organisation_id for project, _ in around.projects.values()}
        await around._load_owners(session, keys)
        for grant in await session.scalars(
            select(TierGrant).where(
                TierGrant.organisation_id.in_(organisations), TierGrant.revoked_at.is_(None)
            )
        ):
            if grant.expires_at is None or grant.expires_at > now:
                around.grants[grant.organisation_id].append(grant)
        await around._load_bounds(
            session, {*organisations, *around.projects, *(key.id for key in keys)}
        )
        return around

    async def _load_owners(self, session: AsyncSession, keys: Sequence[Key]) -> None:
        users = {key.owner_user_id for key in keys if key.owner_user_id}
        services = {key.owner_service_account_id for key in keys if key.owner_service_account_id}
        if users:
            for user in await session.scalars(
                select(User).where(User.id.in_(users), User.disabled_at.is_not(None))
            ):
                self.gone[user.id] = user.disabled_at or 0
        if services:
            for account in await session.scalars(
                select(ServiceAccount).where(
                    ServiceAccount.id.in_(services), ServiceAccount.deleted_at.is_not(None)
                )
            ):
                self.gone[account.id] = account.deleted_at or 0

    async def _load_bounds(self, session: AsyncSession, subjects: Iterable[str]) -> None:
        wanted = list(subjects)
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            budgets = await session.execute(
                select(Budget.subject_id, Budget.id, Budget.limit_nanos)
                .where(Budget.subject_id.in_(some))
                .order_by(Budget.id)
            )
            for subject, budget, limit in budgets:
                self.budgets[subject].append(BudgetRule(budget, limit))
            for rate in await session.scalars(
                select(RateLimit).where(RateLimit.subject_id.in_(some))
            ):
                self.rates[rate.subject_id].append(
                    RateRule(
                        rate.subject_id,
                        rate.model,
                        rate.requests_per_minute,
                        rate.tokens_per_minute,
                        rate.requests_per_day,
                    )
                )

    def record(self, key: Key, secret: KeySecret | None) -> KeyRecord:
        project, organisation = self.projects[key.project_id]
        grants = self.grants[organisation.id]
        tier = highest(grant.tier for grant in grants if not grant.program)
        subjects = (organisation.id, project.id, key.id)
        ended = (
            key.disabled_at,
            project.archived_at,
            organisation.archived_at,
            self.gone.get(key.owner_user_id or ""),
            self.gone.get(key.owner_service_account_id or ""),
        )
        return KeyRecord(
            id=key.id,
            name=key.name,
            kind=KeyKind(key.kind),
            scopes=frozenset(key.scopes),
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            last_used_at=key.last_used_at,
            redacted_value=secret.redacted_value if secret else "",
            tier=capped(tier, key.tier),
            project_id=key.project_id,
            organisation_id=organisation.id,
            disabled_at=next((at for at in ended if at is not None), None),
            models=None if key.models is None else tuple(key.models),
            model_mode=project.model_mode,
            model_ids=tuple(project.model_ids or ()),
            networks=None if key.networks is None else tuple(key.networks),
            owner_user_id=key.owner_user_id,
            owner_service_account_id=key.owner_service_account_id,
            programs=frozenset(grant.program for grant in grants if grant.program),
            budgets=tuple(budget for subject in subjects for budget in self.budgets[subject]),
            rates=tuple(rate for subject in subjects for rate in self.rates[subject]),
            secret_id=secret.id if secret else "",
            secret_ends_at=_end_of(secret),
        )


def _end_of(secret: KeySecret | None) -> int | None:
    if secret is None:
        return None
    # A revoked secret stays dead even where the clock is set back.
    return 0 if secret.revoked_at is not None else secret.expires_at


async def record_by_digest(session: AsyncSession, digest: bytes, now: float) -> KeyRecord | None:
    """The key one of whose secrets has that digest, be it still good or not."""
    row = (
        await session.execute(
            select(Key, KeySecret)
            .join(KeySecret, KeySecret.key_id == Key.id)
            .where(KeySecret.digest == digest)
        )
    ).one_or_none()
    if row is None or not hmac.compare_digest(row[1].digest, digest):
        return None
    key, secret = row
    return (await records_of(session, [key], {key.id: secret}, now))[0]


async def good_secrets(
    session: AsyncSession, secret_ids: Sequence[str], now: float
) -> frozenset[str]:
    """Those of the secrets that are good, and whose key is."""
    good: set[str] = set()
    for start in range(0, len(secret_ids), _AT_ONCE):
        rows = await session.execute(
            select(Key, KeySecret)
            .join(KeySecret, KeySecret.key_id == Key.id)
            .where(KeySecret.id.in_(secret_ids[start : start + _AT_ONCE]))
        )
        pairs = [(key, secret) for key, secret in rows]
        keys = list({key.id: key for key, _ in pairs}.values())
        records = {record.id: record for record in await records_of(session, keys, {}, now)}
        for key, secret in pairs:
            end = _end_of(secret)
            if records[key.id].is_good(now) and (end is None or end > now):
                good.add(secret.id)
    return frozenset(good)


async def newest_secrets(session: AsyncSession, key_ids: Sequence[str]) -> dict[str, KeySecret]:
    """The newest secret of each of the keys."""
    newest: dict[str, KeySecret] = {}
    for start in range(0, len(key_ids), _AT_ONCE):
        secrets = await session.scalars(
            select(KeySecret)
            .where(KeySecret.key_id.in_(key_ids[start : start + _AT_ONCE]))
            .order_by(KeySecret.created_at, KeySecret.id)
        )
        newest |= {secret.key_id: secret for secret in secrets}
    return newest
