"""The knowledge base in memory: entries with their texts, groups of entries, cities, emergency numbers.

Built once at start from the folder ``knowledge/``, and shared by every part of the hub. Only what the team corrects in
contacts of services (knowledge/corrections.py) and the answers that it writes (knowledge/written/) change afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from core.languages import SOURCE_LANGUAGE
from knowledge.errors import EntryNotFoundError, KnowledgeError
from knowledge.reading import Item, Problems, read_items
from knowledge.schema import (
    FACTS,
    TEXTS,
    CityFact,
    EmergencyFact,
    EmergencyText,
    EntryFact,
    EntryText,
    GroupText,
    Kind,
    MembershipFact,
    ServiceFact,
    ToolFact,
)

FOLDER = Path(__file__).resolve().parent

FACT_FILES = {Kind.TOOL: "tools", Kind.MEMBERSHIP: "membership", Kind.SERVICE: "services"}


@dataclass(frozen=True)
class Entry:
    """One thing that the hub can answer with: a fact and what is said of it, by language."""

    id: str
    kind: Kind
    fact: EntryFact
    texts: Mapping[str, EntryText] = field(repr=False)
    original: str = SOURCE_LANGUAGE
    """The language that stands in for those that lack a text."""

    def text(self, language: str) -> EntryText:
        """The text in the language, else in the original one."""
        return self.texts.get(language) or self.texts[self.original]

    def spoken(self, language: str) -> str:
        """The language that ``text`` is really in."""
        return language if language in self.texts else self.original

    def title(self, language: str) -> str:
        return self.text(language).title

    @property
    def tool(self) -> ToolFact:
        """The fact of an entry that is known to be a tool."""
        assert isinstance(self.fact, ToolFact)
        return self.fact

    @property
    def service(self) -> ServiceFact:
        """The fact of an entry that is known to be a service."""
        assert isinstance(self.fact, ServiceFact)
        return self.fact


@dataclass(frozen=True)
class Group:
    """Entries that speak to one question and are told as one answer, newest first."""

    id: str
    members: tuple[str, ...]
    texts: Mapping[str, GroupText] = field(repr=False)

    def text(self, language: str) -> GroupText:
        return self.texts.get(language) or self.texts[SOURCE_LANGUAGE]

    def button(self, language: str) -> str:
        """What a button says that leads to this answer."""
        text = self.text(language)
        return text.button or text.title


@dataclass(frozen=True, repr=False)
class KnowledgeBase:
    """Everything the hub knows."""

    entries: Mapping[str, Entry]
    groups: Mapping[str, Group]
    cities: Mapping[str, CityFact]
    emergency: Mapping[str, EmergencyFact]
    emergency_texts: Mapping[str, Mapping[str, EmergencyText]]
    starters: Mapping[str, tuple[str, ...]]
    """What is offered first to somebody who asks for 'tools' or 'membership' and nothing more."""
    place_names: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Language, then city or region id, then names people use for it."""
    _originals: dict[str, Entry] = field(default_factory=dict, repr=False, compare=False)
    """Services that are corrected, as the files say them."""

    def get_entry(self, entry_id: str) -> Entry:
        """The entry; raises EntryNotFoundError."""
        try:
            return self.entries[entry_id]
        except KeyError:
            raise EntryNotFoundError(id=entry_id) from None

    def list_entries(self, kind: Kind) -> list[Entry]:
        """All of a kind, but for services that the team hides."""
        return [
            entry
            for entry in self.entries.values()
            if entry.kind is kind and not (kind is Kind.SERVICE and entry.service.is_hidden)
        ]

    def original_service(self, entry_id: str) -> ServiceFact:
        """A service as the files say it, without corrections. Raises EntryNotFoundError."""
        entry = self._originals.get(entry_id) or self.get_entry(entry_id)
        if entry.kind is not Kind.SERVICE:
            raise EntryNotFoundError(id=entry_id)
        return entry.service

    def correct_service(self, entry_id: str, changes: Mapping[str, object] | None) -> None:
        """Let the team's word on a service stand above the files; None: the files again. Of unknown ones: nothing."""
        original = self._originals.get(entry_id) or self.entries.get(entry_id)
        if original is None or original.kind is not Kind.SERVICE or not isinstance(self.entries, dict):
            return
        if changes is None:
            self.entries[entry_id] = self._originals.pop(entry_id, original)
            return
        self._originals[entry_id] = original
        shown = dict(changes)
        if shown.get("is_hidden"):
            shown |= {"phone": None, "email": None, "url": None}
        self.entries[entry_id] = replace(original, fact=original.service.model_copy(update=shown))

    def set_answers(self, answers: Iterable[Entry]) -> None:
        """Let these, and no others, be the answers that the team wrote."""
        if not isinstance(self.entries, dict):
            return
        for entry_id in [entry.id for entry in self.entries.values() if entry.kind is Kind.ANSWER]:
            del self.entries[entry_id]
        self.entries.update((entry.id, entry) for entry in answers)

    @cached_property
    def group_of(self) -> Mapping[str, Group]:
        """The group of each entry that belongs to one."""
        return {member: group for group in self.groups.values() for member in group.members}


def load_knowledge(folder: Path = FOLDER) -> KnowledgeBase:
    """Read and check everything below ``folder``. Raises KnowledgeError, which names every problem found."""
    return _Reader(folder).read()


NOT_ENTRIES = frozenset(
    "asked_places coming_events emergency handoff keywords own_city picks places service_questions topics "
    "wishes".split()
)
"""Files of a language that hold other words than the texts of entries."""


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems = Problems(folder.parent)

    def read(self) -> KnowledgeBase:
        facts = {f"{kind}/{fact.id}": (kind, fact) for kind in FACT_FILES for fact in self._facts(kind)}
        languages = sorted(path.name for path in (self.folder / "texts").iterdir() if path.is_dir())
        texts: dict[str, dict[str, EntryText]] = {entry_id: {} for entry_id in facts}
        group_texts: dict[str, dict[str, GroupText]] = {}
        for language in languages:
            for item in self._text_items(language):
                self._take_text(item, language, facts, texts, group_texts)
        groups = self._groups(facts, group_texts)
        emergency = {fact.country: fact for fact in self._list("emergency", EmergencyFact)}
        base = KnowledgeBase(
            entries={
                entry_id: Entry(entry_id, kind, fact, texts[entry_id])
                for entry_id, (kind, fact) in facts.items()
                if self._has_source_text(entry_id, texts)
            },
            groups=groups,
            cities={city.id: city for city in self._list("cities", CityFact)},
            emergency=emergency,
            emergency_texts={language: self._emergency_texts(language, emergency) for language in languages},
            starters=self._starters(facts),
            place_names={language: self._place_names(language) for language in languages},
        )
        self._check_references(base)
        if self.problems.found:
            raise KnowledgeError(self.problems.found)
        return base

    def _list[M: (CityFact, EmergencyFact)](self, name: str, model: type[M]) -> list[M]:
        path = self.folder / "facts" / f"{name}.yaml"
        found = [self.problems.validate(model, item) for item in read_items(path, self.problems)]
        return [fact for fact in found if fact is not None]

    def _facts(self, kind: Kind) -> Iterable[EntryFact]:
        path = self.folder / "facts" / f"{FACT_FILES[kind]}.yaml"
        seen: set[str] = set()
        for item in read_items(path, self.problems):
            fact = self.problems.validate(FACTS[kind], item)
            if fact is None:
                continue
            if fact.id in seen:
                self.problems.add(path, item.line, f"{fact.id}: this id stands twice")
            seen.add(fact.id)
            yield fact

    def _text_items(self, language: str) -> Iterable[Item]:
        folder = self.folder / "texts" / language
        for path in sorted(folder.rglob("*.yaml")):
            if path.stem not in NOT_ENTRIES:
                yield from read_items(path, self.problems)

    def _take_text(
        self,
        item: Item,
        language: str,
        facts: Mapping[str, tuple[Kind, EntryFact]],
        texts: dict[str, dict[str, EntryText]],
        group_texts: dict[str, dict[str, GroupText]],
    ) -> None:
        key = item.key or ""
        if key == "groups":
            for group_id, data in item.data.items():
                text = self.problems.validate(GroupText, Item(item.path, item.line, f"groups.{group_id}", data, {}))
                if text is not None:
                    group_texts.setdefault(group_id, {})[language] = text
            return
        if key not in facts:
            self.problems.add(item.path, item.line, f"{key}: no fact has this id")
            return
        if language in texts[key]:
            self.problems.add(item.path, item.line, f"{key}: has a second text in '{language}'")
        entry_text = self.problems.validate(TEXTS[facts[key][0]], item)
        if entry_text is not None:
            texts[key][language] = entry_text

    def _has_source_text(self, entry_id: str, texts: Mapping[str, Mapping[str, EntryText]]) -> bool:
        if SOURCE_LANGUAGE in texts[entry_id]:
            return True
        self.problems.add(self.folder / "texts" / SOURCE_LANGUAGE, 1, f"{entry_id}: has no text in English")
        return False

    def _groups(self, facts: Mapping[str, Any], group_texts: Mapping[str, Mapping[str, GroupText]]) -> dict[str, Group]:
        path = self.folder / "facts" / "groups.yaml"
        groups = {}
        for item in read_items(path, self.problems):
            name = item.key or ""
            for member in item.data:
                if member not in facts:
                    self.problems.add(path, item.line, f"{name}: no fact has the id {member}")
            if SOURCE_LANGUAGE not in group_texts.get(name, {}):
                self.problems.add(path, item.line, f"{name}: has no text in English")
                continue
            groups[name] = Group(name, tuple(item.data), group_texts[name])
        for name in set(group_texts) - set(groups):
            self.problems.add(path, 1, f"{name}: has a text but no members")
        return groups

    def _starters(self, facts: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        path = self.folder / "facts" / "starters.yaml"
        starters = {}
        for item in read_items(path, self.problems):
            starters[item.key or ""] = tuple(item.data)
            for entry_id in item.data:
                if entry_id not in facts:
                    self.problems.add(path, item.line, f"{item.key}: no fact has the id {entry_id}")
        return starters

    def _emergency_texts(self, language: str, emergency: Mapping[str, EmergencyFact]) -> dict[str, EmergencyText]:
        path = self.folder / "texts" / language / "emergency.yaml"
        found: dict[str, EmergencyText] = {}
        for item in read_items(path, self.problems) if path.exists() else ():
            text = self.problems.validate(EmergencyText, item)
            if (item.key or "") not in emergency:
                self.problems.add(path, item.line, f"{item.key}: no emergency fact for this country")
            elif text is not None:
                found[item.key or ""] = text
        return found

    def _place_names(self, language: str) -> dict[str, tuple[str, ...]]:
        path = self.folder / "texts" / language / "places.yaml"
        names = {}
        for item in read_items(path, self.problems) if path.exists() else ():
            if not isinstance(item.data, list) or not all(isinstance(name, str) and name for name in item.data):
                self.problems.add(path, item.line, f"{item.key}: a list of names is expected")
                continue
            names[item.key or ""] = tuple(item.data)
        return names

    def _check_references(self, base: KnowledgeBase) -> None:
        """Ids named inside facts must exist."""
        tools = self.folder / "facts" / "tools.yaml"
        services = self.folder / "facts" / "services.yaml"
        regions = {city.region for city in base.cities.values()} - {None}
        for entry in base.entries.values():
            fact = entry.fact
            if isinstance(fact, ToolFact):
                for other in [*fact.related, *([fact.newer] if fact.newer else [])]:
                    if f"tool/{other}" not in base.entries:
                        self.problems.add(tools, 1, f"{fact.id}: names the unknown tool {other}")
            elif isinstance(fact, ServiceFact):
                for place in fact.covers:
                    if place not in base.cities and place not in regions:
                        self.problems.add(services, 1, f"{fact.id}: covers the unknown place {place}")
                if fact.superseded_by and f"service/{fact.superseded_by}" not in base.entries:
                    self.problems.add(services, 1, f"{fact.id}: names the unknown service {fact.superseded_by}")
            elif isinstance(fact, MembershipFact):
                continue
        for language, names in base.place_names.items():
            for place in names:
                if place not in base.cities and place not in regions:
                    path = self.folder / "texts" / language / "places.yaml"
                    self.problems.add(path, 1, f"{place}: no city or region has this id")


def missing_texts(base: KnowledgeBase, language: str) -> list[str]:
    """What a language lacks, as lines that name each missing thing; empty when it is complete."""
    lacks = [entry.id for entry in base.entries.values() if language not in entry.texts]
    lacks += [f"groups.{group.id}" for group in base.groups.values() if language not in group.texts]
    lacks += [f"emergency.{code}" for code in base.emergency if code not in base.emergency_texts.get(language, {})]
    lacks += [
        f"emergency.{code}.text_access"
        for code, fact in base.emergency.items()
        if fact.text_access
        and (text := base.emergency_texts.get(language, {}).get(code)) is not None
        and text.text_access is None
    ]
    lacks += [f"places.{city}" for city in base.cities if city not in base.place_names.get(language, {})]
    return lacks
