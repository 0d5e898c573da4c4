"""The receipt: 25 random digits, the only thing with which a reporter comes back.

83 bits, digits alone so that it can be read in every script. It is shown once and stored nowhere: what is kept is a
hash that finds the case and a public key that seals the case's key, both derived from the digits by Argon2id.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from dataclasses import dataclass, field

from identity.passwords import stretch
from reports.errors import ReceiptIncompleteError
from reports.sealing import KeyPair

DIGITS = 25
GROUP = 5
_SALT = hashlib.sha256(b"icc-hub report receipt, version 1").digest()[:16]
"""The same for all: the digits are the only thing that a person brings, and 83 random bits need no salt."""


@dataclass(frozen=True)
class ReceiptKeys:
    """What a receipt gives."""

    receipt_id: str
    pair: KeyPair = field(repr=False)

    @property
    def public_key(self) -> bytes:
        return self.pair.public


def new_receipt() -> str:
    """25 random digits."""
    return "".join(str(secrets.randbelow(10)) for _ in range(DIGITS))


def show_receipt(receipt: str) -> str:
    """In groups of five, as it is shown."""
    return " ".join(receipt[start : start + GROUP] for start in range(0, len(receipt), GROUP))


def read_receipt(text: str) -> str:
    """The 25 digits in what somebody typed, in the digits of any script; everything between them is ignored.

    Raises ReceiptIncompleteError for another number of digits.
    """
    digits = _digits(text)
    if len(digits) != DIGITS:
        raise ReceiptIncompleteError(count=len(digits))
    return digits


def is_end_of(receipt: str, typed: str) -> bool:
    """Whether somebody typed the last five digits (or the whole code)."""
    digits = _digits(typed)
    return len(digits) in {GROUP, DIGITS} and receipt.endswith(digits)


async def derive(receipt: str) -> ReceiptKeys:
    """What finds and opens the case. Takes 64 MiB and a fraction of a second, in a thread, two at once at most."""
    stretched = await stretch(receipt.encode("ascii"), _SALT, length=64)
    return ReceiptKeys(hashlib.sha256(stretched[:32]).hexdigest(), KeyPair.from_seed(stretched[32:]))


def _digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(char)) for char in text if unicodedata.decimal(char, None) is not None)
