"""The printed recovery key: the only way back in when every officer of a desk is lost.

160 random bits in base 32 with a check of 20 bits, in groups of four, so that a slip of the pen is noticed. It opens
the desk's key, and not the cases from which officers are kept out: whoever holds the paper may be one of them.
"""

from __future__ import annotations

import base64
import hashlib
import secrets

from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from reports.audit import Act, record
from reports.errors import RecoveryKeyWrongError, SealBrokenError
from reports.models import Desk
from reports.sealing import KeyPair, digest, open_sealed, seal_to
from reports.signed_in import SignedIn, desk_key_context

SECRET_BYTES = 20
CHECK_LETTERS = 4
_LOOK_ALIKES = str.maketrans({"0": "O", "1": "I", "8": "B"})
"""Digits that base 32 does not have, read as the letters that they resemble."""


def new_recovery_key() -> str:
    """In nine groups of four letters and digits, the last one a check."""
    secret = secrets.token_bytes(SECRET_BYTES)
    text = base64.b32encode(secret).decode() + _check(secret)
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


async def keep_recovery_key(session: AsyncSession, signed_in: SignedIn, typed: str, *, clock: Clock) -> None:
    """Make the key that was printed, and is typed back from the paper, the desk's recovery key; commits.

    An older one opens nothing any more. Raises RecoveryKeyWrongError, DeskKeyMissingError.
    """
    desk_keys = signed_in.require_desk_keys()
    desk = signed_in.desk
    desk.recovery_public_key = _read(typed).public
    seal_for_recovery(desk, desk_keys)
    session.add(desk)
    record(session, Act.RECOVERY_KEY_CHANGED, desk_id=desk.id, officer_id=signed_in.officer.id, clock=clock)
    await session.commit()


async def recover(session: AsyncSession, signed_in: SignedIn, typed: str, *, clock: Clock) -> None:
    """Let in an officer whom no colleague can let in any more, by the printed key; commits.

    Raises RecoveryKeyWrongError. Afterwards the lost officers are taken off (``leaving.leave``), which makes new keys.
    """
    desk = signed_in.desk
    try:
        private = open_sealed(_read(typed), desk.recovery_sealed_key or b"", desk_key_context(desk.id))
    except SealBrokenError:
        raise RecoveryKeyWrongError from None
    signed_in.officer.sealed_desk_key = seal_to(signed_in.keys.public, private, desk_key_context(desk.id))
    session.add(signed_in.officer)
    record(session, Act.DESK_RECOVERED, desk_id=desk.id, officer_id=signed_in.officer.id, clock=clock)
    await session.commit()


def seal_for_recovery(desk: Desk, desk_keys: KeyPair) -> None:
    """Seal the desk's present key for the recovery key, where there is one."""
    if desk.recovery_public_key is not None:
        desk.recovery_sealed_key = seal_to(desk.recovery_public_key, desk_keys.private, desk_key_context(desk.id))


def _read(typed: str) -> KeyPair:
    plain = "".join(char for char in typed.upper().translate(_LOOK_ALIKES) if char.isalnum())
    try:
        secret = base64.b32decode(plain[:-CHECK_LETTERS])
    except ValueError:
        raise RecoveryKeyWrongError from None
    if len(secret) != SECRET_BYTES or plain[-CHECK_LETTERS:] != _check(secret):
        raise RecoveryKeyWrongError
    return KeyPair.from_seed(bytes.fromhex(digest(secret, "recovery-key")))


def _check(secret: bytes) -> str:
    return base64.b32encode(hashlib.blake2b(secret, digest_size=5, person=b"recovery-check").digest())[
        :CHECK_LETTERS
    ].decode()
