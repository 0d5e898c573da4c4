"""Hand-offs, late replies, counts, unanswered questions, feedback, doubts about contacts, leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "handoff",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("sender_key", sa.String(64), nullable=False, index=True),
        sa.Column("language", sa.String(12), nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("subject", sa.String(120)),
        sa.Column("status", sa.String(20), nullable=False, index=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("answered_at", TIME),
    )
    op.create_table(
        "late_reply",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sender_key", sa.String(64), nullable=False, index=True),
        sa.Column("language", sa.String(12), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False, index=True),
    )
    op.create_table(
        "question_count",
        sa.Column("entry", sa.String(120), primary_key=True),
        sa.Column("language", sa.String(12), primary_key=True),
        sa.Column("asked_on", sa.Date, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
    )
    op.create_table(
        "unanswered_question",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("language", sa.String(12), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("asked_on", sa.Date, nullable=False, index=True),
    )
    op.create_table(
        "feedback",
        sa.Column("reply", sa.String(64), primary_key=True),
        sa.Column("entry", sa.String(120), nullable=False, index=True),
        sa.Column("language", sa.String(12), nullable=False),
        sa.Column("helpful", sa.Boolean, nullable=False),
        sa.Column("given_on", sa.Date, nullable=False),
    )
    op.create_table(
        "contact_doubt",
        sa.Column("entry", sa.String(120), primary_key=True),
        sa.Column("field", sa.String(20), primary_key=True),
        sa.Column("doubted_on", sa.Date, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("holder", sa.String(60), nullable=False),
        sa.Column("until", TIME, nullable=False),
    )


def downgrade() -> None:
    for table in (
        "lease",
        "contact_doubt",
        "feedback",
        "unanswered_question",
        "question_count",
        "late_reply",
        "handoff",
    ):
        op.drop_table(table)
