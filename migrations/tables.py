"""Imports every module with tables, so that the metadata is whole when migrations are compared with it."""

from __future__ import annotations

import channels.telegram.models as telegram
import conversation.models as conversation

__all__ = ["conversation", "telegram"]
