"""How Alembic reaches the database: over the connection, and inside the transaction, of `jobs.database`."""

from alembic import context

from jobs.database import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,  # true of SQLite too, once sqlite3 no longer begins transactions of its own
)
with context.begin_transaction():
    context.run_migrations()
