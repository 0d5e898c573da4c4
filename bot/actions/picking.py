"""Picking from a list that was just shown by saying which: "the second one", "2", "la dernière"."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from bot.actions.turn import Turn
from core.normalise import words
from knowledge.base import FOLDER
from knowledge.catalogue import find_by_keywords, search

MOST_WORDS = 4
LAST = -1


def find_picked(turn: Turn) -> str | None:
    """The entry that somebody picks from those listed last; None when they say anything else."""
    listed = [entry for entry in turn.slots.get("listed") or [] if entry in turn.wording.base.entries]
    said = _without_politeness(words(turn.text))
    if not listed or not said:
        return None
    place = _places(FOLDER).get(" ".join(said)) if len(said) <= MOST_WORDS else None
    if place is None:
        return _find_by_name(turn, said, listed)
    return str(listed[place]) if place < len(listed) else None


def _find_by_name(turn: Turn, said: list[str], listed: list[str]) -> str | None:
    """The only one of the list that a word of its name, or of whom it is for, picks ("the policy one")."""
    base = turn.wording.base
    entries = [base.get_entry(entry) for entry in listed]
    for before, after in _by_name(FOLDER):
        named = said[len(before) : len(said) - len(after)]
        if not named or len(named) > MOST_WORDS or said != [*before, *named, *after]:
            continue
        text = " ".join(named)
        fitting = find_by_keywords(base, turn.wording.keywords, text, turn.language)
        fitting = [entry for entry in fitting if entry.id in listed]
        titled = [entry for entry in entries if set(named) <= set(words(entry.title(turn.language)))]
        for found in (titled, search(base, text, turn.language, entries=entries), fitting):
            if len(found) == 1:
                return found[0].id
    return None


def has_more_than_thanks(turn: Turn) -> bool:
    """Whether thanks are only how a message begins ("thanks, and the deadline?")."""
    said = words(turn.text)
    return any(len(said) > len(polite) and tuple(said[: len(polite)]) == polite for polite in _polite(FOLDER))


def _without_politeness(said: list[str]) -> list[str]:
    for polite in _polite(FOLDER):
        if tuple(said[-len(polite) :]) == polite:
            return said[: -len(polite)]
    return said


@cache
def _polite(folder: Path) -> frozenset[tuple[str, ...]]:
    """What may stand after such words, folded, in every language."""
    paths = sorted((folder / "texts").glob("*/picks.yaml"))
    lists = (yaml.safe_load(path.read_text(encoding="utf-8"))["polite"] for path in paths)
    return frozenset(tuple(words(one)) for spelled in lists for one in spelled)


@cache
def _by_name(folder: Path) -> tuple[tuple[list[str], list[str]], ...]:
    """The words before and after a name by which one of a list is picked, folded, in every language."""
    paths = sorted((folder / "texts").glob("*/picks.yaml"))
    rows = (row for path in paths for row in yaml.safe_load(path.read_text(encoding="utf-8"))["by_name"])
    return tuple((words(before), words(after)) for before, _, after in (row.partition("_") for row in rows))


@cache
def _places(folder: Path) -> dict[str, int]:
    """Whole messages, folded, and the place in the list that each means, in every language."""
    places: dict[str, int] = {}
    for path in sorted((folder / "texts").glob("*/picks.yaml")):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        for place, spelled in [*enumerate(data["picks"]), (LAST, data["last"])]:
            places |= {" ".join(words(one)): place for one in spelled}
    return places
