"""The receipt: enough digits, readable in every script, and not to be found by trying."""

from __future__ import annotations

import contextlib
import math
import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import FixedClock
from core.rate_limits import RateLimitsInProcess
from reports.attempts import FOR_ALL, FOR_NEIGHBOURS, FOR_ONE, Attempts
from reports.errors import ReceiptIncompleteError, TooManyAttemptsError
from reports.receipts import DIGITS, derive, is_end_of, new_receipt, read_receipt, show_receipt

SCRIPTS = ["0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "０１２３４５６７８９", "०१२३४५६७८९", "০১২৩৪৫৬৭৮৯", "၀၁၂၃၄၅၆၇၈၉"]
SEPARATORS = ["", " ", "-", ".", "\u00a0", "\u202f", "–", "\u200f", "\u200e", "\u2067", " / ", "،", "\n", "\u200b"]
HOURS_A_YEAR = 8766
OPEN_CASES = 1_000_000
PROCESSES = 64


def test_a_receipt_has_at_least_80_bits_and_shows_in_groups_of_five() -> None:
    assert math.log2(10**DIGITS) > 80
    assert re.fullmatch(r"\d{5}( \d{5}){4}", show_receipt(new_receipt()))
    assert len({new_receipt() for _ in range(1000)}) == 1000


def test_every_digit_is_as_likely_as_another_in_every_place() -> None:
    receipts = [new_receipt() for _ in range(4000)]
    for place in range(DIGITS):
        counts = [sum(receipt[place] == str(digit) for receipt in receipts) for digit in range(10)]
        # Chi-squared with 9 degrees of freedom; beyond 50 by chance once in ten million.
        assert sum((count - 400) ** 2 / 400 for count in counts) < 50


@given(st.text("0123456789", min_size=25, max_size=25), st.sampled_from(SCRIPTS), st.data())
def test_it_is_read_in_every_script_with_anything_between(receipt: str, script: str, data: st.DataObject) -> None:
    typed = "".join(data.draw(st.sampled_from(SEPARATORS)) + script[int(digit)] for digit in receipt) + data.draw(
        st.sampled_from(SEPARATORS)
    )
    assert read_receipt(typed) == receipt


@pytest.mark.parametrize("typed", ["", "12345", "1" * 24, "1" * 26, "hello", "²" * 25])
def test_another_number_of_digits_is_said_and_is_no_attempt(typed: str) -> None:
    with pytest.raises(ReceiptIncompleteError) as refused:
        read_receipt(typed)
    assert refused.value.values["count"] in {0, 5, 24, 26}


@given(st.text(max_size=60))
@settings(max_examples=200)
def test_whatever_is_typed_is_a_receipt_or_an_incomplete_one(typed: str) -> None:
    with contextlib.suppress(ReceiptIncompleteError):
        assert re.fullmatch(r"[0-9]{25}", read_receipt(typed))


def test_the_last_five_digits_can_be_typed_back() -> None:
    receipt = "1234567890123456789054321"
    assert is_end_of(receipt, "5 4 3 2 1")
    assert is_end_of(receipt, "٥٤٣٢١")
    assert is_end_of(receipt, show_receipt(receipt))
    assert not is_end_of(receipt, "54320")
    assert not is_end_of(receipt, "4321")
    assert not is_end_of(receipt, "")


async def test_what_is_kept_of_a_receipt_is_the_same_each_time_and_tells_nothing_of_it() -> None:
    receipt = new_receipt()
    keys, again, other = await derive(receipt), await derive(receipt), await derive(new_receipt())
    assert keys == again
    assert keys.receipt_id != other.receipt_id
    assert keys.public_key != other.public_key
    assert receipt not in keys.receipt_id
    assert keys.pair.private.hex() not in repr(keys)


def test_trying_codes_at_the_allowed_rate_takes_a_billion_years() -> None:
    """Half of all codes, a million open cases, and as many processes as a large installation has."""
    guesses = 10**DIGITS / 2 / OPEN_CASES
    a_year = FOR_ALL * HOURS_A_YEAR * PROCESSES
    assert guesses / a_year > 1e9


async def attempts_in(attempts: Attempts, clock: FixedClock, sources: list[str], duration: timedelta) -> int:
    """How many wrong codes get through when every source tries all the time."""
    end, passed = clock.at + duration, 0
    while clock.at < end:
        for source in sources:
            try:
                await attempts.begin(source)
                passed += 1
            except TooManyAttemptsError:
                pass
        clock.at += timedelta(seconds=30)
    return passed


async def test_one_source_gets_no_further_than_its_rate(clock: FixedClock) -> None:
    passed = await attempts_in(Attempts(RateLimitsInProcess(clock)), clock, ["10.0.0.1"], timedelta(hours=10))
    assert passed <= 11 * FOR_ONE


async def test_all_sources_together_get_no_further_than_the_rate_of_all(clock: FixedClock) -> None:
    attempts = Attempts(RateLimitsInProcess(clock), for_all=60)
    passed = await attempts_in(attempts, clock, [f"10.0.{number}.1" for number in range(50)], timedelta(hours=5))
    assert 5 * 60 <= passed <= 6 * 60 + 1


async def test_somebody_who_mistypes_is_soon_let_in_again(clock: FixedClock) -> None:
    attempts = Attempts(RateLimitsInProcess(clock))
    for _ in range(FOR_ONE):
        await attempts.begin("10.0.0.1")
    with pytest.raises(TooManyAttemptsError) as refused:
        await attempts.begin("10.0.0.1")
    assert refused.value.values["seconds"] <= 361
    await attempts.begin("10.0.0.2")
    clock.at += timedelta(seconds=refused.value.values["seconds"])
    await attempts.begin("10.0.0.1")


async def test_right_codes_are_never_counted(clock: FixedClock) -> None:
    attempts = Attempts(RateLimitsInProcess(clock))
    for _ in range(10 * FOR_ONE):
        await attempts.begin("10.0.0.1")
        await attempts.succeed("10.0.0.1")


async def test_one_subscriber_s_many_addresses_count_as_one(clock: FixedClock) -> None:
    attempts = Attempts(RateLimitsInProcess(clock))
    for number in range(FOR_ONE):
        await attempts.begin(f"2001:db8:1:2::{number:x}")
    with pytest.raises(TooManyAttemptsError):
        await attempts.begin("2001:db8:1:2:ffff::1")
    await attempts.begin("2001:db8:1:3::1")


@pytest.mark.parametrize("begins", ["2001:db8:1:{:x}::1", "198.51.100.{}"])
async def test_whoever_has_many_addresses_locks_nobody_else_out(clock: FixedClock, begins: str) -> None:
    attempts = Attempts(RateLimitsInProcess(clock), for_all=2 * FOR_NEIGHBOURS)
    passed = await attempts_in(attempts, clock, [begins.format(number) for number in range(200)], timedelta(minutes=2))
    assert FOR_NEIGHBOURS <= passed <= FOR_NEIGHBOURS + 10
    await attempts.begin("203.0.113.7")
    await attempts.begin("2001:db8:2::1")
