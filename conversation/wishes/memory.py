"""What a chat has asked for and not yet agreed to: kept for an hour, never on disk."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from conversation.expiring import InProcess, InRedis, Memory
from conversation.wishes.wish import Wish

REDIS_PREFIX = "hub:wish:"


class Asked(StrEnum):
    """What the person was asked last."""

    YES = "yes"
    ADDRESS = "address"
    NOTHING = "nothing"


class Pending(BaseModel):
    """Where a talk about messages stands. ``is_current``: the last turn was about it, so a bare "yes" means it."""

    model_config = ConfigDict(frozen=True)

    wish: Wish = Wish()
    asked: Asked = Asked.NOTHING
    is_current: bool = True


type PendingMemory = Memory[Pending]


class PendingInProcess(InProcess[Pending]):
    """Talks of one process."""


class PendingInRedis(InRedis[Pending]):
    """Talks that several processes share."""

    def __init__(self, url: str) -> None:
        super().__init__(
            url,
            REDIS_PREFIX,
            write=lambda pending: pending.model_dump_json(exclude_defaults=True),
            read=Pending.model_validate_json,
        )
