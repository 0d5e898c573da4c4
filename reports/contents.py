"""What is inside the seal: a report and what is said about it later. Only these shapes are ever encrypted.

Values of choices are the words of ``reports/intake/steps.yaml``; their sentences are in locales/<language>/report.yml.
"""

from __future__ import annotations

from datetime import date, datetime, time
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class _Sealed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Origin(StrEnum):
    """Where a report was told."""

    TELEGRAM = "telegram"
    WEB = "web"


class Copy(StrEnum):
    """Which form of a file the desk gets: as it was, without its hidden data (place, camera, author), or both."""

    ORIGINAL = "original"
    CLEANED = "cleaned"
    BOTH = "both"


class FileNote(_Sealed):
    """One file of a case. ``sha256`` is of the file as the person sent it."""

    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    copies: Copy = Copy.CLEANED
    cleaned_id: str | None = None
    is_voice: bool = False

    @property
    def chosen(self) -> dict[Copy, str]:
        """The stored files that the desk gets, by which copy each is."""
        ids: dict[Copy, str] = {}
        if self.copies is not Copy.CLEANED or self.cleaned_id is None:
            ids[Copy.ORIGINAL] = self.id
        if self.copies is not Copy.ORIGINAL and self.cleaned_id is not None:
            ids[Copy.CLEANED] = self.cleaned_id
        return ids


class When(_Sealed):
    """When it happened, as exactly as the person said: a choice, a day, or words."""

    choice: str | None = None
    day: date | None = None
    words: str | None = None


class Who(_Sealed):
    """Who did it: a kind; names only where the person wished to give them."""

    kinds: list[str] = Field(default_factory=list)
    name: str | None = None


class ContactWish(_Sealed):
    """How the person wants to be reached; ``kind`` is none, email, phone or other; None where nothing was said."""

    kind: str | None = None
    value: str | None = None


class Report(_Sealed):
    """One report as its desk reads it. None means that the person skipped the question."""

    version: int = 1
    language: str
    origin: Origin
    arrived_at: datetime
    is_safe: str | None = None
    is_minor: bool | None = None
    country: str | None = None
    city: str | None = None
    """A place of the gazetteer (``it-bologna``), where the person named one."""
    place_words: str | None = None
    about_city: str | None = None
    """yes, no or unsure: whether it is about the city or its staff."""
    story: str | None = None
    story_language: str | None = None
    when: When = Field(default_factory=When)
    area: str | None = None
    grounds: list[str] = Field(default_factory=list)
    grounds_words: str | None = None
    who: Who = Field(default_factory=Who)
    witnesses: str | None = None
    """nobody, some or unknown: whether somebody saw it."""
    witnesses_words: str | None = None
    wishes: list[str] = Field(default_factory=list)
    wishes_words: str | None = None
    for_whom: str | None = None
    organisation: str | None = None
    same_event: str | None = None
    """What the person calls an event that many report, or its code."""
    files: list[FileNote] = Field(default_factory=list)
    contact: ContactWish = Field(default_factory=ContactWish)
    notice_chat: str | None = None
    """The Telegram chat that asked to be told of replies; deleted when the case closes."""
    kept_out: list[str] = Field(default_factory=list)
    """Ids of officers who must never read it."""


class EntryKind(StrEnum):
    """What an entry of a case is."""

    FROM_REPORTER = "from_reporter"
    FROM_DESK = "from_desk"
    NOTE = "note"
    """The desk's own; the reporter never sees it."""
    AUTOMATIC = "automatic"
    """Tells the reporter, in written sentences, of something that an officer did. It is no answer."""


class Translation(_Sealed):
    """A message in another language than it was written in."""

    text: str
    by_machine: bool = True


class Phrase(_Sealed):
    """A sentence written by people in every language (``case.phrase.<key>``), for what must not be mistranslated."""

    key: str
    day: date | None = None
    hour: time | None = None
    place: str | None = None


class HandOverAsk(_Sealed):
    """The desk asks whether another desk may have the case."""

    desk_id: str
    desk_name: str


class EntryText(_Sealed):
    """One message or note of a case."""

    text: str
    language: str
    written_at: datetime
    author: str | None = None
    """The officer's name as the desk shows it; None for the reporter."""
    files: list[FileNote] = Field(default_factory=list)
    phrases: list[Phrase] = Field(default_factory=list)
    translations: dict[str, Translation] = Field(default_factory=dict)
    """By language."""
    hand_over: HandOverAsk | None = None
    agrees: bool | None = None
    """The reporter's answer to the last ``hand_over``."""


class DeskLabels(_Sealed):
    """The desk's own marks on a case, sealed like the rest."""

    labels: list[str] = Field(default_factory=list)
    event: str | None = None
    """The mass event that the desk counts this case to."""
    assigned_to: str | None = None
    settled: int = 0
    """The last entry of the reporter's of which the desk said that it needs no answer; those before it need none."""
