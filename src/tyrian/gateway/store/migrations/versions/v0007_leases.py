"""What workers hold of budgets: one lease for each, in place of one row for each request."""

import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_RESERVATION = sa.table(
    "reservation",
    sa.column("id", sa.String),
    sa.column("budget_ids", sa.JSON),
    sa.column("organisation_id", sa.String),
    sa.column("project_id", sa.String),
    sa.column("key_id", sa.String),
    sa.column("request_id", sa.String),
    sa.column("model", sa.String),
    sa.column("nanos", sa.BigInteger),
    sa.column("created_at", sa.BigInteger),
    sa.column("expires_at", sa.BigInteger),
)
_LEASE = sa.table(
    "budget_lease",
    sa.column("id", sa.String),
    sa.column("budget_id", sa.String),
    sa.column("version", sa.BigInteger),
    sa.column("nanos", sa.BigInteger),
    sa.column("free_nanos", sa.BigInteger),
    sa.column("updated_at", sa.BigInteger),
    sa.column("expires_at", sa.BigInteger),
)


def upgrade() -> None:
    """Keep what requests hold: it counts as spent where nobody settles it."""
    op.create_table(
        "budget_lease",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("budget_id", sa.String(40), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("nanos", sa.BigInteger(), nullable=False),
        sa.Column("free_nanos", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_lease")),
    )
    op.create_index(op.f("ix_budget_lease_budget_id"), "budget_lease", ["budget_id"])
    op.create_index(op.f("ix_budget_lease_expires_at"), "budget_lease", ["expires_at"])
    leases: list[dict[str, Any]] = [
        {
            "id": f"lse_{secrets.token_hex(13)}",
            "budget_id": budget,
            "version": 1,
            "nanos": row.nanos,
            "free_nanos": 0,
            "updated_at": row.created_at,
            "expires_at": row.expires_at,
        }
        for row in op.get_bind().execute(sa.select(_RESERVATION))
        for budget in row.budget_ids
    ]
    if leases:
        op.bulk_insert(_LEASE, leases)
    op.drop_table("reservation")


def downgrade() -> None:
    """Make a reservation of each lease."""
    op.create_table(
        "reservation",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("budget_ids", sa.JSON(), nullable=False),
        sa.Column("organisation_id", sa.String(40), nullable=False),
        sa.Column("project_id", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("nanos", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation")),
    )
    op.create_index(op.f("ix_reservation_key_id"), "reservation", ["key_id"])
    op.create_index(op.f("ix_reservation_expires_at"), "reservation", ["expires_at"])
    reservations: list[dict[str, Any]] = [
        {
            "id": row.id,
            "budget_ids": [row.budget_id],
            "organisation_id": "",
            "project_id": "",
            "key_id": "",
            "request_id": "",
            "model": "",
            "nanos": row.nanos,
            "created_at": row.updated_at,
            "expires_at": row.expires_at,
        }
        for row in op.get_bind().execute(sa.select(_LEASE).where(_LEASE.c.nanos > 0))
    ]
    if reservations:
        op.bulk_insert(_RESERVATION, reservations)
    op.drop_table("budget_lease")
