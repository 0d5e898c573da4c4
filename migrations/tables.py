"""Imports every module with tables, so that the metadata is whole when migrations are compared with it."""

from __future__ import annotations

import channels.email.models as email
import channels.telegram.models as telegram
import conversation.models as conversation
import identity.models as identity
import reports.models as reports
import subscriptions.models as subscriptions
from core import erasures, leases
from identity import operator_session, operators
from knowledge import corrections
from knowledge.written import models as written
from subscriptions.broadcasts import templates

__all__ = [
    "conversation",
    "corrections",
    "email",
    "erasures",
    "identity",
    "leases",
    "operator_session",
    "operators",
    "reports",
    "subscriptions",
    "telegram",
    "templates",
    "written",
]
