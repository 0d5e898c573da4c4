"""Seals open with their key, in their place, unchanged, and in no other way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.contents import EntryText
from reports.errors import SealBrokenError
from reports.sealing import (
    PADDING,
    KeyPair,
    Token,
    context,
    decrypt,
    decrypt_model,
    encrypt,
    encrypt_model,
    new_key,
    open_sealed,
    reseal,
    seal_to,
)

HERE, THERE = context("case", "1"), context("case", "2")


def test_a_sealed_box_opens_for_its_owner_only_and_in_its_place_only() -> None:
    owner, other = KeyPair.new(), KeyPair.new()
    sealed = seal_to(owner.public, b"secret", HERE)
    assert open_sealed(owner, sealed, HERE) == b"secret"
    with pytest.raises(SealBrokenError):
        open_sealed(other, sealed, HERE)
    with pytest.raises(SealBrokenError):
        open_sealed(owner, sealed, THERE)


def test_a_box_can_be_sealed_anew_without_knowing_its_place() -> None:
    old, new = KeyPair.new(), KeyPair.new()
    sealed = reseal(old, seal_to(old.public, b"secret", HERE), new.public)
    assert open_sealed(new, sealed, HERE) == b"secret"
    with pytest.raises(SealBrokenError):
        open_sealed(old, sealed, HERE)


def test_encryption_opens_with_its_key_and_in_its_place_only() -> None:
    key = new_key()
    sealed = encrypt(key, b"secret", HERE)
    assert decrypt(key, sealed, HERE) == b"secret"
    assert sealed != encrypt(key, b"secret", HERE)
    with pytest.raises(SealBrokenError):
        decrypt(new_key(), sealed, HERE)
    with pytest.raises(SealBrokenError):
        decrypt(key, sealed, THERE)


@given(st.integers(min_value=0, max_value=10_000), st.integers(min_value=1, max_value=255))
def test_no_changed_byte_goes_unnoticed(position: int, change: int) -> None:
    owner, key = KeyPair.new(), new_key()
    box, text = seal_to(owner.public, b"secret", HERE), encrypt(key, b"secret", HERE)
    with pytest.raises(SealBrokenError):
        open_sealed(owner, changed(box, position, change), HERE)
    with pytest.raises(SealBrokenError):
        decrypt(key, changed(text, position, change), HERE)


def changed(sealed: bytes, position: int, change: int) -> bytes:
    broken = bytearray(sealed)
    broken[position % len(sealed)] ^= change
    return bytes(broken)


@pytest.mark.parametrize("sealed", [b"", b"x", b"x" * 24, b"x" * 40, b"x" * 500])
def test_nonsense_is_a_broken_seal_and_nothing_else(sealed: bytes) -> None:
    with pytest.raises(SealBrokenError):
        decrypt(new_key(), sealed, HERE)
    with pytest.raises(SealBrokenError):
        open_sealed(KeyPair.new(), sealed, HERE)


@given(st.text(max_size=3000))
def test_a_text_comes_back_and_its_length_tells_little(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    key = new_key()
    entry = EntryText.model_validate({"text": text, "language": "ar", "written_at": "2026-11-22T09:00:00Z"})
    sealed = encrypt_model(key, entry, HERE)
    assert decrypt_model(key, sealed, EntryText, HERE) == entry
    assert (len(sealed) - 40) % PADDING == 0


def test_short_texts_look_alike() -> None:
    key = new_key()
    lengths = set()
    for text in ("", "yes", "no, and I will say why in a sentence"):
        entry = EntryText.model_validate({"text": text, "language": "en", "written_at": "2026-11-22T09:00:00Z"})
        lengths.add(len(encrypt_model(key, entry, HERE)))
    assert len(lengths) == 1


def test_contexts_cannot_be_confused_by_joining() -> None:
    assert context("a", "bc") != context("ab", "c")
    assert context("a", "b") != context("a,1:b")
    assert context("1:a") != context("1", "a")


def test_a_token_s_row_holds_neither_the_token_nor_its_key() -> None:
    token = Token.new()
    assert token.text not in token.id
    assert token.key.hex() != token.id
    assert Token(token.text).key == token.key
    assert token.text not in repr(token)
    assert KeyPair.new().private.hex() not in repr(KeyPair.new())
