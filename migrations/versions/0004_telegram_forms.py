"""Where a chat stands in a report, and which of its messages belong to one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "telegram_form",
        sa.Column("form_key", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer),
        sa.Column("since", sa.Integer, nullable=False),
        sa.Column("screen_id", sa.BigInteger),
        sa.Column("screen_at", TIME),
        sa.Column("is_single", sa.Boolean, nullable=False),
        sa.Column("is_last", sa.Boolean, nullable=False),
        sa.Column("turn", sa.BigInteger),
        sa.Column("asks", sa.String(10)),
        sa.Column("expires_at", TIME, nullable=False, index=True),
    )
    op.create_table(
        "telegram_form_message",
        sa.Column("form_key", sa.String(64), primary_key=True),
        sa.Column("message_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("is_kept", sa.Boolean, nullable=False),
        sa.Column("of_return", sa.Boolean, nullable=False),
        sa.Column("sent_at", TIME, nullable=False, index=True),
    )


def downgrade() -> None:
    for table in ("telegram_form_message", "telegram_form"):
        op.drop_table(table)
