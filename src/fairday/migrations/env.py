"""Alembic's environment: run by ``fairday.open`` on the connection it hands over."""

from alembic import context

from fairday.rooms import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, render_as_batch=True, transaction_per_migration=False
)
context.run_migrations()
