"""Organisations and the tiers that they are granted; keys follow."""

from typing import Any

import pytest

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.limits import takes_for
from tyrian.gateway.accounts.organisations import Organisations
from tyrian.gateway.accounts.record import KeyRecord
from tyrian.gateway.accounts.tiers import Tier
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.organisations import DEFAULT_ORGANISATION


@pytest.fixture
def organisations(store: Store, clock: Any) -> Organisations:
    return Organisations(store, clock=clock)


async def fresh(store: Store, clock: Any, token: str) -> KeyRecord:
    found = await Keys(store, clock=clock).verify(token)
    assert found is not None
    return found


async def test_a_new_organisation_has_a_project_a_tier_and_a_chain(
    organisations: Organisations, store: Store, keys: Keys, clock: Any
) -> None:
    made = await organisations.create("acme")
    assert (made.tier, len(made.project_ids)) == ("developer", 1)
    _, token = await keys.create("first", project_id=made.project_ids[0])
    key = await fresh(store, clock, token)
    assert (key.organisation_id, key.tier) == (made.id, "developer")
    assert [o.name for o in await organisations.list()] == ["default", "acme"]
    checked = await audit.verify(store)
    assert (checked.heads[made.id].sequence, checked.faults) == (3, [])


async def test_a_grant_takes_the_place_of_the_one_before_and_ends_at_its_time(
    organisations: Organisations, store: Store, keys: Keys, clock: Any
) -> None:
    made = await organisations.create("acme", tier=Tier.PUBLIC)
    _, token = await keys.create("first", project_id=made.project_ids[0])
    assert [take.limit for take in takes_for(await fresh(store, clock, token), "m", 1)] == [
        10, 40_000,
    ]  # fmt: skip
    await organisations.grant(made.id, Tier.PARTNER, expires_in_s=60)
    assert (await fresh(store, clock, token)).tier == "partner"
    clock.now += 60
    assert (await fresh(store, clock, token)).tier == "public"


async def test_a_key_never_has_more_than_its_organisation_and_may_have_less(
    organisations: Organisations, store: Store, keys: Keys, clock: Any
) -> None:
    made = await organisations.create("acme")
    for wanted, has in (("operator", "developer"), ("public", "public")):
        _, token = await keys.create("key", project_id=made.project_ids[0], tier=wanted)
        assert (await fresh(store, clock, token)).tier == has
    _, token = await keys.create("first organisation's")
    key = await fresh(store, clock, token)
    assert (key.organisation_id, key.tier) == (DEFAULT_ORGANISATION, "operator")
    assert takes_for(key, "m", 1) == []


async def test_what_is_not_there_cannot_be_granted(organisations: Organisations) -> None:
    with pytest.raises(ConfigError, match="unknown tier"):
        await organisations.grant(DEFAULT_ORGANISATION, "emperor")
    with pytest.raises(InputError, match="no organisation"):
        await organisations.grant("org_none", Tier.PUBLIC)
