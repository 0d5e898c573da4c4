"""Updates that were taken, what chats chose, long payloads of buttons, chats that wait for the team."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "telegram_update",
        sa.Column("update_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("holder", sa.String(60), nullable=False),
        sa.Column("held_until", TIME, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        sa.Column("came_on", sa.Date, nullable=False, index=True),
    )
    op.create_table(
        "telegram_chat",
        sa.Column("chat_key", sa.String(64), primary_key=True),
        sa.Column("language", sa.String(12)),
        sa.Column("stopped_at", TIME),
        sa.Column("blocked_at", TIME),
        sa.Column("pressed_message", sa.BigInteger),
        sa.Column("used_on", sa.Date, nullable=False, index=True),
    )
    op.create_table(
        "telegram_button",
        sa.Column("code", sa.String(32), primary_key=True),
        sa.Column("data", sa.String(400), nullable=False),
        sa.Column("used_on", sa.Date, nullable=False, index=True),
    )
    op.create_table(
        "telegram_waiting",
        sa.Column("chat_key", sa.String(64), primary_key=True),
        sa.Column("chat_id", sa.BigInteger, nullable=False),
        sa.Column("created_at", TIME, nullable=False, index=True),
    )


def downgrade() -> None:
    for table in ("telegram_waiting", "telegram_button", "telegram_chat", "telegram_update"):
        op.drop_table(table)
