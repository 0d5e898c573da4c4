"""Taking up, in every hub process, what the team changed in the database: contacts of services, answers it wrote."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from core.database import Database

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=30)
"""How soon a change reaches every process at the latest."""


class Watched(ABC):
    """A part of the knowledge that follows the database."""

    @abstractmethod
    async def refresh(self, session: AsyncSession) -> bool:
        """Take up what changed since the last time; whether anything did."""

    async def watch(self, database: Database) -> None:
        """Refresh again and again, until it is cancelled."""
        while True:
            try:
                async with database.session() as session:
                    await self.refresh(session)
            except (SQLAlchemyError, OSError) as error:
                log.warning("knowledge_not_read part=%s error=%s", type(self).__name__, type(error).__name__)
            await asyncio.sleep(EVERY.total_seconds())
