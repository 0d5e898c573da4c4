"""Keys and hashes from passwords by Argon2id (RFC 9106), always outside the event loop and two at once at most.

Each takes 64 MiB and a fraction of a second on purpose; two workers bound what a flood of attempts can take.
"""

from __future__ import annotations

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.low_level import Type, hash_secret_raw

from identity.errors import PasswordWeakError

PASSES, MEMORY_KIB, LANES = 3, 64 * 1024, 1
"""The second recommended set of RFC 9106 section 4, with one lane: libsodium and small machines have no more."""

LEAST_CHARACTERS = 12
MOST_CHARACTERS = 1000
SALT_BYTES = 16

_WORKERS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
_HASHER = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


async def stretch(secret: bytes, salt: bytes, *, length: int = 32) -> bytes:
    """A key from a secret that somebody can type."""
    return await asyncio.get_running_loop().run_in_executor(_WORKERS, _stretch, secret, salt, length)


async def key_from_password(password: str, salt: bytes) -> bytes:
    """32 bytes that only this password and this salt give."""
    return await stretch(_as_bytes(password), salt)


async def hash_password(password: str) -> str:
    """What to keep of a password that only has to be checked."""
    return await asyncio.get_running_loop().run_in_executor(_WORKERS, _HASHER.hash, _as_bytes(password))


async def is_password(kept: str, password: str) -> bool:
    """Whether it is the password that was hashed."""
    return await asyncio.get_running_loop().run_in_executor(_WORKERS, _verify, kept, _as_bytes(password))


def check_new_password(password: str, *, login: str) -> None:
    """Length protects best; rules on characters do not (NIST SP 800-63B). Raises PasswordWeakError."""
    plain = unicodedata.normalize("NFKC", password).strip().casefold()
    name = login.casefold()
    parts = {name, name.partition("@")[0]}
    left = plain
    for part in sorted(parts, key=len, reverse=True):
        left = left.replace(part, "") if len(part) >= 3 else left
    too_plain = len(set(left)) < 5
    if len(plain) < LEAST_CHARACTERS or len(password) > MOST_CHARACTERS or too_plain:
        raise PasswordWeakError(least=LEAST_CHARACTERS)


def _stretch(secret: bytes, salt: bytes, length: int) -> bytes:
    return hash_secret_raw(secret, salt, PASSES, MEMORY_KIB, LANES, length, Type.ID)


def _verify(kept: str, password: bytes) -> bool:
    try:
        return _HASHER.verify(kept, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _as_bytes(password: str) -> bytes:
    """One spelling, since keyboards write the same letter in several ways."""
    return unicodedata.normalize("NFKC", password[:MOST_CHARACTERS]).encode("utf-8", "replace")
