"""Organisations, projects, keys and their secrets."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and the default organisation and project."""
    now = int(time.time())
    organisation = op.create_table(
        "organisation",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("tier", sa.String(40), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
    )
    project = op.create_table(
        "project",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("organisation_id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_project_organisation_id_organisation"),
        ),
    )
    op.create_index(op.f("ix_project_organisation_id"), "project", ["organisation_id"])
    _create_keys()
    op.bulk_insert(
        organisation,
        [{"id": "org_default", "name": "default", "tier": "standard", "created_at": now}],
    )
    op.bulk_insert(
        project,
        [
            {
                "id": "proj_default",
                "organisation_id": "org_default",
                "name": "default",
                "created_at": now,
            }
        ],
    )


def _create_keys() -> None:
    op.create_table(
        "key",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("project_id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("tier", sa.String(40), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_key_project_id_project")
        ),
    )
    op.create_index(op.f("ix_key_project_id"), "key", ["project_id"])
    op.create_table(
        "key_secret",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("redacted_value", sa.String(32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_secret")),
        sa.ForeignKeyConstraint(["key_id"], ["key.id"], name=op.f("fk_key_secret_key_id_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_key_secret_digest")),
    )
    op.create_index(op.f("ix_key_secret_key_id"), "key_secret", ["key_id"])


def downgrade() -> None:
    """Drop all tables."""
    for table in ("key_secret", "key", "project", "organisation"):
        op.drop_table(table)
