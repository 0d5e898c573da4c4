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
