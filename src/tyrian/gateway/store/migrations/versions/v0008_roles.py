"""Groups, roles that organisations define, and what was spent in the running month."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_LEDGER = sa.table(
    "ledger_entry",
    *(sa.column(name, sa.String) for name in ("organisation_id", "project_id")),
    *(sa.column(name, sa.BigInteger) for name in ("cost_nanos", "created_at")),
)
_SPENDING = sa.table(
    "spending",
    *(sa.column(name, sa.String) for name in ("subject_id", "period")),
    *(sa.column(name, sa.BigInteger) for name in ("began_at", "nanos")),
)


def _id(name: str = "id", *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(40), nullable=nullable)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _int(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _create(name: str, *columns: sa.schema.SchemaItem, key: Sequence[str] = ("id",)) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{name}")))


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name)


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{columns[0]}"))


def upgrade() -> None:
    """Create the tables, and sum up what the ledger has of this month."""
    _create_groups()
    _create_roles()
    _create_spending()
    _sum_ledger()


def _create_groups() -> None:
    _create(
        "people_group",
        _id(),
        _id("organisation_id"),
        _text("name", 200),
        _int("created_at"),
        _to("people_group", "organisation_id", "organisation"),
        _unique("people_group", "organisation_id", "name"),
    )
    _create(
        "group_member",
        _id("group_id"),
        _id("user_id"),
        _int("created_at"),
        _to("group_member", "group_id", "people_group"),
        _to("group_member", "user_id", "user_account"),
        key=("group_id", "user_id"),
    )
    op.create_index(op.f("ix_group_member_user_id"), "group_member", ["user_id"])


def _create_roles() -> None:
    _create(
        "custom_role",
        _id(),
        _id("organisation_id"),
        _id("scope_id"),
        _text("name", 200),
        _text("description", 1_000, nullable=True),
        sa.Column("permissions", sa.JSON(), nullable=False),
        _id("created_by", nullable=True),
        _int("created_at"),
        _int("updated_at"),
        _to("custom_role", "organisation_id", "organisation"),
        _unique("custom_role", "scope_id", "name"),
    )
    op.create_index(op.f("ix_custom_role_organisation_id"), "custom_role", ["organisation_id"])
    _create(
        "role_assignment",
        _id(),
        _id("organisation_id"),
        _text("subject_kind", 8),
        _id("subject_id"),
        _id("scope_id"),
        _id("role_id"),
        _id("created_by", nullable=True),
        _int("created_at"),
        _to("role_assignment", "organisation_id", "organisation"),
        _unique("role_assignment", "subject_id", "scope_id", "role_id"),
    )
    op.create_index(
        op.f("ix_role_assignment_organisation_id"), "role_assignment", ["organisation_id"]
    )
    op.create_index("ix_role_assignment_scope", "role_assignment", ["scope_id", "role_id"])


def _create_spending() -> None:
    _create(
        "spending",
        _id("subject_id"),
        _text("period", 8),
        _int("began_at"),
        _int("nanos"),
        key=("subject_id", "period", "began_at"),
    )
    _create(
        "fired_alert",
        _id(),
        _id("alert_id"),
        _id("organisation_id"),
        _id("project_id", nullable=True),
        _text("period", 8),
        _int("began_at"),
        _int("threshold_nanos"),
        _int("spent_nanos"),
        sa.Column("channel", sa.JSON(), nullable=False),
        _int("fired_at"),
        _text("email_state", 16),
        _text("webhook_state", 16),
        _int("tries"),
        _int("next_try_at", nullable=True),
        _unique("fired_alert", "alert_id", "began_at", "threshold_nanos"),
    )
    op.create_index("ix_fired_alert_organisation", "fired_alert", ["organisation_id", "fired_at"])
    op.create_index(op.f("ix_fired_alert_next_try_at"), "fired_alert", ["next_try_at"])


def _sum_ledger() -> None:
    month = datetime.fromtimestamp(time.time(), UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    since = int(month.timestamp())
    total = sa.func.sum(_LEDGER.c.cost_nanos)
    for subject in (_LEDGER.c.organisation_id, _LEDGER.c.project_id):
        sums = (
            sa.select(subject, sa.literal("month"), sa.literal(since), total)
            .where(_LEDGER.c.created_at >= since)
            .group_by(subject)
        )
        names = ["subject_id", "period", "began_at", "nanos"]
        op.execute(_SPENDING.insert().from_select(names, sums))


def downgrade() -> None:
    """Drop the tables. An admin key whose owner would not have got it alone is revoked.

    Before this, an admin key could do everything, whoever owned it; now it can do what they may.
    """
    now = int(time.time())
    op.execute(
        f"UPDATE key SET revoked_at = {now} WHERE kind = 'adm' AND revoked_at IS NULL"  # noqa: S608
        " AND owner_user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM membership"
        " JOIN project ON project.organisation_id = membership.organisation_id"
        " WHERE project.id = key.project_id AND membership.user_id = key.owner_user_id"
        " AND membership.role IN ('admin', 'owner'))"
    )
    for table in (
        "fired_alert",
        "spending",
        "role_assignment",
        "custom_role",
        "group_member",
        "people_group",
    ):
        op.drop_table(table)
