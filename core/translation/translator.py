"""What the rest of the hub asks for translations: drafts of messages, and words of a case for those who read it.

Both come checked: what failed stays in its own language. Both are a machine's, and whoever shows them says so.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from core.clock import Clock
from core.translation.checking import Check, Problem
from core.translation.documents import Document, shape
from core.translation.engine import Engine
from core.translation.errors import PairMissingError, TranslationError, TranslationRefusedError
from core.translation.packages import find_route, list_installed
from core.translation.passages import Outcome, Passage, TranslatesSentences, translate_passages
from core.translation.protecting import Names

type NamesBetween = Callable[[str, str], Names]
"""Names of tools and cities in the first language, and what people call them in the second."""

MOST_KEPT = 0.5
"""When more than this share of the letters failed the checks, there is no translation."""
REMEMBERED_FOR = timedelta(minutes=10)
MOST_REMEMBERED = 300


@dataclass(frozen=True)
class Draft:
    """A machine's translation of a message, for a person to check."""

    subject: str
    body: str = field(repr=False)
    """Markdown of the same shape as the original."""
    problems: Sequence[Problem]


class Translator:
    """Translations within this process, in the order in which they are asked for."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock,
        names: NamesBetween | None = None,
        engine: TranslatesSentences | None = None,
    ) -> None:
        self._folder, self._clock = folder, clock
        self._names = names or (lambda _source, _target: {})
        self._engine = engine or Engine(folder)
        self._remembered: dict[bytes, tuple[datetime, str | None]] = {}
        self._key = secrets.token_bytes(32)

    def targets(self, source: str) -> list[str]:
        """Languages that it can translate into, directly or by way of English."""
        packages = list_installed(self._folder)
        return sorted({one.target for one in packages if find_route(packages, source, one.target)})

    async def draft(self, subject: str, body: str, *, source: str, target: str) -> Draft:
        """A draft of a subject and a Markdown text.

        Raises PairMissingError, TranslationRefusedError when most of it fails the checks, or another TranslationError.
        """
        title, document = Passage([subject]), Document.read(body)
        outcome = await self._translate([title, *document.passages], source, target)
        if outcome.kept_letters > MOST_KEPT * outcome.letters:
            raise TranslationRefusedError
        written, problems = document.write(), list(outcome.problems)
        if shape(written) != shape(body):
            problems.append(Problem(Check.STRUCTURE))
        return Draft(title.written(str).strip(), written, problems)

    async def translate_plain(self, text: str, *, source: str, target: str) -> str | None:
        """Words of a case, line by line. None: not between these languages, not now, or not well enough.

        It is remembered for minutes, in this process's memory only, so that reading a case twice costs once.
        """
        key = hmac.digest(self._key, "\0".join((source, target, text)).encode(), hashlib.sha256)
        now = self._clock.now()
        self._forget(now)
        if key in self._remembered:
            return self._remembered[key][1]
        try:
            translated = await self._plain(text, source, target)
        except TranslationError:
            return None
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.pop(next(iter(self._remembered)))
        self._remembered[key] = (now, translated)
        # Also when nobody asks again.
        asyncio.get_running_loop().call_later(REMEMBERED_FOR.total_seconds(), self._remembered.pop, key, None)
        return translated

    async def close(self) -> None:
        """End the process that translates, and forget everything."""
        self._remembered.clear()
        if isinstance(self._engine, Engine):
            await self._engine.close()

    async def _plain(self, text: str, source: str, target: str) -> str | None:
        lines = [Passage([line]) for line in text.splitlines()]
        outcome = await self._translate(lines, source, target)
        if outcome.letters == 0 or outcome.kept_letters > MOST_KEPT * outcome.letters:
            return None
        return "\n".join(line.written(str) for line in lines)

    async def _translate(self, passages: Sequence[Passage], source: str, target: str) -> Outcome:
        route = find_route(list_installed(self._folder), source, target)
        if route is None:
            raise PairMissingError(source=source, target=target)
        return await translate_passages(passages, self._engine, route, names=self._names(source, target))

    def _forget(self, now: datetime) -> None:
        for key in [key for key, (at, _) in self._remembered.items() if now - at > REMEMBERED_FOR]:
            del self._remembered[key]
