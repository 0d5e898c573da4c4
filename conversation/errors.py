"""Errors of a conversation."""

from __future__ import annotations

from core.errors import HubError


class AssistantUnavailableError(HubError):
    """The assistant does not answer: it starts, trains, or is broken."""

    code = "assistant_unavailable"
    status = 503


class HandoffNotFoundError(HubError):
    """There is no hand-off with this number."""

    code = "handoff_not_found"
    status = 404


class HandoffAnsweredError(HubError):
    """This question has been answered already."""

    code = "handoff_answered"
    status = 409


class MessageTooLongError(HubError):
    """The message has more characters than are read."""

    code = "message_too_long"
    status = 422


class LanguageMalformedError(HubError):
    """The language is not a BCP 47 code."""

    code = "language_malformed"
    status = 422


class TooManyMessagesError(HubError):
    """Too many messages in a minute; ``values['seconds']`` until the next may come."""

    code = "too_many_messages"
    status = 429


class ReplyUnknownError(HubError):
    """Feedback names a reply that was not given in this conversation."""

    code = "reply_unknown"
    status = 404
