"""Desks, officers and their sessions, sealed cases with messages and files, drafts, audit, figures, attempts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_desks()
    _create_cases()
    _create_files()
    _create_records()


def _create_desks() -> None:
    op.create_table(
        "desk",
        sa.Column("id", sa.String(60), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("places", sa.JSON, nullable=False),
        sa.Column("service", sa.String(120)),
        sa.Column("languages", sa.JSON, nullable=False),
        sa.Column("statement", sa.JSON, nullable=False),
        sa.Column("public_key", sa.LargeBinary),
        sa.Column("recovery_public_key", sa.LargeBinary),
        sa.Column("recovery_sealed_key", sa.LargeBinary),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("opened_at", TIME),
        sa.Column("closed_at", TIME),
        sa.Column("last_sign_in_at", TIME),
    )
    op.create_table(
        "officer",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("desk_id", sa.String(60), sa.ForeignKey("desk.id"), nullable=False, index=True),
        sa.Column("login", sa.String(200), nullable=False, unique=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("language", sa.String(12), nullable=False),
        sa.Column("invitation_hash", sa.String(64), index=True),
        sa.Column("invited_until", TIME),
        sa.Column("salt", sa.LargeBinary),
        sa.Column("public_key", sa.LargeBinary),
        sa.Column("wrapped_private_key", sa.LargeBinary),
        sa.Column("sealed_totp", sa.LargeBinary),
        sa.Column("sealed_desk_key", sa.LargeBinary),
        sa.Column("last_totp_step", sa.Integer, nullable=False),
        sa.Column("joined_at", TIME),
        sa.Column("left_at", TIME),
    )
    op.create_table(
        "officer_session",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("officer_id", sa.String(32), sa.ForeignKey("officer.id"), nullable=False, index=True),
        sa.Column("sealed_keys", sa.LargeBinary, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=False),
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", TIME, nullable=False, index=True),
        sa.Column("blocked_until", TIME),
    )


def _create_cases() -> None:
    op.create_table(
        "report_case",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("desk_id", sa.String(60), sa.ForeignKey("desk.id"), nullable=False, index=True),
        sa.Column("submission", sa.String(64), nullable=False, unique=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("set_apart", sa.Boolean, nullable=False),
        sa.Column("receipt_id", sa.String(64), nullable=False, unique=True),
        sa.Column("receipt_public_key", sa.LargeBinary, nullable=False),
        sa.Column("receipt_sealed_key", sa.LargeBinary, nullable=False),
        sa.Column("desk_sealed_key", sa.LargeBinary),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("labels", sa.LargeBinary),
        sa.Column("delete_on", sa.Date, nullable=False, index=True),
        sa.Column("reporter_returned", sa.Boolean, nullable=False),
        sa.Column("reporter_waits", sa.Boolean, nullable=False),
    )
    op.create_table(
        "report_case_seal",
        sa.Column("case_id", sa.String(32), sa.ForeignKey("report_case.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("officer_id", sa.String(32), sa.ForeignKey("officer.id"), primary_key=True),
        sa.Column("sealed_key", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "report_case_entry",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "case_id", sa.String(32), sa.ForeignKey("report_case.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def _create_files() -> None:
    op.create_table(
        "report_draft",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("expires_at", TIME, nullable=False, index=True),
    )
    op.create_table(
        "report_file",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("report_case.id", ondelete="CASCADE"), index=True),
        sa.Column("draft_id", sa.String(64), sa.ForeignKey("report_draft.id", ondelete="CASCADE"), index=True),
        sa.Column("chunks", sa.Integer, nullable=False),
    )
    op.create_table(
        "report_file_chunk",
        sa.Column("file_id", sa.String(32), sa.ForeignKey("report_file.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "report_return_session",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column(
            "case_id", sa.String(32), sa.ForeignKey("report_case.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("sealed_key", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", TIME, nullable=False, index=True),
    )


def _create_records() -> None:
    op.create_table(
        "desk_audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("desk_id", sa.String(60), sa.ForeignKey("desk.id"), nullable=False),
        sa.Column("officer_id", sa.String(32)),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("case_id", sa.String(32)),
        sa.Column("at", TIME, nullable=False),
    )
    op.create_index("ix_desk_audit_desk_id_at", "desk_audit", ["desk_id", "at"])
    op.create_table(
        "desk_period",
        sa.Column("desk_id", sa.String(60), sa.ForeignKey("desk.id"), primary_key=True),
        sa.Column("period", sa.String(12), primary_key=True),
        sa.Column("sealed_counts", sa.LargeBinary, nullable=False),
        sa.Column("released", sa.JSON, nullable=False),
        sa.Column("closed_at", TIME, nullable=False),
    )
    op.create_table(
        "desk_news",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("desk_id", sa.String(60), sa.ForeignKey("desk.id"), nullable=False, index=True),
        sa.Column("period", sa.String(12), nullable=False),
        sa.Column("texts", sa.JSON, nullable=False),
        sa.Column("published_at", TIME, nullable=False),
    )
    op.create_table(
        "report_erasure",
        sa.Column("case_hash", sa.String(64), primary_key=True),
        sa.Column("erased_on", sa.Date, nullable=False),
    )


def downgrade() -> None:
    for table in (
        "report_erasure",
        "desk_news",
        "desk_period",
        "desk_audit",
        "report_return_session",
        "report_file_chunk",
        "report_file",
        "report_draft",
        "report_case_entry",
        "report_case_seal",
        "report_case",
        "sign_in_attempt",
        "officer_session",
        "officer",
        "desk",
    ):
        op.drop_table(table)
