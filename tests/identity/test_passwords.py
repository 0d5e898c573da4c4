"""Passwords and codes: slow to guess, same for every keyboard, used once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from argon2.low_level import Type, hash_secret_raw

from identity.errors import PasswordWeakError
from identity.passwords import check_new_password, hash_password, is_password, key_from_password
from identity.totp import find_step, new_secret, setup_address
from tests.password_cost import password_cost

NOW = datetime(2026, 11, 22, 9, 0, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def passwords_cost() -> Iterator[None]:
    with password_cost(real=True):
        yield


async def test_a_key_follows_from_the_password_and_its_salt_alone() -> None:
    key = await key_from_password("correct horse battery", b"s" * 16)
    assert len(key) == 32
    assert key == await key_from_password("correct horse battery", b"s" * 16)
    assert key != await key_from_password("correct horse batterz", b"s" * 16)
    assert key != await key_from_password("correct horse battery", b"t" * 16)


async def test_a_key_holds_the_stated_costs() -> None:
    expected = hash_secret_raw(b"correct horse battery", b"s" * 16, 3, 65536, 1, 32, Type.ID)
    assert await key_from_password("correct horse battery", b"s" * 16) == expected


async def test_one_letter_written_in_two_ways_is_one_password() -> None:
    assert await key_from_password("pass\u00e9-pass\u00e9", b"s" * 16) == await key_from_password(
        "passe\u0301-passe\u0301", b"s" * 16
    )


async def test_a_hash_knows_its_password_and_holds_the_stated_costs() -> None:
    kept = await hash_password("correct horse battery")
    assert "$argon2id$v=19$m=65536,t=3,p=1$" in kept
    assert await is_password(kept, "correct horse battery")
    assert not await is_password(kept, "correct horse batterx")
    assert not await is_password("nonsense", "correct horse battery")


@pytest.mark.parametrize(
    "weak",
    ["short", "elevenchars", "aaaaaaaaaaaaaaaa", "anna@bologna.example", "Anna@Bologna.Example1", "annaannaanna12"],
)
def test_weak_passwords_are_refused(weak: str) -> None:
    with pytest.raises(PasswordWeakError):
        check_new_password(weak, login="anna@bologna.example")


@pytest.mark.parametrize("good", ["correct horse battery staple", "كلمة سر طويلة جدا", "7kQ-vv91-xTaz"])
def test_long_passwords_of_any_script_are_taken(good: str) -> None:
    check_new_password(good, login="anna@bologna.example")


@pytest.mark.parametrize(("seconds", "counts"), [(0, True), (30, True), (-30, True), (60, False), (-60, False)])
def test_a_clock_may_be_one_step_off(seconds: int, counts: bool) -> None:
    secret = new_secret()
    code = pyotp.TOTP(secret).at(NOW + timedelta(seconds=seconds))
    assert (find_step(secret, code, now=NOW, after=0) is not None) is counts


def test_a_code_counts_once() -> None:
    secret = new_secret()
    code = pyotp.TOTP(secret).at(NOW)
    step = find_step(secret, code, now=NOW, after=0)
    assert step is not None
    assert find_step(secret, code, now=NOW, after=step) is None


def test_a_code_may_be_typed_with_spaces_and_other_digits() -> None:
    secret = new_secret()
    code = pyotp.TOTP(secret).at(NOW)
    arabic = "".join("٠١٢٣٤٥٦٧٨٩"[int(digit)] for digit in code)
    assert find_step(secret, f"{code[:3]} {code[3:]}", now=NOW, after=0) is not None
    assert find_step(secret, arabic, now=NOW, after=0) is not None
    assert find_step(secret, "", now=NOW, after=0) is None


def test_the_codes_are_those_of_the_standard() -> None:
    """RFC 6238 appendix B, shortened to six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (2000000000, "279037")):
        assert find_step(secret, code, now=datetime.fromtimestamp(seconds, UTC), after=0) == seconds // 30


def test_the_address_names_the_account() -> None:
    address = setup_address("A" * 32, login="anna@bologna.example", issuer="ICC Hub")
    assert address.startswith("otpauth://totp/ICC%20Hub:anna%40bologna.example?secret=AAAA")
