"""Unfinished reports: each a row that opens only with the server's key and the name of its conversation, for 24 hours.

Every answer is saved with the version that it rests on; where another process was faster, nothing is written.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from reports.contents import FileNote, Origin
from reports.intake.steps import Progress
from reports.models import Draft
from reports.sealing import context, decrypt_model, encrypt_model

LIFETIME = timedelta(hours=24)
"""Counted from the first screen, and said there."""
SALT_BYTES = 16
LETTER = "letter"
"""The choice, instead of a desk, to write a letter of one's own."""


class ReceiptParts(BaseModel):
    """What is kept of a code that was shown: nothing that opens anything.

    The last five digits are here so that typing them can be checked; the other twenty (66 bits) are nowhere.
    """

    model_config = ConfigDict(extra="forbid")

    receipt_id: str
    public_key: str
    last_five: str
    is_first: bool


class Sheet(Progress):
    """Everything that somebody said so far."""

    origin: Origin
    language: str
    submission: str = Field(default_factory=lambda: secrets.token_hex(16))
    """Becomes the case's, so that sending twice makes one case. Random: it leads from nothing to this draft."""
    words: str | None = None
    """What the person had written before, offered as the first words of the story."""
    city: str | None = None
    """Where the person is, as the page says that they came from."""
    place: str | None = None
    """What the conversation, or their first words, named as a place: offered where it is asked, never taken."""
    desk: str | None = None
    """The desk whose QR code was read."""
    files: list[FileNote] = Field(default_factory=list)
    voices: dict[str, str] = Field(default_factory=dict)
    """The step that a voice message answers, by the file's id."""
    receipt: ReceiptParts | None = None

    def spoken(self, step: str) -> list[FileNote]:
        """Voice messages that answer a step."""
        return [note for note in self.files if self.voices.get(note.id) == step]

    @property
    def facts(self) -> dict[str, str]:
        """What the conditions of steps.yaml ask for besides steps."""
        return {
            "origin": self.origin,
            "city": "given" if self.city else "none",
            "route": LETTER if self.value("desk") == LETTER else "desk",
            "files": "some" if self.files else "none",
        }


@dataclass
class OpenDraft:
    """A draft with its key in hand."""

    id: str
    key: bytes = field(repr=False)
    version: int
    expires_at: datetime
    sheet: Sheet = field(repr=False)


class Drafts:
    """The drafts of all conversations."""

    def __init__(self, secret_key: str, clock: Clock) -> None:
        self._secret = hashlib.blake2b(secret_key.encode(), person=b"report-drafts").digest()
        self._clock = clock

    def id_of(self, key: str) -> str:
        """The row of a conversation; the conversation's name cannot be read from it."""
        return hashlib.blake2b(key.encode(), digest_size=32, key=self._secret, person=b"report-draft-id").hexdigest()

    async def create(self, session: AsyncSession, key: str, sheet: Sheet) -> OpenDraft | None:
        """Begin; commits. None when the conversation has a draft already."""
        now, draft_id, salt = self._clock.now(), self.id_of(key), secrets.token_bytes(SALT_BYTES)
        await session.exec(delete(Draft).where(col(Draft.id) == draft_id, col(Draft.expires_at) <= now))
        draft = OpenDraft(draft_id, self._key(key, salt), 1, now + LIFETIME, sheet)
        body = encrypt_model(draft.key, sheet, _bound(draft_id))
        session.add(Draft(id=draft_id, salt=salt, body=body, version=1, expires_at=draft.expires_at))
        try:
            await session.commit()
        except IntegrityError:
            await session.rollback()
            return None
        return draft

    async def load(self, session: AsyncSession, key: str) -> OpenDraft | None:
        """The conversation's draft; None when there is none or its 24 hours are over."""
        row = await session.get(Draft, self.id_of(key), populate_existing=True)
        if row is None or row.expires_at <= self._clock.now():
            return None
        own_key = self._key(key, row.salt)
        sheet = decrypt_model(own_key, row.body, Sheet, _bound(row.id))
        return OpenDraft(row.id, own_key, row.version, row.expires_at, sheet)

    async def save(self, session: AsyncSession, draft: OpenDraft) -> bool:
        """Write the sheet as the next version; commits. False, and nothing written, when the draft has moved on."""
        body = encrypt_model(draft.key, draft.sheet, _bound(draft.id))
        written = await session.exec(
            update(Draft)
            .where(col(Draft.id) == draft.id, col(Draft.version) == draft.version)
            .values(body=body, version=draft.version + 1)
        )
        if written.rowcount != 1:
            await session.rollback()
            return False
        await session.commit()
        draft.version += 1
        return True

    async def delete(self, session: AsyncSession, draft_id: str) -> None:
        """Shred it with its files. Does not commit."""
        await session.exec(delete(Draft).where(col(Draft.id) == draft_id))

    def _key(self, key: str, salt: bytes) -> bytes:
        return hashlib.blake2b(
            key.encode(), digest_size=32, key=self._secret, salt=salt, person=b"report-draftkey"
        ).digest()


def _bound(draft_id: str) -> bytes:
    return context("draft", draft_id)
