"""The catalogue: everything that the hub knows, to be browsed, filtered and read without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse

from channels.base import ContactKind
from conversation.counting import doubt_contact
from conversation.replies import contact_note
from core.errors import HubError
from core.normalise import fold
from knowledge.base import Entry, Group, KnowledgeBase
from knowledge.catalogue import Filter, list_filtered, search
from knowledge.dates import is_stale
from knowledge.places import Place, PlaceKind, place_from_input
from knowledge.schema import Kind, MembershipFact, ServiceFact, ToolFact
from knowledge.service_search import Nearness, ServiceQuery
from web.pages import Page, PageParts

ENTRIES_A_PAGE = 20
EUROPE = "europe"
"""The value of ``place`` for what works in all of Europe."""
_FOR_US = re.compile(r"\b(?:bot|seed)\b")
"""Notes of the facts that speak to whoever builds the hub, not to its readers."""

LONGEST_WORDS = 200
LONGEST_PLACE = 120

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Wanted:
    """What the form asks for, as it was sent; empty means all."""

    kind: str = ""
    q: str = ""
    area: str = ""
    tool_kind: str = ""
    audience: str = ""
    topic: str = ""
    ground: str = ""
    need: str = ""
    place: str = ""

    def read(self) -> Filter:
        """The filter for the knowledge base; an unknown kind is no kind. The place is looked up apart."""
        choices = {name: getattr(self, name) or None for name in _CHOICES[self.part]}
        return Filter(kind=self.part, **choices)

    @property
    def part(self) -> Kind | None:
        return Kind(self.kind) if self.kind in set(Kind) else None

    def query(self) -> dict[str, str]:
        """What belongs into an address that leads to this list; choices of another part are left out."""
        names = ("kind", "q", *_CHOICES[self.part], *(["place"] if self.part is Kind.SERVICE else []))
        return {name: value for name, value in asdict(self).items() if value and name in names}


_CHOICES: dict[Kind | None, tuple[str, ...]] = {
    Kind.TOOL: ("area", "tool_kind", "audience"),
    Kind.SERVICE: ("ground", "need"),
    Kind.MEMBERSHIP: ("topic",),
    Kind.ANSWER: (),
    None: (),
}
"""The filters that each part has; the parts in the order of the page."""


@dataclass(frozen=True)
class Item:
    """One line of the list: an entry, or the first entry of a group that is told as one answer."""

    entry: Entry
    group: Group | None = None


@dataclass
class Section:
    """Items under one heading; without a heading the list is one."""

    items: list[Item]
    title: str | None = None


@dataclass
class Found:
    """The whole list before it is cut into pages, and what to say about the place."""

    sections: list[Section] = field(default_factory=list)
    place: Place | None = None
    unknown_place: bool = False

    @property
    def count(self) -> int:
        return sum(len(section.items) for section in self.sections)

    def cut(self, number: int) -> list[Section]:
        """The sections of one page of the list."""
        start, shown, before = (number - 1) * ENTRIES_A_PAGE, [], 0
        for section in self.sections:
            first = max(0, start - before)
            last = start + ENTRIES_A_PAGE - before
            if first < len(section.items) and last > 0:
                shown.append(Section(section.items[first:last], section.title))
            before += len(section.items)
        return shown


@router.get("/catalogue")
async def catalogue_page(
    page: PageParts,
    kind: str = "",
    q: str = "",
    area: str = "",
    tool_kind: str = "",
    audience: str = "",
    topic: str = "",
    ground: str = "",
    need: str = "",
    place: str = "",
    number: Annotated[str, Query(alias="page")] = "1",
) -> HTMLResponse:
    """The list. Values that mean nothing filter nothing out, so that an old link still shows a page."""
    wording = page.hub.wording
    options = _options(page)
    sent = {"area": area, "tool_kind": tool_kind, "audience": audience, "topic": topic, "ground": ground, "need": need}
    known = {name: value for name, value in sent.items() if value in dict(options[name])}
    wanted = Wanted(
        kind=kind if kind in set(Kind) else "",
        q=q.strip()[:LONGEST_WORDS],
        place=place.strip()[:LONGEST_PLACE],
        **known,
    )
    found = _find(page, wanted)
    pages = max(1, -(-found.count // ENTRIES_A_PAGE))
    current = min(max(int(number[:6]) if number.isdecimal() else 1, 1), pages)
    return page.render(
        "catalogue.html",
        wanted=wanted,
        found=found,
        sections=found.cut(current),
        current=current,
        pages=pages,
        parts=(parts := _count_parts(wording.base)),
        known=len(wording.base.entries),
        lines=sum(count for _, count in parts),
        choices=[(name, options[name]) for name in _CHOICES[wanted.part]],
        countries=_countries_with_services(page) if wanted.part is Kind.SERVICE else [],
        contacts_of=lambda entry: wording.entry(entry, page.language, today=page.hub.clock.now().date()).contacts,
        place_names=_known_places(page) if wanted.part is Kind.SERVICE else [],
    )


@router.get("/entry/{kind}/{name}")
async def entry_page(kind: str, name: str, page: PageParts) -> HTMLResponse:
    """Everything known of one entry."""
    return _show_entry(page, f"{kind}/{name}")


@router.post("/entry/{kind}/{name}/doubt")
async def doubt_form(kind: str, name: str, page: PageParts, field: Annotated[str, Form()] = "") -> HTMLResponse:
    """The form "wrong number?" without JavaScript; counts the doubt and shows the entry again, with thanks."""
    entry_id = f"{kind}/{name}"
    if entry_id not in page.hub.wording.base.entries or field not in set(ContactKind):
        return page.not_found()
    try:
        await page.hub.limits.check(page.request, None)
    except HubError as error:
        return _show_entry(page, entry_id, notice=page.t(error.text_key, **error.values), status=error.status)
    async with page.hub.database.session() as session:
        await doubt_contact(session, entry=entry_id, field=field, clock=page.hub.clock)
    return _show_entry(page, entry_id, notice=page.t("chat.wrong_thanks"))


def _show_entry(page: Page, entry_id: str, *, notice: str = "", status: int = 200) -> HTMLResponse:
    wording = page.hub.wording
    entry = wording.base.entries.get(entry_id)
    if entry is None:
        return page.not_found()
    today = page.hub.clock.now().date()
    group = wording.base.group_of.get(entry.id)
    members = [wording.base.get_entry(member) for member in group.members] if group else [entry]
    return page.render(
        "entry.html",
        status=status,
        entry=entry,
        group=group,
        members=members,
        notice=notice,
        reply=wording.entry(entry, page.language, today=today),
        stale=entry.kind is Kind.SERVICE and is_stale(entry.service.as_of, today),
        contact_note=contact_note(entry.service, today) if entry.kind is Kind.SERVICE else None,
        neighbours=_neighbours(wording.base, entry, members),
        notes=[note for member in members for note in _notes(member)],
        spoken=page.language if page.language in (group or entry).texts else entry.original,
    )


def _neighbours(base: KnowledgeBase, entry: Entry, shown: Sequence[Entry]) -> list[Entry]:
    """What a reader may want next: a tool's neighbours, or what stands beside a membership entry or a service."""
    fact = entry.fact
    if isinstance(fact, ToolFact):
        return [base.get_entry(f"tool/{other}") for other in fact.related if other != fact.newer]
    if isinstance(fact, MembershipFact):
        same = list_filtered(base, Filter(kind=Kind.MEMBERSHIP, topic=fact.topic))
        return [item.entry for item in _gather(base, same) if item.entry not in shown and not _told_in(item, shown)]
    if fact.country is None:
        return []
    services = (other for other in base.list_entries(Kind.SERVICE) if other.service.country == fact.country)
    return [other for other in services if other.id != entry.id]


def _told_in(item: Item, shown: Sequence[Entry]) -> bool:
    return item.group is not None and item.group.members[0] == shown[0].id


def _notes(entry: Entry) -> list[str]:
    if entry.kind is Kind.ANSWER:
        return []
    notes = (note.replace(" (seed)", "") for note in entry.fact.facts)
    return [note for note in notes if not _FOR_US.search(note)]


def _find(page: Page, wanted: Wanted) -> Found:
    wording = page.hub.wording
    entries = list_filtered(wording.base, wanted.read())
    if wanted.q:
        entries = search(wording.base, wanted.q, page.language, entries=entries)
    if wanted.part is not Kind.SERVICE:
        return Found([Section(list(_gather(wording.base, entries)))])
    if not wanted.place:
        if not wanted.q:
            entries = sorted(entries, key=lambda entry: _country_order(page, entry.service))
        return Found([Section([Item(entry) for entry in entries])])
    if wanted.place == EUROPE:
        wide = [entry for entry in entries if entry.service.country in {None, "EU"}]
        return Found([Section([Item(entry) for entry in wide], page.t("catalogue.near_europe"))])
    place = place_from_input(wording.gazetteer, wanted.place)
    if place is None:
        return Found(unknown_place=True)
    return Found(_by_nearness(page, place, wanted, entries), place)


def _by_nearness(page: Page, place: Place, wanted: Wanted, entries: Sequence[Entry]) -> list[Section]:
    """Services for a place, nearest first; for a country or region also what its own cities have."""
    wording = page.hub.wording
    query = ServiceQuery(
        "",
        place,
        frozenset({wanted.ground} - {""}),
        frozenset({wanted.need} - {""}),
    )
    near = wording.services.list_near(query, today=page.hub.clock.now().date())
    wanted_ids = {entry.id for entry in entries}
    by_step = {step: [entry for found, entry in near if found is step and entry.id in wanted_ids] for step in Nearness}
    reaching = {entry.id for _, entry in near}
    within = [
        entry
        for entry in entries
        if place.kind is not PlaceKind.CITY and entry.id not in reaching and _stands_in(wording.base, entry, place)
    ]
    country = page.place_name(place.country)
    named = [
        (page.t("catalogue.near_city", place=page.place_name(place.id)), by_step[Nearness.CITY]),
        (page.t("catalogue.near_region", place=page.place_name(place.region or "")), by_step[Nearness.REGION]),
        (page.t("catalogue.near_country", place=country), by_step[Nearness.COUNTRY]),
        (page.t("catalogue.near_within", place=page.place_name(place.id)), within),
        (page.t("catalogue.near_europe"), by_step[Nearness.EUROPE]),
    ]
    return [Section([Item(entry) for entry in found], title) for title, found in named if found]


def _stands_in(base: KnowledgeBase, entry: Entry, place: Place) -> bool:
    if place.kind is PlaceKind.COUNTRY:
        return entry.service.country == place.country
    return any(base.cities[city].region == place.id for city in entry.service.covers if city in base.cities)


def _gather(base: KnowledgeBase, entries: Iterable[Entry]) -> Iterable[Item]:
    """Entries as lines; those that are told as one answer become one line, where the first of them stood."""
    seen: set[str] = set()
    for entry in entries:
        group = base.group_of.get(entry.id)
        if group is None:
            yield Item(entry)
        elif group.id not in seen:
            seen.add(group.id)
            yield Item(base.get_entry(group.members[0]), group)


def _count_parts(base: KnowledgeBase) -> list[tuple[Kind, int]]:
    """The parts of the catalogue with their number of lines; answers of the team only where there are some."""
    counts = [(part, len(list(_gather(base, base.list_entries(part))))) for part in _CHOICES if part]
    return [(part, count) for part, count in counts if count or part is not Kind.ANSWER]


def _options(page: Page) -> dict[str, list[tuple[str, str]]]:
    """The values of every filter with their words, in the order of the alphabet."""
    base = page.hub.wording.base
    tools = [entry.tool for entry in base.list_entries(Kind.TOOL)]
    services = [entry.service for entry in base.list_entries(Kind.SERVICE)]
    facts = [entry.fact for entry in base.list_entries(Kind.MEMBERSHIP)]
    topics = [fact.topic for fact in facts if isinstance(fact, MembershipFact)]
    values: dict[str, tuple[str, set[str]]] = {
        "area": ("area", {area for tool in tools for area in tool.policy_areas}),
        "tool_kind": ("kind", {tool.kind for tool in tools}),
        "audience": ("audience", {audience for tool in tools for audience in tool.audience}),
        "topic": ("topic", set(topics)),
        "ground": ("ground", {ground for service in services for ground in service.grounds} - {"any"}),
        "need": ("need", {need for service in services for need in service.needs}),
    }
    return {
        name: sorted(((value, page.label(group, value)) for value in found), key=lambda pair: fold(pair[1]))
        for name, (group, found) in values.items()
    }


def _country_order(page: Page, service: ServiceFact) -> tuple[bool, str]:
    wide = service.country in {None, "EU"}
    return wide, "" if wide else fold(page.place_name(service.country or ""))


def _countries_with_services(page: Page) -> list[tuple[str, str]]:
    services = page.hub.wording.base.list_entries(Kind.SERVICE)
    codes = {entry.service.country for entry in services} - {None, "EU"}
    return sorted(((code, page.place_name(code)) for code in codes if code), key=lambda pair: fold(pair[1]))


def _known_places(page: Page) -> list[str]:
    """Names to complete what is typed as a place."""
    cities = {page.place_name(city) for city in page.hub.wording.base.cities}
    return sorted(cities | {name for _, name in _countries_with_services(page)}, key=fold)
