"""Subscribers and their choices, broadcasts, deliveries, digests, events, what is known of cities' memberships."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_broadcasts()
    _create_subscribers()
    _create_events()
    _create_deliveries()
    _create_records()


def _create_broadcasts() -> None:
    op.create_table(
        "broadcast",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False, index=True),
        sa.Column("original_language", sa.String(12), nullable=False),
        sa.Column("topics_any", sa.JSON, nullable=False),
        sa.Column("topics_all", sa.JSON, nullable=False),
        sa.Column("audience", sa.JSON, nullable=False),
        sa.Column("event_id", sa.String(32), index=True),
        sa.Column("corrects", sa.String(32)),
        sa.Column("reason", sa.String(400)),
        sa.Column("closes_at", TIME),
        sa.Column("due_at", TIME, index=True),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("texts_due_at", TIME),
        sa.Column("created_by", sa.String(32), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("approved_by", sa.JSON, nullable=False),
        sa.Column("expanded_at", TIME),
        sa.Column("expanded_to", sa.String(32)),
        sa.Column("finished_at", TIME),
    )
    op.create_table(
        "broadcast_text",
        sa.Column("broadcast_id", sa.String(32), sa.ForeignKey("broadcast.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("language", sa.String(12), primary_key=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("problems", sa.JSON, nullable=False),
        sa.Column("approver", sa.String(32)),
        sa.Column("approved_by", sa.String(32)),
        sa.Column("changed_at", TIME, nullable=False),
    )
    op.create_table(
        "broadcast_attachment",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "broadcast_id", sa.String(32), sa.ForeignKey("broadcast.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )


def _create_subscribers() -> None:
    op.create_table(
        "subscriber",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("city", sa.String(80), index=True),
        sa.Column("network", sa.String(120), index=True),
        sa.Column("country", sa.String(2), index=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("is_mandatory_contact", sa.Boolean, nullable=False, index=True),
        sa.Column("may_set_city_defaults", sa.Boolean, nullable=False),
        sa.Column("language", sa.String(12), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("quiet_from", sa.Time),
        sa.Column("quiet_to", sa.Time),
        sa.Column("quiet_days", sa.JSON, nullable=False),
        sa.Column("digest_at", sa.Time, nullable=False),
        sa.Column("digest_on", sa.Integer, nullable=False),
        sa.Column("paused_until", sa.Date),
        sa.Column("channel", sa.String(12), nullable=False),
        sa.Column("choice", sa.String(24)),
        sa.Column("succeeded_by", sa.String(32)),
        sa.Column("left_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("welcomed_at", TIME),
    )
    op.create_table(
        "subscriber_address",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("subscriber_id", sa.String(32), sa.ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False),
        sa.Column("channel", sa.String(12), nullable=False),
        sa.Column("value", sa.String(320), nullable=False),
        sa.Column("confirmed_at", TIME),
        sa.Column("suppressed_at", TIME),
        sa.Column("suppression", sa.String(40)),
        sa.Column("created_at", TIME, nullable=False),
        sa.UniqueConstraint("subscriber_id", "channel"),
        sa.UniqueConstraint("channel", "value"),
    )
    op.create_table(
        "subscriber_confirmation",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("subscriber_id", sa.String(32), sa.ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False),
        sa.Column("address_id", sa.String(32)),
        sa.Column("value", sa.String(320)),
        sa.Column("topics", sa.JSON, nullable=False),
        sa.Column("expires_at", TIME, nullable=False, index=True),
        sa.Column("used_at", TIME),
    )
    op.create_table(
        "subscription",
        sa.Column("subscriber_id", sa.String(32), sa.ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("topic", sa.String(80), primary_key=True, index=True),
        sa.Column("frequency", sa.String(12), nullable=False),
        sa.Column("channel", sa.String(12)),
        sa.Column("chosen_at", TIME, nullable=False),
        sa.Column("origin", sa.String(20), nullable=False),
    )
    op.create_table(
        "preference_change",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "subscriber_id",
            sa.String(32),
            sa.ForeignKey("subscriber.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("origin", sa.String(20), nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("undone_at", TIME),
    )
    op.create_table(
        "city_default",
        sa.Column("city", sa.String(80), primary_key=True),
        sa.Column("topic", sa.String(80), primary_key=True),
        sa.Column("frequency", sa.String(12), nullable=False),
        sa.Column("set_by", sa.String(32), nullable=False),
        sa.Column("set_at", TIME, nullable=False),
    )
    op.create_table(
        "city_rule",
        sa.Column("city", sa.String(80), primary_key=True),
        sa.Column("telegram_off", sa.Boolean, nullable=False),
    )


def _create_events() -> None:
    op.create_table(
        "event",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("uid", sa.String(120), nullable=False, unique=True),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("form", sa.String(12), nullable=False),
        sa.Column("titles", sa.JSON, nullable=False),
        sa.Column("descriptions", sa.JSON, nullable=False),
        sa.Column("topics", sa.JSON, nullable=False),
        sa.Column("starts_at", TIME, nullable=False, index=True),
        sa.Column("ends_at", TIME, nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("place", sa.String(400)),
        sa.Column("online_url", sa.String(500)),
        sa.Column("registration_opens_at", TIME),
        sa.Column("registration_closes_at", TIME),
        sa.Column("places", sa.Integer),
        sa.Column("places_per_city", sa.Integer),
        sa.Column("languages", sa.JSON, nullable=False),
        sa.Column("who_pays", sa.String(400)),
        sa.Column("is_public", sa.Boolean, nullable=False),
        sa.Column("reminder_days", sa.JSON, nullable=False),
        sa.Column("cancelled_at", TIME),
        sa.Column("created_by", sa.String(32), nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
    )
    op.create_table(
        "event_guest",
        sa.Column("event_id", sa.String(32), sa.ForeignKey("event.id", ondelete="CASCADE"), primary_key=True),
        sa.Column(
            "subscriber_id",
            sa.String(32),
            sa.ForeignKey("subscriber.id", ondelete="CASCADE"),
            primary_key=True,
            index=True,
        ),
        sa.Column("answer", sa.String(12), nullable=False),
        sa.Column("needs", sa.Text),
        sa.Column("interpretation", sa.String(12)),
        sa.Column("attended", sa.Boolean),
        sa.Column("answered_at", TIME, nullable=False),
    )


def _create_deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("message", sa.String(80), nullable=False),
        sa.Column("address_id", sa.String(32), nullable=False, index=True),
        sa.Column("subscriber_id", sa.String(32), nullable=False, index=True),
        sa.Column("broadcast_id", sa.String(32)),
        sa.Column("channel", sa.String(12), nullable=False),
        sa.Column("language", sa.String(12), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("because", sa.JSON, nullable=False),
        sa.Column("reason", sa.String(300)),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("lease_until", TIME),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("parts", sa.JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.UniqueConstraint("message", "address_id"),
    )
    op.create_index("ix_delivery_broadcast_id_status", "delivery", ["broadcast_id", "status"])
    op.create_index("ix_delivery_status_due_at", "delivery", ["status", "due_at"])
    op.create_table(
        "digest_item",
        sa.Column("subscriber_id", sa.String(32), sa.ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("broadcast_id", sa.String(32), sa.ForeignKey("broadcast.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("topic", sa.String(80), nullable=False),
        sa.Column("because", sa.JSON, nullable=False),
        sa.Column("added_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=False, index=True),
        sa.Column("sent_in", sa.String(32)),
        sa.Column("dropped_at", TIME),
    )
    op.create_table(
        "missed_broadcast",
        sa.Column("subscriber_id", sa.String(32), sa.ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("broadcast_id", sa.String(32), sa.ForeignKey("broadcast.id", ondelete="CASCADE"), primary_key=True),
    )


def _create_records() -> None:
    op.create_table(
        "city_file",
        sa.Column("city", sa.String(80), primary_key=True),
        sa.Column("joined_on", sa.Date),
        sa.Column("statement_text", sa.Text),
        sa.Column("statement_name", sa.String(200)),
        sa.Column("statement_copy", sa.LargeBinary),
        sa.Column("contribution", sa.String(200)),
        sa.Column("last_index_on", sa.Date),
        sa.Column("index_follow_up", sa.String(400)),
        sa.Column("changed_by", sa.String(32)),
        sa.Column("changed_at", TIME, nullable=False),
    )
    op.create_table(
        "due_date",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("city", sa.String(80), nullable=False, index=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("words", sa.String(300)),
        sa.Column("due_on", sa.Date, nullable=False, index=True),
        sa.Column("done_on", sa.Date),
        sa.UniqueConstraint("city", "kind", "due_on"),
    )
    op.create_table(
        "team_alert",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("city", sa.String(80)),
        sa.Column("subscriber_id", sa.String(32)),
        sa.Column("raised_at", TIME, nullable=False, index=True),
        sa.Column("settled_at", TIME),
        sa.Column("settled_by", sa.String(32)),
    )
    op.create_table(
        "subscriber_erasure",
        sa.Column("subscriber_hash", sa.String(64), primary_key=True),
        sa.Column("erased_on", sa.Date, nullable=False),
    )
    op.create_table(
        "topic_opinion",
        sa.Column("topic", sa.String(80), primary_key=True),
        sa.Column("month", sa.String(7), primary_key=True),
        sa.Column("opinion", sa.String(12), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    for table in (
        "subscription",
        "subscriber_confirmation",
        "subscriber_address",
        "preference_change",
        "missed_broadcast",
        "event_guest",
        "digest_item",
        "broadcast_text",
        "broadcast_attachment",
        "topic_opinion",
        "subscriber_erasure",
        "team_alert",
        "subscriber",
        "event",
        "due_date",
        "delivery",
        "city_rule",
        "city_file",
        "city_default",
        "broadcast",
    ):
        op.drop_table(table)
