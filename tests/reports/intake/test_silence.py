"""Nothing that somebody tells is logged, also when it is refused."""

from __future__ import annotations

import logging

import pytest

from tests.reports.intake.teller import OpenDesk, Teller
from tests.reports.intake.test_answers import picture

WORD = "Zwetschgenbaum"


async def test_the_logs_of_a_full_journey_hold_no_word_of_it(
    teller: Teller, desk: OpenDesk, caplog: pytest.LogCaptureFixture
) -> None:
    teller.key = "very-private-conversation"
    caplog.set_level(logging.DEBUG)
    await teller.open(words=WORD)
    await teller.walk("danger_where", {"safe": ("no",)})
    await teller.write(WORD)
    assert teller.screen.error
    await teller.walk("evidence", {"where": "Bologna", "desk": ("bologna",), "story": f"{WORD}, and more."})
    await teller.attach(WORD.encode(), f"{WORD}.jpg")
    assert teller.screen.error
    await teller.attach(picture(), f"{WORD}.jpg")
    await teller.walk("receipt")
    code = teller.screen.receipt or ""
    await teller.type(code)
    await teller.send()
    assert teller.screen.step == "done"
    logging.getLogger("control").debug("the log was open")
    logged = "\n".join([caplog.text, *(str(vars(record)) for record in caplog.records)])
    assert "the log was open" in logged
    for secret in (WORD, WORD.casefold(), teller.key, code, code.replace(" ", "")):
        assert secret not in logged
