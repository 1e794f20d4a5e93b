"""Runs the migrations on the connection, and inside the transaction, that the Store hands over."""

from alembic import context

from tyrian.gateway.store.models.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
