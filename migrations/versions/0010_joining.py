"""Who came by themselves, the renewable part of a person's feed address, and the network that an event belongs to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("subscriber", sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_subscriber_joined_at", "subscriber", ["joined_at"])
    op.add_column("subscriber", sa.Column("feed_key", sa.String(32), nullable=True))
    op.add_column("event", sa.Column("network", sa.String(120), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("event") as event:
        event.drop_column("network")
    op.drop_index("ix_subscriber_joined_at", "subscriber")
    with op.batch_alter_table("subscriber") as subscriber:
        subscriber.drop_column("feed_key")
        subscriber.drop_column("joined_at")
