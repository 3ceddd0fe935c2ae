"""What every tile saw of every scene. Looks taken in before this table was there are counted as unrecorded, not as unread."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """One row per job, tile and scene."""
    op.create_table(
        "coverage",
        sa.Column("job", sa.String(200), nullable=False),
        sa.Column("tile", sa.String(64), nullable=False),
        sa.Column("scene", sa.String(300), nullable=False),
        sa.Column("sensor", sa.String(64), nullable=False),
        sa.Column("platform", sa.String(64), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("observed", sa.Integer(), nullable=False),
        sa.Column("masked", sa.Integer(), nullable=False),
        sa.Column("outside", sa.Integer(), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("job", "tile", "scene", name="pk_coverage"),
        sa.ForeignKeyConstraint(["job", "tile"], ["tile.job", "tile.id"], name="fk_coverage_job_tile"),
    )
