"""The first tables. Frozen: what comes later is another revision, and a test compares the sum with `jobs.database`."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Jobs with their runs, tiles, scenes and leases; alerts with their revisions and what is to be sent."""
    _jobs()
    _alerts()


def _jobs() -> None:
    op.create_table(
        "job",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("collection", sa.String(200), nullable=False),
        sa.Column("config_digest", sa.String(64), nullable=False),
        sa.Column("lattice", sa.String(64), nullable=False),
        sa.Column("grid", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_job"),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("job", sa.String(200), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("config_digest", sa.String(64), nullable=False),
        sa.Column("code_version", sa.String(64), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("content_digest", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sa.ForeignKeyConstraint(["job"], ["job.name"], name="fk_run_job"),
    )
    op.create_index("ix_run_job", "run", ["job"])
    op.create_table(
        "tile",
        sa.Column("job", sa.String(200), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("columns", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer()),
        sa.Column("state_path", sa.String(200)),
        sa.Column("state_sha256", sa.String(64)),
        sa.Column("looks_path", sa.String(200)),
        sa.Column("looks_sha256", sa.String(64)),
        sa.PrimaryKeyConstraint("job", "id", name="pk_tile"),
        sa.ForeignKeyConstraint(["job"], ["job.name"], name="fk_tile_job"),
    )
    op.create_table(
        "step",
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("tile", sa.String(64), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("state_path", sa.String(200), nullable=False),
        sa.Column("state_sha256", sa.String(64), nullable=False),
        sa.Column("looks_path", sa.String(200), nullable=False),
        sa.Column("looks_sha256", sa.String(64), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("run", "tile", "stage", name="pk_step"),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_step_run"),
    )
    op.create_table(
        "scene",
        sa.Column("job", sa.String(200), nullable=False),
        sa.Column("id", sa.String(300), nullable=False),
        sa.Column("instant", sa.BigInteger(), nullable=False),
        sa.Column("platform", sa.String(64), nullable=False),
        sa.Column("orbit", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("job", "id", name="pk_scene"),
        sa.ForeignKeyConstraint(["job"], ["job.name"], name="fk_scene_job"),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_scene_run"),
    )
    op.create_table(
        "lease",
        sa.Column("job", sa.String(200), nullable=False),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("job", name="pk_lease"),
        sa.ForeignKeyConstraint(["job"], ["job.name"], name="fk_lease_job"),
    )


def _alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("job", sa.String(200), nullable=False),
        sa.Column("minted_run", sa.String(64), nullable=False),
        sa.Column("anchor_row", sa.Integer(), nullable=False),
        sa.Column("anchor_column", sa.Integer(), nullable=False),
        sa.Column("change_date", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
        sa.ForeignKeyConstraint(["job"], ["job.name"], name="fk_alert_job"),
        sa.ForeignKeyConstraint(["minted_run"], ["run.id"], name="fk_alert_minted_run"),
    )
    op.create_index("ix_alert_job", "alert", ["job"])
    op.create_table(
        "revision",
        sa.Column("alert", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("cells", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("alert", "number", name="pk_revision"),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name="fk_revision_alert"),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_revision_run"),
    )
    op.create_index("ix_revision_run", "revision", ["run"])
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alert", sa.String(36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("message_kind", sa.String(16), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("alert", "revision", name="uq_outbox_alert_revision"),
        sa.ForeignKeyConstraint(
            ["alert", "revision"], ["revision.alert", "revision.number"], name="fk_outbox_alert_revision"
        ),
    )
