"""Picking from a list that was just shown by saying which: "the second one", "2", "la dernière"."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from bot.actions.turn import Turn
from core.normalise import words
from knowledge.base import FOLDER

MOST_WORDS = 4
LAST = -1


def find_picked(turn: Turn) -> str | None:
    """The entry that somebody picks from those listed last; None when they say anything else."""
    listed = [entry for entry in turn.slots.get("listed") or [] if entry in turn.wording.base.entries]
    said = words(turn.text)
    if not listed or not 0 < len(said) <= MOST_WORDS:
        return None
    place = _places(FOLDER).get(" ".join(said))
    if place is None or place >= len(listed):
        return None
    return str(listed[place])


@cache
def _places(folder: Path) -> dict[str, int]:
    """Whole messages, folded, and the place in the list that each means, in every language."""
    places: dict[str, int] = {}
    for path in sorted((folder / "texts").glob("*/picks.yaml")):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        for place, spelled in [*enumerate(data["picks"]), (LAST, data["last"])]:
            places |= {" ".join(words(one)): place for one in spelled}
    return places
