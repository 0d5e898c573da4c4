"""What a password costs: Argon2 takes a fraction of a second on purpose, and tests need it thousands of times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from argon2 import PasswordHasher

from identity import passwords

_REAL = {"PASSES": passwords.PASSES, "MEMORY_KIB": passwords.MEMORY_KIB, "_HASHER": passwords._HASHER}
_CHEAP = {"PASSES": 1, "MEMORY_KIB": 64, "_HASHER": PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)}


@contextmanager
def password_cost(*, real: bool) -> Iterator[None]:
    """The real cost or a small one, for everything in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (_REAL if real else _CHEAP).items():
            patch.setattr(passwords, name, value)
        yield
