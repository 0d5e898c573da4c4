"""Answers that the team writes, example questions of entries, and unanswered questions that are settled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "written_answer",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("original", sa.String(12), nullable=False),
        sa.Column("source", sa.String(300), nullable=False),
        sa.Column("source_url", sa.String(500), nullable=False),
        sa.Column("as_of", sa.Date, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(32), nullable=False),
    )
    op.create_table(
        "written_text",
        sa.Column("answer_id", sa.String(80), sa.ForeignKey("written_answer.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("language", sa.String(12), primary_key=True),
        sa.Column("title", sa.String(160), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("links", sa.JSON, nullable=False),
        sa.Column("is_machine_draft", sa.Boolean, nullable=False),
    )
    op.create_table(
        "written_example",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("entry", sa.String(120), nullable=False),
        sa.Column("language", sa.String(12), nullable=False),
        sa.Column("text", sa.String(300), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_written_example_entry", "written_example", ["entry"])
    op.create_table(
        "settled_question",
        sa.Column("language", sa.String(12), primary_key=True),
        sa.Column("words", sa.String(64), primary_key=True),
        sa.Column("entry", sa.String(120), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_settled_question_settled_at", "settled_question", ["settled_at"])


def downgrade() -> None:
    for table in ("settled_question", "written_example", "written_text", "written_answer"):
        op.drop_table(table)
