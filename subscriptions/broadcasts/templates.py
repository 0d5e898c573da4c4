"""The words of messages that go by themselves, such as reminders: approved once by a person, then sent without one.

An approval is of the words as they are; when somebody changes a sentence, it has to be given anew.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.database import UtcDateTime
from core.languages import RELEASED
from core.texts import Texts
from subscriptions.broadcasts.authors import RELEASERS, Author, check
from subscriptions.broadcasts.errors import FieldWrongError

TEMPLATES = (
    "reminder/contribution",
    "reminder/index",
    "reminder/coordinator",
    "reminder/survey",
    "reminder/other",
    "welcome",
)
"""``Delivery.message`` before its second slash; for reminders with the kind of the due date."""


class TemplateApproval(SQLModel, table=True):
    """Somebody of the team said that a template's words may go by themselves."""

    __tablename__ = "template_approval"

    template: str = Field(primary_key=True, max_length=60)
    words: str = Field(max_length=64)
    """Fingerprint of the words that were approved."""
    approved_by: str = Field(max_length=32)
    approved_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))


async def approve_template(session: AsyncSession, author: Author, template: str, *, texts: Texts, clock: Clock) -> None:
    """Let a template's present words go by themselves. Commits."""
    check(author.role in RELEASERS)
    if template not in TEMPLATES:
        raise FieldWrongError(field="template")
    approval = TemplateApproval(
        template=template, words=words_of(template, texts), approved_by=author.id, approved_at=clock.now()
    )
    await session.merge(approval)
    await session.commit()


async def withdraw_template(session: AsyncSession, author: Author, template: str) -> None:
    """Let it go no more. Commits."""
    check(author.role in RELEASERS)
    approval = await session.get(TemplateApproval, template)
    if approval is not None:
        await session.delete(approval)
        await session.commit()


async def is_template_approved(session: AsyncSession, template: str, texts: Texts | None = None) -> bool:
    """Whether messages of a template may go. With ``texts``: also whether its words are still those."""
    approval = await session.get(TemplateApproval, template)
    return approval is not None and (texts is None or approval.words == words_of(template, texts))


def words_of(template: str, texts: Texts) -> str:
    """A fingerprint of a template's sentences in the released languages."""
    kind = template.partition("/")[0]
    own = [key for key in texts.keys("en") if key.startswith(f"mail.{kind}.")]
    said = [[key, code, texts.raw(key, code)] for key in sorted(own) for code in RELEASED if texts.has(key, code)]
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
