"""What can go wrong when somebody signs in. No error tells whether an account exists."""

from __future__ import annotations

from core.errors import HubError


class SignInRefusedError(HubError):
    """Name, password or code are not right; it does not say which."""

    code = "sign_in_refused"
    status = 401


class SignInThrottledError(HubError):
    """Too many attempts; ``values['seconds']`` until the next one."""

    code = "sign_in_throttled"
    status = 429


class PasswordWeakError(HubError):
    """The new password is too short, or is the name itself; ``values['least']`` characters are needed."""

    code = "password_weak"
    status = 422


class OperatorError(HubError):
    """Something about the team's own accounts; its sentences stand with those of the back office."""

    sentence = "office.error.{code}"


class OperatorSessionEndedError(OperatorError):
    """Nobody is signed in with this token, or not any more."""

    code = "session_ended"
    status = 401


class OperatorLinkExpiredError(OperatorError):
    """A link was used, is too old, or was never ours. The same for all three."""

    code = "link_expired"
    status = 410


class OperatorSignInRefusedError(OperatorError):
    """Address, password or code are not right; it does not say which."""

    code = "sign_in_refused"
    status = 401


class OperatorNotFoundError(OperatorError):
    """There is no such operator, or not any more."""

    code = "operator_not_found"
    status = 404


class OperatorTakenError(OperatorError):
    """Somebody of the team has this address."""

    code = "operator_taken"
    status = 409


class OperatorInvalidError(OperatorError):
    """Something that was said of an operator cannot be; ``values['field']`` names it."""

    code = "operator_invalid"
    status = 422
    sentence = "office.error.invalid_{field}"


class LastAdministratorError(OperatorError):
    """Nobody would be left who can let others in."""

    code = "last_administrator"
    status = 409


class RoleRefusedError(OperatorError):
    """This is not for the operator's role."""

    code = "role_refused"
    status = 403
