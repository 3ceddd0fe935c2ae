"""What was told to whom, and what is still to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """A row per reader and revision; and which messages of the outbox a notification has looked at."""
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("notification", sa.String(64), nullable=False),
        sa.Column("reader", sa.String(64), nullable=False),
        sa.Column("alert", sa.String(36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("why", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True)),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("answer", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint(
            "notification", "reader", "alert", "revision", name="uq_delivery_notification_reader_alert_revision"
        ),
        sa.ForeignKeyConstraint(
            ["alert", "revision"], ["revision.alert", "revision.number"], name="fk_delivery_alert_revision"
        ),
    )
    op.create_index("ix_delivery_notification_state_next_at", "delivery", ["notification", "state", "next_at"])
    op.create_table(
        "looked_at",
        sa.Column("notification", sa.String(64), nullable=False),
        sa.Column("outbox", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("notification", "outbox", name="pk_looked_at"),
        sa.ForeignKeyConstraint(["outbox"], ["outbox.id"], name="fk_looked_at_outbox"),
    )
