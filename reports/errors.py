"""What can go wrong with reports, for people. None of them carries a word of a report."""

from __future__ import annotations

from core.errors import HubError
from identity.errors import SignInRefusedError, SignInThrottledError

__all__ = [
    "CaseNotFoundError",
    "DeskKeyMissingError",
    "DeskNotFoundError",
    "DeskNotReadyError",
    "DraftGoneError",
    "FileGoneError",
    "FileRefusedError",
    "HandOverChangedError",
    "InvitationUnknownError",
    "KeptLongEnoughError",
    "NameTakenError",
    "NewsIncompleteError",
    "NobodyReadsError",
    "ReceiptIncompleteError",
    "ReceiptUnknownError",
    "RecoveryKeyWrongError",
    "ReturnClosedError",
    "SealBrokenError",
    "SessionEndedError",
    "SignInRefusedError",
    "SignInThrottledError",
    "TextTooLongError",
    "TooManyAttemptsError",
]


class ReceiptUnknownError(HubError):
    """No open case answers to this code. The same for a wrong, an expired and a withdrawn one."""

    code = "receipt_unknown"
    status = 404


class ReceiptIncompleteError(HubError):
    """What was typed has not 25 digits; ``values['count']`` says how many it has. It counts as no attempt."""

    code = "receipt_incomplete"
    status = 422


class TooManyAttemptsError(HubError):
    """Too many wrong codes from one place; ``values['seconds']`` until the next one."""

    code = "too_many_messages"
    status = 429


class ReturnClosedError(HubError):
    """The opened case was left alone too long; the code opens it again."""

    code = "return_closed"
    status = 410


class DraftGoneError(HubError):
    """The unfinished report is older than 24 hours, was sent, or was withdrawn."""

    code = "draft_gone"
    status = 410


class FileRefusedError(HubError):
    """A file is too large, of a kind that we do not take, or broken; each ``values['reason']`` has its sentence."""

    code = "file_refused"
    status = 422
    sentence = "error.file_{reason}"


class TextTooLongError(HubError):
    """More than anybody reads; ``values`` say how long it is and how long it may be."""

    code = "text_too_long"
    status = 422
    sentence = "report.error.too_long"


class FileGoneError(HubError):
    """The case has no such file for who asks."""

    code = "file_gone"
    status = 404


class DeskNotFoundError(HubError):
    """There is no such desk, or it takes no reports now."""

    code = "desk_not_found"
    status = 404


class DeskNotReadyError(HubError):
    """A desk opens only with two officers, a recovery key and its statement; ``values['missing']`` names what lacks."""

    code = "desk_not_ready"
    status = 409


class InvitationUnknownError(HubError):
    """This invitation was used, replaced, or is too old."""

    code = "invitation_unknown"
    status = 404


class NameTakenError(HubError):
    """A desk or an officer with this name is there already."""

    code = "name_taken"
    status = 409


class DeskKeyMissingError(HubError):
    """The officer has joined, but no colleague has let them in to the reports yet."""

    code = "desk_key_missing"
    status = 403


class RecoveryKeyWrongError(HubError):
    """This is not the desk's recovery key, or it was typed wrongly."""

    code = "recovery_key_wrong"
    status = 422


class NobodyReadsError(HubError):
    """Nobody of the desk would be left who can read the case."""

    code = "nobody_reads"
    status = 409


class SessionEndedError(HubError):
    """Nobody is signed in here any more."""

    code = "session_ended"
    status = 401


class CaseNotFoundError(HubError):
    """This officer has no such case: another desk's, closed to this officer, or deleted."""

    code = "case_not_found"
    status = 404


class HandOverChangedError(HubError):
    """What was answered is not what the desk asks now, or the other desk says something else of itself by now."""

    code = "hand_over_changed"
    status = 409


class KeptLongEnoughError(HubError):
    """A case is kept longer only shortly before its time ends; ``values['day']`` is the first day for it."""

    code = "kept_long_enough"
    status = 409


class SealBrokenError(HubError):
    """A sealed text does not open with this key, or was changed."""

    code = "seal_broken"
    status = 500


class PeriodNotOverError(HubError):
    """Figures are made only when nothing can be added any more; ``values['period']`` says which."""

    code = "period_not_over"
    status = 409


class NewsIncompleteError(HubError):
    """A language has no text; ``values['languages']`` names them."""

    code = "news_incomplete"
    status = 422


class FiguresNotFoundError(HubError):
    """Nothing was released for this choice."""

    code = "figures_not_found"
    status = 404
