"""An officer at work: who, at which desk, with which keys in memory for the length of one request."""

from __future__ import annotations

from dataclasses import dataclass, field

from reports.errors import DeskKeyMissingError
from reports.models import Desk, Officer
from reports.sealing import KeyPair, context, open_sealed, seal_to


@dataclass(frozen=True)
class SignedIn:
    """Somebody signed in. ``desk_keys`` is None until a colleague has let the officer in."""

    officer: Officer
    desk: Desk
    session_id: str
    keys: KeyPair = field(repr=False)
    desk_keys: KeyPair | None = field(repr=False)

    def require_desk_keys(self) -> KeyPair:
        """The desk's keys. Raises DeskKeyMissingError."""
        if self.desk_keys is None:
            raise DeskKeyMissingError
        return self.desk_keys


def desk_key_context(desk_id: str) -> bytes:
    """Binds a desk's private key, sealed to an officer or to the recovery key."""
    return context("desk-key", desk_id)


def seal_for_desk(desk: Desk, data: bytes, *parts: str) -> bytes:
    """Seal something for a desk as a whole (its exact figures). It stays readable when officers leave."""
    if desk.public_key is None:
        raise DeskKeyMissingError
    return seal_to(desk.public_key, data, context("desk", desk.id, *parts))


def open_for_desk(signed_in: SignedIn, sealed: bytes, *parts: str) -> bytes:
    """Open it. Raises DeskKeyMissingError, SealBrokenError."""
    return open_sealed(signed_in.require_desk_keys(), sealed, context("desk", signed_in.desk.id, *parts))
