"""What can go wrong while a broadcast is written, approved or sent, for the team."""

from __future__ import annotations

from core.errors import HubError


class BroadcastError(HubError):
    """Sentences stand in locales/<language>/broadcast.yml."""

    code = "broadcast"
    sentence = "broadcast.problem.{code}"


class BroadcastForbiddenError(BroadcastError):
    """This person may not do this with this broadcast."""

    code = "forbidden"
    status = 403


class BroadcastLockedError(BroadcastError):
    """In its present state this cannot be done, such as editing what is being sent."""

    code = "locked"
    status = 409


class BroadcastChangedError(BroadcastError):
    """Somebody changed it since this person looked at it."""

    code = "changed"
    status = 409


class BroadcastUnfinishedError(BroadcastError):
    """It cannot go yet; ``values['obstacles']`` are the reasons (``release.Obstacle``)."""

    code = "unfinished"
    status = 422


class NobodyGetsItError(BroadcastError):
    """As people's choices are now, it would reach nobody."""

    code = "nobody"
    status = 422


class FieldWrongError(BroadcastError):
    """A field cannot be as it was sent; ``values['field']`` names it."""

    code = "field"
    status = 422


class SamePersonError(BroadcastError):
    """It takes two people to release this, and this one released it already."""

    code = "same_person"
    status = 409


class UrgentTooSoonError(BroadcastError):
    """There was an urgent message less than a week ago; the next may go at ``values['at']``."""

    code = "urgent_too_soon"
    status = 409


class FileRefusedError(BroadcastError):
    """A file cannot be attached; ``values['reason']``: kind, too_large, together, too_many, empty."""

    code = "file"
    status = 422
    sentence = "broadcast.file_problem.{reason}"


class DraftingUnavailableError(BroadcastError):
    """Nothing here translates into ``values['language']``."""

    code = "no_drafting"
    status = 409


class TestNotSentError(BroadcastError):
    """The test did not leave the house; ``values['reason']`` are the channel's words."""

    code = "test_not_sent"
    status = 502
    __test__ = False
