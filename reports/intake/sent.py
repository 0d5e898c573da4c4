"""The last screen of a report that was sent, once more in another language.

The draft is shredded by then and the report is sealed, so the hub has nothing to write that screen from. The page holds
it itself, in the body of its form: which desk, where, which area, whether there was danger or a child, under a key of
the hub and for a day. No word that was written is in it, and it opens nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from core.clock import Clock
from reports.errors import DraftGoneError, SealBrokenError
from reports.intake.drafts import LIFETIME, Sheet
from reports.intake.steps import Answer
from reports.sealing import context, decrypt_model, encrypt_model

KEPT_ANSWERS = frozenset(
    {"safe", "danger_where", "minor", "minor_where", "where", "where_country", "about_city", "area", "desk"}
)
"""What the last screen is written from; of each only what was chosen."""
_BOUND = context("sent-screen")


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sheet: Sheet
    until: datetime


class SentScreens:
    """Packs what the last screen needs, and reads it again."""

    def __init__(self, secret_key: str, clock: Clock) -> None:
        self._key = hashlib.blake2b(secret_key.encode(), digest_size=32, person=b"report-sent").digest()
        self._clock = clock

    def pack(self, sheet: Sheet) -> str:
        """Only what was chosen, for the page to hold."""
        answers = {step: Answer(values=sheet.answer(step).values) for step in KEPT_ANSWERS & sheet.answers.keys()}
        bare = Sheet(origin=sheet.origin, language=sheet.language, city=sheet.city, desk=sheet.desk, answers=answers)
        sealed = encrypt_model(self._key, _Kept(sheet=bare, until=self._clock.now() + LIFETIME), _BOUND)
        return base64.urlsafe_b64encode(sealed).decode()

    def unpack(self, text: str) -> Sheet:
        """Raises DraftGoneError where it is too old or not ours."""
        try:
            kept = decrypt_model(self._key, base64.urlsafe_b64decode(text.encode()), _Kept, _BOUND)
        except (SealBrokenError, binascii.Error, ValueError):
            raise DraftGoneError from None
        if kept.until <= self._clock.now():
            raise DraftGoneError
        return kept.sheet
