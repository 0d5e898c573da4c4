"""What each language still lacks beside English: texts of the knowledge base, sentences, word lists, training messages.

`icchub knowledge` shows it, and `icchub doctor` judges the released languages by it. A language may be released when
nothing is missing (docs/how-to/add-a-language.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core.languages import SOURCE_LANGUAGE
from core.settings import PROJECT_ROOT
from core.texts import Texts
from knowledge.base import KnowledgeBase, missing_texts

ENGLISH_ONLY = ("cli.",)
"""The command line speaks English."""


def list_missing(base: KnowledgeBase, texts: Texts, language: str, *, root: Path = PROJECT_ROOT) -> list[str]:
    """Every missing thing by its name, entries of the knowledge base first."""
    wanted = {key for key in texts.keys(SOURCE_LANGUAGE) if not key.startswith(ENGLISH_ONLY)}
    known = texts.keys(language) if language in texts.languages else set()
    return [*missing_texts(base, language), *sorted(wanted - known), *_files(language, root)]


def _files(language: str, root: Path) -> Iterator[str]:
    """Files that English has: lists of words, and training messages. Left out: what ``missing_texts`` looks into."""
    for folder, pattern in (("knowledge/texts", "*.yaml"), ("nlu_data", "*.yml")):
        for path in sorted((root / folder / SOURCE_LANGUAGE).glob(pattern)):
            other = Path(folder) / language / path.name
            if not (root / other).exists():
                yield other.as_posix()
    evaluation = Path("nlu_data/evaluation") / f"{language}.jsonl"
    if (root / "nlu_data").exists() and not (root / evaluation).exists():
        yield evaluation.as_posix()
