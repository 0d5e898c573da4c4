"""Signing mail (DKIM, RFC 6376 and 8463), with an RSA key, an Ed25519 key, or both.

The two headers of one-click unsubscribing are always covered, as RFC 8058 asks; dkimpy leaves the second one out when
it is not told. An RSA signature takes some ten milliseconds of Python, so a mail server that signs by itself is faster.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dkim

from core.errors import ConfigurationError

COVERED = (
    b"from from to subject date message-id reply-to in-reply-to references mime-version content-type "
    b"content-language auto-submitted list-id list-unsubscribe list-unsubscribe-post"
).split()
"""``from`` stands twice, so that nobody can add another one."""
_ED25519_HEAD = bytes.fromhex("302e020100300506032b657004220420")
_HEADER_NAME = re.compile(rb"^([!-9;-~]+):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class DkimKey:
    """One key and the name under which its public half stands in the DNS."""

    selector: str
    algorithm: str
    secret: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path, selector: str) -> DkimKey:
        """From a file: RSA as PEM, Ed25519 as PEM or base64. Raises ConfigurationError."""
        try:
            content = path.read_bytes().strip()
        except OSError as error:
            raise ConfigurationError(reason=f"HUB_DKIM_KEY_FILE cannot be read ({type(error).__name__})") from None
        if not content.startswith(b"-----BEGIN"):
            return cls(selector, "ed25519-sha256", content)
        der = _der_of(content)
        if der.startswith(_ED25519_HEAD):
            return cls(selector, "ed25519-sha256", base64.b64encode(der.removeprefix(_ED25519_HEAD)))
        return cls(selector, "rsa-sha256", content)


class DkimSigner:
    """Signs with every key. Signing is tried once when it is made: raises ConfigurationError when a key is none."""

    def __init__(self, domain: str, keys: Sequence[DkimKey]) -> None:
        self._domain = domain.encode("ascii")
        self._keys = tuple(keys)
        try:
            self.sign(b"From: test@example.org\r\n\r\ntest\r\n")
        except (dkim.DKIMException, ValueError, IndexError, TypeError) as error:
            raise ConfigurationError(reason=f"HUB_DKIM_KEY_FILE is no key ({type(error).__name__})") from None

    @classmethod
    def load(cls, domain: str, *, key_files: str, selectors: str) -> DkimSigner:
        """From the two settings, each a list with colons. Raises ConfigurationError."""
        files, names = key_files.split(":"), selectors.split(":")
        if len(files) != len(names) or not all(names):
            raise ConfigurationError(reason="HUB_DKIM_SELECTOR needs one name for each file of HUB_DKIM_KEY_FILE")
        return cls(domain, [DkimKey.read(Path(file), name) for file, name in zip(files, names, strict=True)])

    def sign(self, content: bytes) -> bytes:
        """The mail with one signature for each key before it."""
        present = {name.lower() for name in _HEADER_NAME.findall(content.partition(b"\r\n\r\n")[0])}
        covered = [name for name in COVERED if name in present]
        signatures = [
            dkim.sign(
                content,
                key.selector.encode("ascii"),
                self._domain,
                key.secret,
                canonicalize=(b"relaxed", b"relaxed"),
                signature_algorithm=key.algorithm.encode("ascii"),
                include_headers=covered,
            )
            for key in self._keys
        ]
        return b"".join([*signatures, content])


def _der_of(pem: bytes) -> bytes:
    lines = [line for line in pem.splitlines() if not line.startswith(b"-----")]
    try:
        return base64.b64decode(b"".join(lines))
    except binascii.Error:
        return b""
