"""Who is sending a delivery, channels that are away, mail that is kept while no mail server is set."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("delivery", sa.Column("holder", sa.String(32)))
    is_set = sa.text("lease_until IS NOT NULL")
    op.create_index(
        "ix_delivery_lease_until", "delivery", ["lease_until"], postgresql_where=is_set, sqlite_where=is_set
    )
    op.create_table(
        "channel_pause",
        sa.Column("channel", sa.String(12), primary_key=True),
        sa.Column("until", TIME, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(120), nullable=False),
    )
    op.create_table(
        "outbox_mail",
        sa.Column("id", sa.String(120), primary_key=True),
        sa.Column("recipient", sa.String(320), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("written_at", TIME, nullable=False, index=True),
    )


def downgrade() -> None:
    op.drop_table("outbox_mail")
    op.drop_table("channel_pause")
    op.drop_index("ix_delivery_lease_until", "delivery")
    op.drop_column("delivery", "holder")
