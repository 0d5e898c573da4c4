"""How an entry is said: facts and texts of the knowledge base become replies in the reader's language.

Every line comes from the catalogue of sentences or from the knowledge base; this module only lays them out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache

from babel import Locale

from channels.base import Button, Contact, ContactKind, Link, Reply
from conversation.wishes.reading import WishReader
from core.languages import LANGUAGES, RELEASED
from core.normalise import words
from core.settings import Settings
from core.texts import Texts, labelled, listed
from knowledge.base import Entry, Group, KnowledgeBase
from knowledge.dates import format_as_of, is_stale
from knowledge.keywords import Keywords
from knowledge.page_links import page_for_reader
from knowledge.places import Gazetteer, Place
from knowledge.schema import (
    AnswerFact,
    AnswerText,
    EmergencyFact,
    HelpLine,
    Kind,
    LinkKind,
    MembershipText,
    ServiceFact,
    ServiceText,
    ToolState,
    ToolText,
)
from knowledge.service_search import ServiceSearch

NEIGHBOURS = 2
MOST_COUNTRY_BUTTONS = 12
_ONE_NUMBER = r"\(?\+?\(?\d(?:(?:[\d().-]|/(?! )| (?![/,]))*\d)?"
"""One telephone number of a line such as '999 (emergency), 101' or '+351 218 106 191 / 808 257 257'."""
HANDOFF = "flow/handoff"
REPORT = "flow/report"
PREFERENCES = "flow/preferences"
FORGET = "flow/forget"
"""A conversation that is to be forgotten, as a payload, and one that was, as an answer."""
HELP_LINES = ("victim_helpline", "domestic_violence", "crisis_line", "child_helpline")


@dataclass(frozen=True)
class Wording:
    """Everything needed to say something: the words, what is known, where places are."""

    texts: Texts
    base: KnowledgeBase
    gazetteer: Gazetteer
    services: ServiceSearch
    keywords: Keywords
    wishes: WishReader
    settings: Settings

    def say(self, key: str, language: str, /, **values: object) -> Reply:
        """A reply of one sentence from the catalogue."""
        return Reply(text=self.texts.get(key, language, **values), language=language)

    def dated(self, key: str, as_of: str | None, language: str) -> str:
        """A sentence about a date; ``<key>_undated`` says the same where the date is not known."""
        when = format_as_of(as_of, language)
        return self.texts.get(f"{key}_undated", language) if when is None else self.texts.get(key, language, date=when)

    def button(self, key: str, language: str, payload: str, /, **values: object) -> Button:
        return Button(title=self.texts.get(key, language, **values), payload=payload)

    def entry_button(self, entry: Entry, language: str) -> Button:
        """A button that leads to an entry; to what several entries tell together, by the name of that answer."""
        group = self.base.group_of.get(entry.id)
        return Button(title=group.button(language) if group else entry.title(language), payload=f"/{entry.id}")

    def entry(self, entry: Entry, language: str, *, today: date) -> Reply:
        """The whole answer that an entry gives."""
        match entry.kind:
            case Kind.TOOL:
                return self._tool(entry, language)
            case Kind.MEMBERSHIP:
                group = self.base.group_of.get(entry.id)
                return self._group(group, entry, language) if group else self._membership(entry, language)
            case Kind.SERVICE:
                return self.service(entry, language, today=today)
            case Kind.ANSWER:
                return self.written(entry, language)

    def written(self, entry: Entry, language: str, *, said: AnswerText | None = None) -> Reply:
        """An answer that the team wrote, whole in one language: the one asked for, else the original.

        ``said``: the same in the language asked for, where no person wrote it.
        """
        spoken = language if said else entry.spoken(language)
        text = said or entry.text(language)
        assert isinstance(text, AnswerText)
        lines = [text.title, text.summary, "", self.texts.get("written_answers.chat.by_team", spoken)]
        lines.append(self.source_line(entry, spoken))
        return Reply(
            text=_lay_out(lines),
            answer=entry.id,
            links=[
                *(self._link(link.title, link.url, spoken) for link in text.links),
                *self.source_links(entry, spoken),
            ],
            buttons=[self.button("button.ask_team", language, f"/{HANDOFF}")],
            language=spoken,
            machine_translated=text.machine_translated,
        )

    def service(self, entry: Entry, language: str, *, today: date, asked_from: Place | None = None) -> Reply:
        """A service: who they are, how to reach them, how sure that is."""
        text, fact = entry.text(language), entry.service
        assert isinstance(text, ServiceText)
        lines = [text.title, text.summary, "", text.how]
        if text.caution:
            lines.append(text.caution)
        if asked_from is not None and asked_from.country in fact.excluded_countries:
            country = self._country(asked_from.country, language)
            lines.append(self.texts.get("chat.service_not_there", language, country=country))
        if asked_from is not None and fact.country == "EU" and asked_from.country not in fact.excluded_countries:
            known = self.base.emergency.get(asked_from.country)
            if known and known.victim_helpline and known.victim_helpline.phone == fact.phone:
                country = self._country(asked_from.country, language)
                lines.append(self.texts.get("chat.service_works_there", language, country=country))
        contacts = self._contacts(entry, language)
        lines += ["", *(contact_line(contact, language) for contact in contacts)]
        key = contact_note(fact, today)
        lines.append(self.dated(key, fact.as_of, language))
        links = [self._link(self.texts.get("link.service", language), str(fact.url), language)] if fact.url else []
        return Reply(
            text=_lay_out(lines),
            answer=entry.id,
            links=links,
            contacts=contacts,
            language=self._spoken(entry, language),
        )

    def emergency(self, country: str, language: str) -> Reply | None:
        """The emergency numbers of a country, or None when they are not in the facts."""
        fact = self.base.emergency.get(country)
        if fact is None:
            return None
        name = self._country(country, language)
        contacts = self._emergency_contacts(fact, language)
        text = self.base.emergency_texts.get(language, {}).get(country)
        lines = [self.texts.get("safety.call_now", language, country=name)]
        lines += [contact_line(contact, language) for contact in contacts]
        if text is not None:
            lines += ["", text.note] + ([text.text_access] if text.text_access else [])
        lines.append(self.dated("safety.numbers_date", fact.as_of, language))
        return Reply(text=_lay_out(lines), contacts=contacts, language=language)

    def emergency_anywhere(self, language: str) -> Reply:
        """What to say when the country is not known: call where you are, or choose the country."""
        reply = self.say("safety.call_where_you_are", language)
        reply.buttons = self.country_buttons("emergency", language)
        return reply

    def emergency_unknown(self, place: Place, language: str) -> Reply:
        """What to say in a country whose numbers are not in the facts: to call its emergency number."""
        return self.say("safety.no_numbers", language, country=self._country(place.country, language))

    def help_line(self, name: str, country: str | None, language: str) -> Reply | None:
        """One help line of a country ('child_helpline', ...), or None when no number is evidenced."""
        fact = self.base.emergency.get(country or "")
        line: HelpLine | None = getattr(fact, name, None) if fact else None
        if line is None or line.phone is None:
            return None
        label = self.texts.label("helpline", name, language)
        contacts = [_phone(f"{label} ({line.name})", number) for number in _numbers(line.phone)]
        dated = self.dated("chat.contact_unconfirmed", line.as_of, language)
        lines = [*(contact_line(contact, language) for contact in contacts), dated]
        return Reply(text=_lay_out(lines), contacts=contacts, language=language)

    def country_buttons(self, payload: str, language: str) -> list[Button]:
        """Countries with the most cities of the network first; any other can be written.

        In a language that the hub does not speak, one button that leads to them.
        """
        if language not in RELEASED:
            return [self.button("language.countries", language, "/services")]
        counts: dict[str, int] = {}
        for city in self.base.cities.values():
            if city.country in self.base.emergency:
                counts[city.country] = counts.get(city.country, 0) + 1
        most = sorted(counts, key=lambda code: -counts[code])[:MOST_COUNTRY_BUTTONS]
        named = sorted((self._country(code, language), code) for code in most)
        return [Button(title=name, payload=f"/{payload}/{code}") for name, code in named]

    def suggestions(self, entries: Iterable[Entry], key: str, language: str) -> Reply:
        """A short list to choose from."""
        reply = self.say(key, language)
        reply.buttons = [self.entry_button(entry, language) for entry in entries]
        return reply

    def team_address(self) -> str:
        """Where the ICC team reads mail: the setting, else the address that the facts give."""
        if self.settings.team_address:
            return self.settings.team_address
        facts = " ".join(self.base.get_entry("membership/contact-team").fact.facts)
        found = re.search(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", facts)
        return found.group(0) if found else ""

    def editions(self, entry: Entry, language: str) -> str:
        """In which languages a tool exists, as a sentence."""
        codes = entry.tool.languages_available
        if not codes:
            return self.texts.get("chat.editions_unknown", language)
        return self.texts.get("chat.editions", language, languages=self.edition_names(entry, language))

    def edition_names(self, entry: Entry, language: str) -> str:
        """The languages of a tool, as a list in words."""
        names = [self.language_name(code, language) for code in entry.tool.languages_available]
        return listed(names, language)

    def language_name(self, code: str, language: str) -> str:
        return str(Locale.parse(code.replace("-", "_")).get_display_name(language) or code)

    def language_buttons(self) -> list[Button]:
        """The released languages in their own names."""
        return [Button(title=LANGUAGES[code].own_name, payload=f"/language/{code}") for code in RELEASED]

    def source_line(self, entry: Entry, language: str) -> str:
        """Where an entry comes from and of when it is, as a sentence."""
        if isinstance(entry.fact, AnswerFact):
            when = format_as_of(entry.fact.as_of, language) or ""
            return self.texts.get("written_answers.chat.source", language, source=entry.fact.source, date=when)
        key = "chat.source_seed" if entry.fact.source_url == "seed" else "chat.source_page"
        return self.dated(key, entry.fact.as_of, language)

    def source_links(self, entry: Entry, language: str) -> list[Link]:
        """The page that an entry's facts were read on."""
        url = entry.fact.source_url
        return [] if url in {"", "seed"} else [self._link(self.texts.get("link.source", language), url, language)]

    def numbered_links(self, urls: list[str], language: str) -> list[Link]:
        """Several pages that say one thing; a single one needs no number."""
        if len(urls) == 1:
            return [self._link(self.texts.get("link.source", language), urls[0], language)]
        numbered = enumerate(urls, start=1)
        return [
            self._link(self.texts.get("link.source_numbered", language, number=number), url, language)
            for number, url in numbered
        ]

    def _tool(self, entry: Entry, language: str) -> Reply:
        text, fact = entry.text(language), entry.tool
        assert isinstance(text, ToolText)
        lines = [text.title, text.summary, ""]
        for part in ("audience", "effort", "first_step", "state"):
            lines.append(self.texts.get(f"chat.tool_{part}", language, text=getattr(text, part)))
        lines.append(self.editions(entry, language))
        links, buttons = [], []
        if fact.url is None:
            lines.append(self.texts.get("chat.no_address", language))
        else:
            note = None if fact.url_kind is LinkKind.PAGE else self.texts.get(f"link.note.{fact.url_kind}", language)
            links.append(self._link(self.texts.get(f"link.{fact.url_kind}", language), str(fact.url), language, note))
            if note:
                lines.append(note)
        for other in [*([fact.newer] if fact.newer else []), *fact.related]:
            buttons.append(self.entry_button(self.base.get_entry(f"tool/{other}"), language))
        if fact.url is None or fact.state is ToolState.ANNOUNCED:
            buttons = [*buttons[:NEIGHBOURS], self.button("button.ask_team", language, f"/{HANDOFF}")]
        return Reply(
            text=_lay_out(lines),
            answer=entry.id,
            links=links,
            buttons=buttons[: NEIGHBOURS + 1],
            language=self._spoken(entry, language),
        )

    def _membership(self, entry: Entry, language: str) -> Reply:
        text = entry.text(language)
        assert isinstance(text, MembershipText)
        lines = [text.title, text.summary, "", self.texts.get("chat.next_step", language, text=text.next_step)]
        lines.append(self.source_line(entry, language))
        buttons = [self.button("button.ask_team", language, f"/{HANDOFF}")]
        return Reply(
            text=_lay_out(lines),
            answer=entry.id,
            links=self.source_links(entry, language),
            buttons=buttons,
            language=self._spoken(entry, language),
        )

    def _group(self, group: Group, asked: Entry, language: str) -> Reply:
        """What the sources say together, and each of them in one line; all that they say stands on the entry's page."""
        frame = group.text(language)
        lines, links = [frame.title, frame.intro, ""], []
        for number, member in enumerate((self.base.get_entry(member) for member in group.members), start=1):
            values = {"number": number, "title": member.title(language)}
            when = format_as_of(member.fact.as_of, language)
            lines.append(
                self.texts.get("chat.group_line", language, **values, date=when)
                if when
                else self.texts.get("chat.group_line_undated", language, **values)
            )
            title = self.texts.get("link.source_numbered", language, number=number)
            links += [self._link(title, link.url, language) for link in self.source_links(member, language)]
        lines += ["", self.texts.get("chat.next_step", language, text=frame.next_step)]
        page = f"{self.settings.public_url or ''}/entry/{asked.id}"
        links.append(self._link(self.texts.get("link.details", language), page, language))
        return Reply(
            text=_lay_out(lines),
            answer=asked.id,
            covers=[member for member in group.members if member != asked.id],
            links=links,
            buttons=[self.button("button.ask_team", language, f"/{HANDOFF}")],
            language=language if language in group.texts else "en",
        )

    def _contacts(self, entry: Entry, language: str) -> list[Contact]:
        fact = entry.service
        contacts = [
            _phone(self.texts.get("label.contact.phone", language), number)
            for number in re.findall(_ONE_NUMBER, fact.phone or "")
        ]
        if fact.email:
            label = self.texts.get("label.contact.email", language)
            contacts.append(Contact(kind=ContactKind.EMAIL, label=label, value=fact.email, href=f"mailto:{fact.email}"))
        return contacts

    def _emergency_contacts(self, fact: EmergencyFact, language: str) -> list[Contact]:
        general = _numbers(fact.general)
        services: dict[str, list[str]] = {}
        for service in ("police", "ambulance", "fire"):
            for number in _numbers(getattr(fact, service)):
                if number not in general:
                    services.setdefault(number, []).append(self.texts.label("emergency", service, language))
        contacts = [_phone(self.texts.label("emergency", "general", language), number) for number in general]
        contacts += [_phone(listed(labels, language), number) for number, labels in services.items()]
        for name in HELP_LINES:
            line: HelpLine | None = getattr(fact, name)
            if line is not None:
                label = f"{self.texts.label('helpline', name, language)} ({line.name})"
                contacts += [_phone(label, number) for number in _numbers(line.phone)]
        return contacts

    def _country(self, code: str, language: str) -> str:
        return str(Locale.parse(language).territories.get(code, code))

    def _link(self, title: str, url: str, language: str, note: str | None = None) -> Link:
        return Link(title=title, url=page_for_reader(url, language), note=note)

    def _spoken(self, entry: Entry, language: str) -> str:
        """The language that the entry's text really is in."""
        return entry.spoken(language)


def contact_note(fact: ServiceFact, today: date) -> str:
    """The key of the sentence that says how sure a service's contacts are; it has the facts' date."""
    if fact.is_hidden:
        return "chat.contact_hidden"
    if is_stale(fact.as_of, today):
        return "chat.contact_stale"
    return "chat.contact_confirmed" if fact.confirmed_on else "chat.contact_unconfirmed"


def contact_line(contact: Contact, language: str) -> str:
    """The contact as a line. Between right-to-left words a number with spaces is isolated (Unicode UAX 9), since its
    groups would change places."""
    value = f"\u2066{contact.value}\u2069" if LANGUAGES[language].right_to_left else contact.value
    return labelled(contact.label, value, language)


def _numbers(stated: str | None) -> list[str]:
    """The facts say "112 or 999"; each is a number to call of its own, since both in one link would call neither."""
    return stated.split(" or ") if stated else []


def _phone(label: str, number: str) -> Contact:
    return Contact(kind=ContactKind.PHONE, label=label, value=number, href="tel:" + re.sub(r"[^\d+*]", "", number))


def _lay_out(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def find_language_name(text: str, *, but: str | None = None) -> str | None:
    """The language of ours that a message names, in whatever language it names it ('en français', 'بالفرنسية').

    ``but``: the one that is spoken already; it counts only where no other is named ("English is hard, Arabic please").
    """
    tokens = [*words(text), *(token for word in words(text) if (token := _without_arabic_prefix(word)) != word)]
    found = [
        code
        for token in tokens
        for code, names in _language_names().items()
        if token in names or (len(token) >= 5 and any(name.startswith(token[:-1]) for name in names))
    ]
    return next((code for code in found if code != but), found[0] if found else None)


def find_edition_name(text: str, language: str) -> str | None:
    """As ``find_language_name``, and languages that the hub does not speak by their names in the reader's language."""
    found = find_language_name(text)
    if found is not None:
        return found
    tokens = {form for word in words(text) for form in (word, _without_arabic_prefix(word))}
    for code, name in Locale.parse(language).languages.items():
        named = words(name)
        if len(code) != 2 or len(named) != 1:
            continue
        bare = _without_arabic_prefix(named[0])
        if {named[0], bare, _without_arabic_ending(bare)} & tokens:
            return str(code)
    return None


@cache
def _language_names() -> dict[str, frozenset[str]]:
    """Each language's name in every language of the list, folded."""
    found: dict[str, frozenset[str]] = {}
    for code, language in LANGUAGES.items():
        spelled = {str(Locale.parse(code).get_display_name(reader)) for reader in LANGUAGES} | {language.own_name}
        folded = {words(name.split("(")[0])[0] for name in spelled if words(name)}
        folded |= {_without_arabic_prefix(name) for name in folded}
        found[code] = frozenset(folded | {_without_arabic_ending(name) for name in folded})
    return found


def _without_arabic_prefix(word: str) -> str:
    return re.sub(r"^(?:و|ف)?(?:ب|ل)?(?:ال)", "", word) if "\u0600" <= word[:1] <= "\u06ff" else word


def _without_arabic_ending(word: str) -> str:
    """A language as people say it: "بالعربي" for "بالعربية"."""
    return word.removesuffix("ه") if word.endswith("يه") else word
