"""Two tiny, really trained language packages: French to English, English to Italian (tests/core/translation/tiny)."""

from __future__ import annotations

from pathlib import Path

from core.translation.packages import Installed, install

DATA = Path(__file__).parent / "core" / "translation" / "tiny"
FRENCH_ENGLISH, ENGLISH_ITALIAN = (DATA / f"translate-{pair}-tiny.argosmodel" for pair in ("fr_en", "en_it"))


def install_tiny_packages(folder: Path) -> list[Installed]:
    """Both of them."""
    return [install(file, folder) for file in (FRENCH_ENGLISH, ENGLISH_ITALIAN)]
