"""The models of the assistant that lie on this machine or on the volume that it shares: which is the newest.

The name of a model ends with what was added to the examples in the files: ``<of the files>-<mark>.tar.gz`` has learnt
the team's own examples, ``<of the files>.tar.gz`` none of them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from core.settings import Settings

SUFFIX = ".tar.gz"


@dataclass(frozen=True)
class FoundModel:
    """A whole model."""

    path: Path
    changed_at: datetime
    fingerprint: str
    """SHA-256 of the file."""

    @property
    def mark(self) -> str:
        """Of the team's examples that it has learnt; empty: none."""
        return self.path.name.removesuffix(SUFFIX).partition("-")[2]


def find_newest_model(settings: Settings) -> FoundModel | None:
    """The model that every assistant takes over. It reads the file once, so call it in a thread."""
    # A name with a dot in front is not whole yet.
    paths = [
        path for folder in (settings.models_dir, settings.learnt_models_dir) for path in folder.glob(f"[!.]*{SUFFIX}")
    ]
    files = [(path.stat().st_mtime_ns, path) for path in paths]
    if not files:
        return None
    changed, path = max(files)
    return FoundModel(path, datetime.fromtimestamp(changed / 1e9, UTC), _fingerprint(path, changed))


@lru_cache(maxsize=4)
def _fingerprint(path: Path, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
