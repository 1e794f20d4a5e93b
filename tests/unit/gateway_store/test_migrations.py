"""Every migration forward and back, on data, on SQLite and on PostgreSQL."""

import pkgutil
import time
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from tyrian.errors import StoreError
from tyrian.gateway.store import models
from tyrian.gateway.store.engine import blocking, parse_url
from tyrian.gateway.store.migrate import SCHEMA, current_revision, migrate
from tyrian.gateway.store.models.schema import METADATA, MODULES

NOW = 1_800_000_000


def move(url: str, revision: str) -> None:
    with blocking(parse_url(url), has_references=False) as engine:
        migrate(engine, revision)


def run(url: str, *statements: str) -> None:
    with blocking(parse_url(url)) as engine, engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def ask(url: str, question: str) -> list[tuple[Any, ...]]:
    with blocking(parse_url(url)) as engine, engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(question))]


def old_key(number: int, *, tier: str = "standard", revoked_at: str = "NULL") -> tuple[str, str]:
    return (
        "INSERT INTO key (id, project_id, name, kind, tier, scopes, created_at, revoked_at)"
        f" VALUES ('key_{number}', 'proj_default', 'k{number}', 'live', '{tier}', '[\"chat\"]',"
        f" {NOW}, {revoked_at})",
        "INSERT INTO key_secret (id, key_id, digest, redacted_value, created_at)"
        f" VALUES ('sec_{number}', 'key_{number}', {blob(number)}, 'tyr_live_...', {NOW})",
    )


def blob(number: int) -> str:
    return f"CAST('{number:032d}' AS BYTEA)"


def for_dialect(url: str, statements: tuple[str, ...]) -> list[str]:
    kind = "BLOB" if url.startswith("sqlite") else "BYTEA"
    return [statement.replace("BYTEA", kind) for statement in statements]


def test_no_module_of_tables_is_missing_from_the_schema() -> None:
    found = {m.name for m in pkgutil.iter_modules(models.__path__)} - {"base", "schema"}
    assert found == {module.__name__.rpartition(".")[2] for module in MODULES}


def test_the_migrations_make_exactly_the_tables_of_the_models(database_url: str) -> None:
    move(database_url, SCHEMA)
    with blocking(parse_url(database_url)) as engine, engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_old_keys_keep_their_place_and_get_the_whole_tier(database_url: str) -> None:
    move(database_url, "0002")
    run(database_url, *for_dialect(database_url, old_key(1) + old_key(2, revoked_at=str(NOW))))
    move(database_url, "0003")
    assert ask(database_url, "SELECT id, project_id, tier, revoked_at FROM key ORDER BY id") == [
        ("key_1", "proj_default", None, None),
        ("key_2", "proj_default", None, NOW),
    ]
    grants = ask(database_url, "SELECT organisation_id, tier, granted_by FROM tier_grant")
    assert grants == [("org_default", "operator", "system")]
    assert len(ask(database_url, "SELECT id FROM key_secret")) == 2


def test_going_back_never_makes_a_key_good_for_more(database_url: str) -> None:
    move(database_url, "0003")
    numbers = range(1, 6)
    run(
        database_url,
        *for_dialect(database_url, tuple(s for n in numbers for s in old_key(n))),
        "UPDATE key SET models = '[\"small-*\"]' WHERE id = 'key_2'",
        f"UPDATE key SET disabled_at = {NOW} WHERE id = 'key_3'",
        f"UPDATE key_secret SET revoked_at = {NOW} WHERE key_id = 'key_4'",
        "INSERT INTO project (id, organisation_id, name, created_at, archived_at)"
        f" VALUES ('proj_old', 'org_default', 'old', {NOW}, {NOW})",
        "UPDATE key SET project_id = 'proj_old' WHERE id = 'key_5'",
    )
    move(database_url, "0002")
    found = ask(database_url, "SELECT id FROM key WHERE revoked_at IS NOT NULL ORDER BY id")
    assert found == [("key_2",), ("key_3",), ("key_5",)]
    ended = ask(database_url, f"SELECT key_id FROM key_secret WHERE expires_at = {NOW}")
    assert ended == [("key_4",)]
    assert ask(database_url, "SELECT DISTINCT tier FROM key") == [("standard",)]
    move(database_url, SCHEMA)
    assert len(ask(database_url, "SELECT id FROM key")) == 5


def test_every_step_can_be_gone_back_and_forth(database_url: str) -> None:
    steps = [f"{number:04d}" for number in range(1, int(SCHEMA) + 1)]
    for step in [*steps, *reversed(steps), *steps]:
        move(database_url, step)
        with blocking(parse_url(database_url)) as engine, engine.connect() as connection:
            assert current_revision(connection) == step
    assert ask(database_url, "SELECT id FROM organisation") == [("org_default",)]


def test_a_schema_that_is_not_there_is_refused(database_url: str) -> None:
    move(database_url, SCHEMA)
    with pytest.raises(StoreError, match="no schema '0000'"):
        move(database_url, "0000")


def test_a_migration_that_would_lose_a_reference_is_undone(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'tyrian.db'}"
    move(url, "0002")
    with blocking(parse_url(url), has_references=False) as engine, engine.begin() as connection:
        break_reference(connection)
    with pytest.raises(StoreError, match="was undone"):
        move(url, "0003")
    assert ask(url, "SELECT version_num FROM alembic_version") == [("0002",)]


def break_reference(connection: Connection) -> None:
    for statement in for_dialect("sqlite", old_key(1)):
        connection.execute(text(statement))
    connection.execute(text("UPDATE key SET project_id = 'proj_gone'"))


def test_the_running_months_spending_is_summed_from_the_ledger(database_url: str) -> None:
    move(database_url, "0007")
    now = int(time.time())
    entry = (
        "INSERT INTO ledger_entry (id, request_id, organisation_id, project_id, key_id, route,"
        " model, status, effect, input_tokens, cached_tokens, output_tokens, cost_nanos,"
        " is_estimate, elapsed_ms, created_at) VALUES ('led_{}', 'req', 'org_default', '{}',"
        " 'key', 'chat', 'm', 200, '', 1, 0, 1, {}, false, 1, {})"
    )
    run(
        database_url,
        entry.format(1, "proj_default", 5_000_000_000, now),
        entry.format(2, "proj_other", 7_000_000_000, now),
        entry.format(3, "proj_default", 1_000_000_000, now - 40 * 86_400),
    )
    move(database_url, "0008")
    found = ask(database_url, "SELECT subject_id, period, nanos FROM spending ORDER BY subject_id")
    assert found == [
        ("org_default", "month", 12_000_000_000),
        ("proj_default", "month", 5_000_000_000),
        ("proj_other", "month", 7_000_000_000),
    ]
    move(database_url, "0007")
    assert len(ask(database_url, "SELECT id FROM ledger_entry")) == 3


def test_going_back_ends_admin_keys_that_would_do_more_than_their_owners_may(
    database_url: str,
) -> None:
    move(database_url, "0008")
    statements = [
        f"INSERT INTO user_account (id, email, name, created_at) VALUES ('u{n}', '{n}', 'n', 1)"
        for n in (1, 2)
    ]
    statements += [
        "INSERT INTO membership (id, organisation_id, user_id, role, created_at)"
        f" VALUES ('m{n}', 'org_default', 'u{n}', '{role}', 1)"
        for n, role in ((1, "admin"), (2, "viewer"))
    ]
    statements += [
        "INSERT INTO key (id, project_id, name, kind, scopes, owner_user_id, created_at)"
        f" VALUES ('key_{n}', 'proj_default', 'k', '{kind}', '[]', {owner}, 1)"
        for n, (kind, owner) in enumerate(
            (("adm", "'u1'"), ("adm", "'u2'"), ("adm", "NULL"), ("live", "'u2'"))
        )
    ]
    run(
        database_url,
        *statements,
        "INSERT INTO people_group (id, organisation_id, name, created_at)"
        " VALUES ('g1', 'org_default', 'g', 1)",
        "INSERT INTO group_member (group_id, user_id, created_at) VALUES ('g1', 'u2', 1)",
    )
    move(database_url, "0007")
    assert ask(database_url, "SELECT id FROM key WHERE revoked_at IS NOT NULL") == [("key_1",)]
    move(database_url, SCHEMA)
    assert ask(database_url, "SELECT id FROM people_group") == []
