"""Who of the team may do what with a broadcast.

Administrators and editors write to everybody. A network's coordinator writes news to the own network. A text is
approved by whoever was named for it, or has its language; releasing takes the team.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from subscriptions.broadcasts.errors import BroadcastForbiddenError
from subscriptions.models import Broadcast, BroadcastKind, BroadcastText

WRITERS = frozenset({"administrator", "editor"})
RELEASERS = WRITERS | {"approver"}
NETWORK = "network"
NETWORK_KINDS = frozenset({BroadcastKind.NEWS, BroadcastKind.EVENT})


class Author(Protocol):
    """An operator, as far as it matters here."""

    @property
    def id(self) -> str: ...

    @property
    def role(self) -> str: ...

    @property
    def network(self) -> str | None:
        """The network that a network's coordinator writes to."""
        ...

    def may_approve(self, language: str) -> bool:
        """Whether texts in this language are this person's to approve."""
        ...


def may_write(author: Author, broadcast: Broadcast) -> bool:
    """Whether this person may change, schedule and stop it."""
    if author.role == NETWORK:
        own = [author.network] if author.network else None
        return broadcast.kind in NETWORK_KINDS and broadcast.audience.get("networks") == own
    return author.role in WRITERS


def may_see_people(author: Author, broadcast: Broadcast) -> bool:
    """Whether this person may see whom it reaches: the team, and a coordinator for the own network, as totals."""
    return author.role in RELEASERS or may_write(author, broadcast)


def may_read(author: Author, broadcast: Broadcast, texts: Sequence[BroadcastText] = ()) -> bool:
    """Whether this person may see its words: also a coordinator who is to approve one of its texts."""
    if may_see_people(author, broadcast):
        return True
    others = [text for text in texts if text.language != broadcast.original_language]
    return any(may_approve(author, text, text.language) for text in others)


def may_approve(author: Author, text: BroadcastText | None, language: str) -> bool:
    """Whether this person may say that a text in this language is right: who was named for it, else who may at all."""
    if text is not None and text.approver is not None:
        return text.approver == author.id or author.role == "administrator"
    return author.may_approve(language)


def may_release(author: Author) -> bool:
    """Whether this person may be the second of two who let a mandatory or urgent message go."""
    return author.role in RELEASERS


def check(is_allowed: bool) -> None:
    """Raises BroadcastForbiddenError."""
    if not is_allowed:
        raise BroadcastForbiddenError
