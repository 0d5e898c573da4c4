"""The machine that drafts texts of broadcasts: core's translator, as the composer uses it."""

from __future__ import annotations

from collections.abc import Sequence

from core.translation.errors import TranslationError
from core.translation.translator import Translator
from subscriptions.broadcasts.errors import DraftingUnavailableError
from subscriptions.broadcasts.texts import DraftText


class MachineDrafting:
    """A ``Drafting``. What is installed is looked at each time, so a new language is there at once."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator

    def targets(self, source: str) -> Sequence[str]:
        return [code for code in self._translator.targets(source) if code != source]

    async def draft(self, subject: str, body: str, *, source: str, target: str) -> DraftText:
        try:
            made = await self._translator.draft(subject, body, source=source, target=target)
        except TranslationError:
            raise DraftingUnavailableError(language=target) from None
        return DraftText(made.subject, made.body, [problem.as_data() for problem in made.problems])
