"""The words of a broadcast in each language: written, drafted by a machine, checked by a person.

A machine's draft stays one, edited or not, until somebody who may says that it is right. When the original changes,
every other text has to be looked at again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.languages import LANGUAGES
from subscriptions.broadcasts.authors import Author, check, may_approve, may_write
from subscriptions.broadcasts.drafts import EDITABLE, get_broadcast, get_for_change, list_texts, unrelease
from subscriptions.broadcasts.errors import (
    BroadcastChangedError,
    BroadcastLockedError,
    DraftingUnavailableError,
    FieldWrongError,
)
from subscriptions.models import Broadcast, BroadcastKind, BroadcastStatus, BroadcastText, TextState

LONGEST_SUBJECT = 300
LONGEST_BODY = 18_000
CHANGEABLE = EDITABLE | {BroadcastStatus.SCHEDULED, BroadcastStatus.SENDING, BroadcastStatus.PAUSED}
"""States in which a text can still be approved: digests and quiet hours carry it later."""
DUTIES = frozenset({BroadcastKind.MANDATORY, BroadcastKind.URGENT})
OUTDATED = {"check": "original_changed"}


@dataclass(frozen=True, slots=True)
class DraftText:
    """What a machine made of a text. ``problems``: what its checks found, each with the name of its ``check``."""

    subject: str
    body: str
    problems: Sequence[Mapping[str, Any]] = ()


class Drafting(Protocol):
    """Translates broadcasts on this machine."""

    def targets(self, source: str) -> Sequence[str]:
        """Languages that it can translate into."""
        ...

    async def draft(self, subject: str, body: str, *, source: str, target: str) -> DraftText:
        """A draft; raises DraftingUnavailableError."""
        ...


async def write_text(
    session: AsyncSession,
    author: Author,
    broadcast_id: str,
    language: str,
    *,
    subject: str,
    body: str,
    clock: Clock,
    seen_at: datetime | None = None,
    approve: bool = False,
) -> BroadcastText:
    """Write or change a text, and approve it where ``approve``. ``seen_at``: ``changed_at`` of what the person saw.

    Once it was released, only an approver may still finish a translation; one of a duty only as it is.
    """
    broadcast = await get_broadcast(session, broadcast_id, lock=True)
    texts = await list_texts(session, broadcast_id)
    text = texts.get(language)
    check(may_write(author, broadcast) or may_approve(author, text, language))
    check(not approve or may_approve(author, text, language))
    subject, body = _checked(language, subject, body)
    is_original, is_draft = language == broadcast.original_language, broadcast.status in EDITABLE
    is_same = text is not None and (text.subject, text.body) == (subject, body)
    check(not is_original or may_write(author, broadcast))
    if not is_draft and (is_original or not approve or broadcast.status not in CHANGEABLE):
        raise BroadcastLockedError(status=broadcast.status)
    # Two people released what is a duty by its topic.
    is_duty = broadcast.kind in DUTIES or len(broadcast.approved_by) > 1
    if not is_draft and is_duty and not is_same:
        raise BroadcastLockedError(status=broadcast.status)
    if (text.changed_at if text else None) != seen_at:
        raise BroadcastChangedError
    if is_original and not is_same:
        _outdate(session, [other for other in texts.values() if other.language != language])
    if is_draft and not is_same:
        unrelease(broadcast)
        session.add(broadcast)
    text = text or _new_text(broadcast_id, language, clock.now())
    text.state = _next_state(text, is_original=is_original, is_same=is_same, approve=approve)
    if text.state == TextState.APPROVED:
        text.approved_by, text.problems = author.id if approve else text.approved_by, []
    else:
        text.approved_by = None
    if not is_same and text.state == TextState.WRITTEN:
        text.problems = []
    text.subject, text.body, text.changed_at = subject, body, clock.now()
    session.add(text)
    await session.commit()
    return text


async def name_approver(
    session: AsyncSession, author: Author, broadcast_id: str, language: str, *, approver: str | None
) -> None:
    """Ask somebody to check a text."""
    broadcast = await get_broadcast(session, broadcast_id, lock=True)
    check(may_write(author, broadcast))
    text = (await list_texts(session, broadcast_id)).get(language)
    if text is None or language == broadcast.original_language:
        raise FieldWrongError(field="language")
    text.approver = approver
    session.add(text)
    await session.commit()


async def drop_text(session: AsyncSession, author: Author, broadcast_id: str, language: str) -> None:
    """Take a translation away; its readers get the original."""
    broadcast = await get_for_change(session, author, broadcast_id)
    text = (await list_texts(session, broadcast_id)).get(language)
    if language == broadcast.original_language:
        raise FieldWrongError(field="language")
    if text is not None:
        await session.delete(text)
        unrelease(broadcast)
        session.add(broadcast)
    await session.commit()


async def make_draft(
    session: AsyncSession,
    author: Author,
    broadcast_id: str,
    language: str,
    *,
    drafting: Drafting | None,
    clock: Clock,
    approver: str | None = None,
) -> BroadcastText | None:
    """Have a machine translate the original. What a person wrote or approved is never overwritten: None then.

    Nothing is held while the machine works; a draft of an original that changed meanwhile is thrown away.
    """
    broadcast = await get_for_change(session, author, broadcast_id)
    texts = await list_texts(session, broadcast_id)
    source, original = broadcast.original_language, texts.get(broadcast.original_language)
    if drafting is None or language not in drafting.targets(source):
        raise DraftingUnavailableError(language=language)
    if original is None or _is_by_people(texts.get(language)):
        await session.commit()
        return None
    said = (original.subject, original.body)
    # Lets go of the row.
    await session.commit()
    made = await drafting.draft(*said, source=source, target=language)
    broadcast = await get_for_change(session, author, broadcast_id)
    texts = await list_texts(session, broadcast_id)
    original, text = texts.get(source), texts.get(language)
    if original is None or (original.subject, original.body) != said or _is_by_people(text):
        await session.commit()
        return None
    if text is None:
        text = _new_text(broadcast_id, language, clock.now())
    text.state, text.changed_at = TextState.MACHINE_DRAFT, clock.now()
    text.subject, text.body = made.subject[:LONGEST_SUBJECT], made.body[:LONGEST_BODY]
    text.problems = [dict(problem) for problem in made.problems]
    text.approver = text.approver or approver
    unrelease(broadcast)
    session.add_all([broadcast, text])
    await session.commit()
    return text


async def list_waiting_texts(session: AsyncSession, author: Author) -> list[tuple[Broadcast, BroadcastText]]:
    """Texts that wait for this person: named for them, or in their language and nobody is named. Soonest first."""
    query = (
        select(Broadcast, BroadcastText)
        .join(BroadcastText, col(BroadcastText.broadcast_id) == col(Broadcast.id))
        .where(
            col(Broadcast.status).in_(CHANGEABLE),
            col(BroadcastText.state).in_([TextState.MACHINE_DRAFT, TextState.WRITTEN]),
        )
        .order_by(col(Broadcast.texts_due_at), col(Broadcast.created_at))
    )
    return [
        (broadcast, text)
        for broadcast, text in await session.exec(query)
        if text.approver == author.id or (text.approver is None and author.may_approve(text.language))
    ]


def _checked(language: str, subject: str, body: str) -> tuple[str, str]:
    subject, body = " ".join(subject.split()), body.replace("\r\n", "\n").strip()
    for name, is_right in (
        ("language", language in LANGUAGES),
        ("subject", 0 < len(subject) <= LONGEST_SUBJECT),
        ("body", 0 < len(body) <= LONGEST_BODY),
    ):
        if not is_right:
            raise FieldWrongError(field=name)
    return subject, body


def _next_state(text: BroadcastText, *, is_original: bool, is_same: bool, approve: bool) -> TextState:
    if is_original:
        return TextState.ORIGINAL
    if approve:
        return TextState.APPROVED
    if text.state == TextState.MACHINE_DRAFT or is_same:
        return TextState(text.state)
    return TextState.WRITTEN


def _outdate(session: AsyncSession, texts: Sequence[BroadcastText]) -> None:
    for text in texts:
        if text.state == TextState.APPROVED:
            text.state, text.approved_by = TextState.WRITTEN, None
        if OUTDATED not in text.problems:
            text.problems = [*text.problems, dict(OUTDATED)]
        session.add(text)


def _new_text(broadcast_id: str, language: str, now: datetime) -> BroadcastText:
    return BroadcastText(
        broadcast_id=broadcast_id, language=language, state=TextState.WRITTEN, subject="", body="", changed_at=now
    )


def _is_by_people(text: BroadcastText | None) -> bool:
    return text is not None and text.state != TextState.MACHINE_DRAFT
