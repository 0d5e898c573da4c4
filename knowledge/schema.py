"""The shape of every fact and text of the knowledge base. What does not fit is refused when it is loaded.

Facts stand once (knowledge/facts/); texts stand by language (knowledge/texts/<language>/). ``None`` and empty lists
mean "not evidenced", never "does not exist".
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, StringConstraints, field_validator

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z]{2,4})?$")]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

_CONTACT_IN_TEXT = re.compile(r"https?://|www\.|\S+@\S+\.\S+")


class Kind(StrEnum):
    """The kinds of entries. Answers are written by the team in the back office, all others stand in files."""

    TOOL = "tool"
    MEMBERSHIP = "membership"
    SERVICE = "service"
    ANSWER = "answer"


class LinkKind(StrEnum):
    """What an address leads to; all but ``page`` are said to the reader."""

    PAGE = "page"
    LISTING = "listing"
    NEWS = "news"
    ARCHIVED_PAGE = "archived-page"
    ARCHIVED_LISTING = "archived-listing"
    THIRD_PARTY_PAGE = "third-party-page"
    THIRD_PARTY_COPY = "third-party-copy"
    NONE = "none"


class ToolState(StrEnum):
    """How current a tool is. ``announced``: recommended or proposed, but no sign that it exists was found."""

    CURRENT = "current"
    OLDER = "older"
    ARCHIVED = "archived"
    ANNOUNCED = "announced"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Sourced(_Strict):
    id: Identifier
    facts: list[Line] = Field(min_length=1)
    source_url: str
    source_detail: str | None = None
    as_of: str | None

    @field_validator("source_url")
    @classmethod
    def _is_an_address_or_the_seed(cls, value: str) -> str:
        if value != "seed":
            HttpUrl(value)
        return value


class ToolFact(_Sourced):
    """A tool, publication or service of the programme."""

    title_en: Line
    kind: Identifier
    policy_areas: list[Identifier]
    audience: list[Identifier]
    url: HttpUrl | None
    url_kind: LinkKind
    languages_available: list[LanguageCode]
    state: ToolState
    newer: Identifier | None = None
    related: list[Identifier] = Field(default_factory=list, max_length=4)

    @field_validator("url_kind")
    @classmethod
    def _kind_is_known(cls, value: LinkKind) -> LinkKind:
        return value


class MembershipFact(_Sourced):
    """One fact on membership: joining, money, duties, benefits, numbers, networks."""

    topic: Identifier


class AnswerFact(MembershipFact):
    """What an answer of the team rests on. It is listed by its topic, as facts on membership are."""

    source: Line
    """Where the team has it from, in words."""

    @field_validator("source_url")
    @classmethod
    def _is_an_address_or_the_seed(cls, value: str) -> str:
        if value:
            HttpUrl(value)
        return value


class ServiceFact(_Sourced):
    """An anti-discrimination service or reporting route for residents."""

    name_local: Line
    name_en: Line
    country: CountryCode | None
    city: str | None
    scope: Line
    url: HttpUrl | None
    phone: str | None
    email: str | None
    languages: list[LanguageCode]
    anonymous: bool | Literal["partly"] | None
    grounds: list[Identifier]
    needs: list[Identifier]
    public_bodies_only: bool = False
    """Whether it takes cases against the administration alone, never against an employer, a landlord or a shop."""
    run_by_city: bool = False
    """Whether it is the city's own; who was wronged by the city is shown others before it."""
    covers: list[Identifier] = Field(default_factory=list)
    excluded_countries: list[CountryCode] = Field(default_factory=list)
    """Countries where a Europe-wide number was found not to work."""
    superseded_by: Identifier | None = None
    confirmed_on: str | None = None
    """The day on which the service itself said to the team that its contacts are right; never in the files."""
    is_hidden: bool = False
    """The team does not show it now; never in the files."""


class CityFact(_Strict):
    """A city of the network, or one that a service stands in."""

    id: Identifier
    name: Line
    country: CountryCode
    languages: list[LanguageCode]
    national_network: str | None
    status: Identifier
    note: str | None
    source_url: str
    as_of: str | None
    region: Identifier | None = None


class HelpLine(_Strict):
    """A line besides the emergency number; ``phone`` None: the service is evidenced, the number is not."""

    name: Line
    phone: str | None
    hours: str | None = None
    free: bool | None = None
    anonymous: bool | None = None
    languages: list[LanguageCode] = Field(default_factory=list)
    other_channels: str | None = None
    note: str | None = None
    source_url: str
    source_detail: str | None = None
    as_of: str | None


class TextAccess(_Strict):
    """A way to reach the emergency services without speaking."""

    text: Line
    source_url: str
    source_detail: str | None = None
    as_of: str | None


class EmergencyFact(_Sourced):
    """Emergency numbers and help lines of one country."""

    country: CountryCode
    general: str | None
    police: str | None
    ambulance: str | None
    fire: str | None
    works_112: bool | Literal["partly"] | None
    works_112_note: str | None
    text_access: TextAccess | None
    victim_helpline: HelpLine | None
    child_helpline: HelpLine | None
    domestic_violence: HelpLine | None
    crisis_line: HelpLine | None
    languages: list[LanguageCode]
    hours: str | None
    phonenumbers_check: str
    phonenumbers_note: str | None = None


class TopicFact(_Strict):
    """Something that one can subscribe to."""

    id: Identifier
    mandatory: bool
    """Every contact that a city named gets it."""
    default: bool
    """Part of the recommended set; ticked for nobody."""
    source: str

    @field_validator("source")
    @classmethod
    def _is_an_address_or_the_seed(cls, value: str) -> str:
        if value != "seed":
            HttpUrl(value)
        return value


class _Text(_Strict):
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=160)]
    aliases: list[Line] = Field(default_factory=list)

    @field_validator("*", mode="after")
    @classmethod
    def _holds_no_contact(cls, value: object) -> object:
        if isinstance(value, str) and _CONTACT_IN_TEXT.search(value):
            raise ValueError("an address or e-mail belongs into the facts, not into a text")
        return value


class ToolText(_Text):
    """What is said of a tool in one language."""

    summary: Annotated[str, StringConstraints(strip_whitespace=True, min_length=20, max_length=420)]
    audience: Line
    effort: Line
    first_step: Line
    state: Line


class MembershipText(_Text):
    """What is said of a membership fact in one language."""

    summary: Annotated[str, StringConstraints(strip_whitespace=True, min_length=20, max_length=700)]
    next_step: Line


class GroupText(_Strict):
    """The frame around several membership facts that speak to one question."""

    title: Line
    button: Line | None = None
    """What a button says that leads there; else the title."""
    intro: Line
    next_step: Line


class ServiceText(_Text):
    """What is said of a service in one language, for a person who has just been hurt."""

    summary: Annotated[str, StringConstraints(strip_whitespace=True, min_length=20, max_length=520)]
    how: Line
    caution: Line | None = None


class AnswerLink(_Strict):
    """An official page that an answer of the team names."""

    title: Line
    url: str


class AnswerText(_Strict):
    """What an answer of the team says in one language; plain text with line breaks."""

    title: Line
    aliases: list[Line] = Field(default_factory=list)
    summary: Line
    links: list[AnswerLink] = Field(default_factory=list)
    machine_translated: bool = False
    """Nobody has checked the machine's words yet."""


class EmergencyText(_Strict):
    """What a person in danger must know in one country besides the numbers."""

    note: Line
    text_access: Line | None = None


type EntryFact = ToolFact | MembershipFact | ServiceFact
"""An AnswerFact is a MembershipFact."""
type EntryText = ToolText | MembershipText | ServiceText | AnswerText

FACTS: dict[Kind, type[ToolFact] | type[MembershipFact] | type[ServiceFact]] = {
    Kind.TOOL: ToolFact,
    Kind.MEMBERSHIP: MembershipFact,
    Kind.SERVICE: ServiceFact,
}
TEXTS: dict[Kind, type[ToolText] | type[MembershipText] | type[ServiceText]] = {
    Kind.TOOL: ToolText,
    Kind.MEMBERSHIP: MembershipText,
    Kind.SERVICE: ServiceText,
}
