"""Accounts: people, roles, grants, budgets, the ledger and the audit chain."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _id(name: str = "id", *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(40), nullable=nullable)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _int(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _json(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.JSON(), nullable=nullable)


def _hash(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(32), nullable=False)


def _create(name: str, *columns: sa.schema.SchemaItem, key: tuple[str, ...] = ("id",)) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{name}")))


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name)


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{columns[0]}"))


def _index(table: str, *columns: str, name: str = "") -> None:
    op.create_index(op.f(name or f"ix_{table}_{columns[0]}"), table, list(columns))


def upgrade() -> None:
    """Create the tables; what there is stays with the default organisation and project."""
    _create_people()
    _create_grants()
    _create_money()
    _create_limits()
    _create_audit()
    _widen_projects()
    _widen_keys()


def _create_people() -> None:
    _create(
        "user_account",
        _id(),
        _text("email", 320),
        _int("email_verified_at", nullable=True),
        _text("name", 200),
        _int("created_at"),
        _int("disabled_at", nullable=True),
        _int("last_seen_at", nullable=True),
        _unique("user_account", "email"),
    )
    for table, place in (("membership", "organisation"), ("project_membership", "project")):
        _create(
            table,
            _id(),
            _id(f"{place}_id"),
            _id("user_id"),
            _text("role", 16),
            _int("created_at"),
            _to(table, f"{place}_id", place),
            _to(table, "user_id", "user_account"),
            _unique(table, f"{place}_id", "user_id"),
        )
        _index(table, "user_id")
    _create(
        "service_account",
        _id(),
        _id("project_id"),
        _text("name", 200),
        _text("role", 16),
        _int("created_at"),
        _int("deleted_at", nullable=True),
        _to("service_account", "project_id", "project"),
    )
    _index("service_account", "project_id")


def _create_grants() -> None:
    _create(
        "invitation",
        _id(),
        _id("organisation_id"),
        _text("email", 320),
        _text("role", 16),
        _json("projects"),
        _text("tier", 16, nullable=True),
        _hash("digest"),
        _id("invited_by"),
        _int("created_at"),
        _int("expires_at"),
        _int("accepted_at", nullable=True),
        _id("accepted_by", nullable=True),
        _int("revoked_at", nullable=True),
        _to("invitation", "organisation_id", "organisation"),
        _to("invitation", "accepted_by", "user_account"),
        _unique("invitation", "digest"),
    )
    _index("invitation", "organisation_id")
    _create(
        "tier_grant",
        _id(),
        _id("organisation_id"),
        _text("program", 64),
        _text("tier", 16),
        _id("requested_by", nullable=True),
        _id("granted_by"),
        _id("approved_by", nullable=True),
        _json("evidence", nullable=True),
        _int("created_at"),
        _int("expires_at", nullable=True),
        _int("revoked_at", nullable=True),
        _to("tier_grant", "organisation_id", "organisation"),
    )
    _index("tier_grant", "organisation_id")


def _create_money() -> None:
    _create(
        "budget",
        _id(),
        _id("organisation_id"),
        _text("subject_kind", 16),
        _id("subject_id"),
        _text("period", 8),
        _int("limit_nanos"),
        _int("period_started_at"),
        _int("spent_nanos"),
        _int("reserved_nanos"),
        _int("created_at"),
        _int("updated_at"),
        _to("budget", "organisation_id", "organisation"),
        _unique("budget", "subject_id", "period"),
    )
    _index("budget", "organisation_id")
    _create(
        "reservation",
        _id(),
        _json("budget_ids"),
        _id("organisation_id"),
        _id("project_id"),
        _id("key_id"),
        _text("request_id", 64),
        _text("model", 200),
        _int("nanos"),
        _int("created_at"),
        _int("expires_at"),
    )
    _index("reservation", "key_id")
    _index("reservation", "expires_at")
    _create(
        "ledger_entry",
        _id(),
        _text("request_id", 64),
        _id("organisation_id"),
        _id("project_id"),
        _id("key_id"),
        _id("user_id", nullable=True),
        _text("route", 40),
        _text("model", 200),
        _int("status"),
        _text("effect", 8),
        _int("input_tokens"),
        _int("cached_tokens"),
        _int("output_tokens"),
        _int("cost_nanos"),
        sa.Column("is_estimate", sa.Boolean(), nullable=False),
        _int("elapsed_ms"),
        _int("created_at"),
    )
    _index("ledger_entry", "request_id")
    for place in ("organisation", "project", "key"):
        name = f"ix_ledger_entry_{place}_at"
        _index("ledger_entry", f"{place}_id", "created_at", name=name)


def _create_limits() -> None:
    _create(
        "rate_limit",
        _id(),
        _id("organisation_id"),
        _text("subject_kind", 16),
        _id("subject_id"),
        _text("model", 200),
        _int("requests_per_minute", nullable=True),
        _int("tokens_per_minute", nullable=True),
        _int("requests_per_day", nullable=True),
        _int("updated_at"),
        _to("rate_limit", "organisation_id", "organisation"),
        _unique("rate_limit", "subject_id", "model"),
    )
    _index("rate_limit", "organisation_id")
    _create(
        "spend_alert",
        _id(),
        _id("organisation_id"),
        _id("project_id", nullable=True),
        _int("threshold_nanos"),
        _text("period", 8),
        _json("channel"),
        _int("created_at"),
        _int("fired_at", nullable=True),
        _to("spend_alert", "organisation_id", "organisation"),
        _to("spend_alert", "project_id", "project"),
    )
    _index("spend_alert", "organisation_id")
    _index("spend_alert", "project_id")


def _create_audit() -> None:
    _create(
        "audit_event",
        _id("organisation_id"),
        _int("sequence"),
        _id(),
        _int("at"),
        _text("type", 64),
        _json("actor"),
        _id("project_id", nullable=True),
        _json("details"),
        _hash("previous_hash"),
        _hash("hash"),
        _to("audit_event", "organisation_id", "organisation"),
        _unique("audit_event", "id"),
        key=("organisation_id", "sequence"),
    )
    _index("audit_event", "organisation_id", "at", name="ix_audit_event_at")
    _create(
        "audit_head",
        _id("organisation_id"),
        _int("sequence"),
        _hash("hash"),
        _to("audit_head", "organisation_id", "organisation"),
        key=("organisation_id",),
    )


def _widen_projects() -> None:
    """A tier is a grant with a reason from here on, not a word in a row."""
    now = int(time.time())
    grants = sa.table(
        "tier_grant",
        *(sa.column(n) for n in ("id", "organisation_id", "program", "tier", "granted_by")),
        sa.column("created_at"),
    )
    found = op.get_bind().execute(sa.text("SELECT id FROM organisation")).scalars()
    op.bulk_insert(
        grants,
        [
            {
                "id": f"grant_{organisation}"[:40],
                "organisation_id": organisation,
                "program": "",
                "tier": "operator" if organisation == "org_default" else "developer",
                "granted_by": "system",
                "created_at": now,
            }
            for organisation in found
        ],
    )
    with op.batch_alter_table("organisation") as batch:
        batch.drop_column("tier")
        batch.add_column(_int("archived_at", nullable=True))
        batch.add_column(_text("data_retention", 40, nullable=True))
    with op.batch_alter_table("project") as batch:
        batch.add_column(_int("archived_at", nullable=True))
        batch.add_column(_text("model_mode", 12, nullable=True))
        batch.add_column(_json("model_ids", nullable=True))
        batch.add_column(_text("data_retention", 40, nullable=True))


_OWNERS = (("owner_user_id", "user_account"), ("owner_service_account_id", "service_account"))


def _widen_keys() -> None:
    _create("revision", _text("name", 40), _int("number"), key=("name",))
    op.execute("INSERT INTO revision (name, number) VALUES ('accounts', 1)")
    with op.batch_alter_table("key") as batch:
        batch.alter_column("tier", existing_type=sa.String(40), nullable=True)
        batch.add_column(_json("models", nullable=True))
        batch.add_column(_json("networks", nullable=True))
        for column, _ in _OWNERS:
            batch.add_column(_id(column, nullable=True))
        batch.add_column(_id("created_by", nullable=True))
        batch.add_column(_int("disabled_at", nullable=True))
        batch.add_column(_text("revoked_reason", 40, nullable=True))
        for column, target in _OWNERS:
            name = op.f(f"fk_key_{column}_{target}")
            batch.create_foreign_key(name, target, [column], ["id"])
            batch.create_index(op.f(f"ix_key_{column}"), [column])
    op.execute("UPDATE key SET tier = NULL WHERE tier = 'standard'")
    with op.batch_alter_table("key_secret") as batch:
        batch.add_column(_int("revoked_at", nullable=True))


def downgrade() -> None:
    """Drop it all. A key that would be good for more than before is revoked, never widened."""
    _narrow_keys()
    with op.batch_alter_table("project") as batch:
        for column in ("archived_at", "model_mode", "model_ids", "data_retention"):
            batch.drop_column(column)
    with op.batch_alter_table("organisation") as batch:
        batch.add_column(
            sa.Column("tier", sa.String(40), nullable=False, server_default="standard")
        )
        batch.drop_column("archived_at")
        batch.drop_column("data_retention")
    with op.batch_alter_table("organisation") as batch:
        batch.alter_column("tier", existing_type=sa.String(40), server_default=None)
    for table in (
        "audit_head",
        "audit_event",
        "spend_alert",
        "rate_limit",
        "ledger_entry",
        "reservation",
        "budget",
        "tier_grant",
        "invitation",
        "service_account",
        "project_membership",
        "membership",
        "user_account",
        "revision",
    ):
        op.drop_table(table)


def _narrow_keys() -> None:
    now = int(time.time())
    narrow = (
        "project_id IN"
        " (SELECT id FROM project WHERE archived_at IS NOT NULL OR model_mode IS NOT NULL)"
    )
    op.execute(
        f"UPDATE key SET revoked_at = {now} WHERE revoked_at IS NULL AND (models IS NOT NULL"  # noqa: S608
        f" OR networks IS NOT NULL OR disabled_at IS NOT NULL OR {narrow})"
    )
    op.execute(
        "UPDATE key_secret SET expires_at = revoked_at WHERE revoked_at IS NOT NULL"
        " AND (expires_at IS NULL OR expires_at > revoked_at)"
    )
    with op.batch_alter_table("key_secret") as batch:
        batch.drop_column("revoked_at")
    op.execute("UPDATE key SET tier = 'standard' WHERE tier IS NULL")
    with op.batch_alter_table("key") as batch:
        for column, target in _OWNERS:
            batch.drop_index(op.f(f"ix_key_{column}"))
            batch.drop_constraint(op.f(f"fk_key_{column}_{target}"), type_="foreignkey")
            batch.drop_column(column)
        for column in ("models", "networks", "created_by", "disabled_at", "revoked_reason"):
            batch.drop_column(column)
        batch.alter_column("tier", existing_type=sa.String(40), nullable=False)
