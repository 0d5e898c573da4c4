"""The people of the ICC team, how they get in, what they did, and what they correct in contacts of services."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "operator",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("email", sa.String(320), nullable=False, unique=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("language", sa.String(12), nullable=False),
        sa.Column("languages", sa.JSON, nullable=False),
        sa.Column("network", sa.String(120)),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("password_hash", sa.String(200)),
        sa.Column("totp_secret", sa.LargeBinary),
        sa.Column("last_totp_step", sa.Integer, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("joined_at", TIME),
        sa.Column("closed_at", TIME),
    )
    op.create_table(
        "operator_session",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("operator_id", sa.String(32), sa.ForeignKey("operator.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=False, index=True),
    )
    op.create_table(
        "operator_link",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("operator_id", sa.String(32), sa.ForeignKey("operator.id", ondelete="CASCADE")),
        sa.Column("expires_at", TIME, nullable=False, index=True),
    )
    op.create_table(
        "operator_act",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("operator_id", sa.String(32), index=True),
        sa.Column("act", sa.String(60), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("at", TIME, nullable=False, index=True),
    )
    op.create_table(
        "service_contact_override",
        sa.Column("entry", sa.String(120), primary_key=True),
        sa.Column("is_hidden", sa.Boolean, nullable=False),
        sa.Column("phone", sa.String(200)),
        sa.Column("email", sa.String(320)),
        sa.Column("url", sa.String(500)),
        sa.Column("confirmed_on", sa.Date),
        sa.Column("changed_by", sa.String(32)),
        sa.Column("changed_at", TIME, nullable=False, index=True),
    )


def downgrade() -> None:
    for table in ("service_contact_override", "operator_act", "operator_link", "operator_session", "operator"):
        op.drop_table(table)
