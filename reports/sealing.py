"""Sealing with libsodium through PyNaCl, and nothing of our own invention.

Three tools: a sealed box to somebody's public key (X25519, crypto_box_seal), authenticated encryption under a key at
hand (XChaCha20-Poly1305), and tokens whose holder can open what the table alone cannot. Every sealed text is bound to
its context: what belongs to one case, file or place opens nowhere else.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_box_keypair,
    crypto_box_seal,
    crypto_box_seal_open,
    crypto_box_seed_keypair,
    crypto_scalarmult_base,
    sodium_pad,
    sodium_unpad,
)
from nacl.exceptions import CryptoError
from pydantic import BaseModel

from reports.errors import SealBrokenError

KEY_BYTES = 32
NONCE_BYTES = 24
CONTEXT_BYTES = 16
PADDING = 1024
"""A text's length says less when it is one of few."""


@dataclass(frozen=True)
class KeyPair:
    """An X25519 key pair."""

    public: bytes
    private: bytes = field(repr=False)

    @classmethod
    def new(cls) -> KeyPair:
        return cls(*crypto_box_keypair())

    @classmethod
    def from_seed(cls, seed: bytes) -> KeyPair:
        """The same pair for the same 32 bytes."""
        return cls(*crypto_box_seed_keypair(seed))

    @classmethod
    def from_private(cls, private: bytes) -> KeyPair:
        return cls(crypto_scalarmult_base(private), private)


def new_key() -> bytes:
    """A random key for ``encrypt``."""
    return secrets.token_bytes(KEY_BYTES)


def context(*parts: str) -> bytes:
    """What a sealed text belongs to, unambiguously as bytes."""
    return "".join(f"{len(part)}:{part}," for part in ("icc-hub-1", *parts)).encode()


def seal_to(public_key: bytes, data: bytes, bound: bytes) -> bytes:
    """Seal for whoever has the private key; the sealer cannot open it again. Sealed boxes carry no associated data, so
    the context's hash is sealed in."""
    return crypto_box_seal(_mark(bound) + data, public_key)


def open_sealed(pair: KeyPair, sealed: bytes, bound: bytes) -> bytes:
    """Open what ``seal_to`` sealed. Raises SealBrokenError."""
    data = _open_box(pair, sealed)
    if data[:CONTEXT_BYTES] != _mark(bound):
        raise SealBrokenError
    return data[CONTEXT_BYTES:]


def reseal(pair: KeyPair, sealed: bytes, public_key: bytes) -> bytes:
    """Seal the same for another key, bound as it was. Raises SealBrokenError."""
    return crypto_box_seal(_open_box(pair, sealed), public_key)


def encrypt(key: bytes, data: bytes, bound: bytes) -> bytes:
    """Encrypt under a key at hand."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(data, bound, nonce, key)


def decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """Open what ``encrypt`` made. Raises SealBrokenError."""
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed[NONCE_BYTES:], bound, sealed[:NONCE_BYTES], key)
    except (CryptoError, ValueError, TypeError) as error:
        raise SealBrokenError from error


def encrypt_model(key: bytes, model: BaseModel, bound: bytes) -> bytes:
    """A text padded to full KiB."""
    return encrypt(key, sodium_pad(model.model_dump_json().encode(), PADDING), bound)


def decrypt_model[M: BaseModel](key: bytes, sealed: bytes, kind: type[M], bound: bytes) -> M:
    """Open what ``encrypt_model`` made. Raises SealBrokenError."""
    return kind.model_validate_json(sodium_unpad(decrypt(key, sealed, bound), PADDING))


@dataclass(frozen=True)
class Token:
    """A secret that its holder shows: ``id`` finds the row, ``key`` opens what the row holds; the row has neither the
    secret nor the key."""

    text: str = field(repr=False)

    @classmethod
    def new(cls) -> Token:
        return cls(secrets.token_urlsafe(32))

    @property
    def id(self) -> str:
        return digest(self.text.encode(), "token-id")

    @property
    def key(self) -> bytes:
        return _hash(self.text.encode(), "token-key", KEY_BYTES)


def digest(data: bytes, purpose: str) -> str:
    """A hash for looking something up, different for each purpose."""
    return _hash(data, purpose, 32).hex()


def _hash(data: bytes, purpose: str, size: int) -> bytes:
    return hashlib.blake2b(data, digest_size=size, key=purpose.encode()).digest()


def _mark(bound: bytes) -> bytes:
    return _hash(bound, "context", CONTEXT_BYTES)


def _open_box(pair: KeyPair, sealed: bytes) -> bytes:
    try:
        return crypto_box_seal_open(sealed, pair.public, pair.private)
    except (CryptoError, ValueError, TypeError) as error:
        raise SealBrokenError from error
