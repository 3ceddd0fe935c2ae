"""What people say of alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """A row per review, of the revision that was looked at."""
    op.create_table(
        "review",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("job", sa.String(200), nullable=False),
        sa.Column("alert", sa.String(36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32)),
        sa.Column("by", sa.String(80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_review"),
        sa.ForeignKeyConstraint(["job"], ["job.name"], name="fk_review_job"),
        sa.ForeignKeyConstraint(
            ["alert", "revision"], ["revision.alert", "revision.number"], name="fk_review_alert_revision"
        ),
    )
    op.create_index("ix_review_job", "review", ["job"])
