"""All of the back office's pages together. Each part adds itself to ``PARTS`` in one line."""

from __future__ import annotations

from fastapi import APIRouter

from web.office import (
    account,
    answer_form,
    answers,
    broadcasts,
    cities,
    city_files,
    contacts,
    events,
    home,
    importing,
    joining,
    operators,
    outbox,
    questions,
    subscriber,
    subscribers,
    topics,
    trail,
    unanswered,
)

router = APIRouter(include_in_schema=False)
PARTS = (
    account,
    broadcasts,
    joining,
    home,
    importing,
    subscribers,
    # Its addresses take whatever follows, so it comes after the two above.
    subscriber,
    topics,
    # Before the pages of one question or answer, whose names take every word.
    unanswered,
    questions,
    answers,
    answer_form,
    contacts,
    outbox,
    operators,
    trail,
    events,
    # Before the pages of one city, whose names take every word.
    city_files,
    cities,
)
for part in PARTS:
    router.include_router(part.router)
