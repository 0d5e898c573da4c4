"""From the answers to what is sealed: the report as its desk reads it."""

from __future__ import annotations

from datetime import datetime

from core.languages import detect_language
from knowledge.places import PlaceKind
from reports.contents import ContactWish, Copy, Report, When, Who
from reports.intake.drafts import Sheet
from reports.intake.routing import Routing
from reports.intake.steps import Answer
from reports.intake.taking import read_day


def build_report(said: dict[str, Answer], sheet: Sheet, routing: Routing, *, now: datetime, key: str) -> Report:
    """The report from the answers that still count (``said``). ``key``: the chat, kept only for notices."""

    def one(step: str) -> str | None:
        return said.get(step, Answer()).value

    def words(step: str) -> str | None:
        return said.get(step, Answer()).text

    def several(step: str) -> list[str]:
        return said.get(step, Answer()).values

    place = routing.place(sheet)
    story = words("story")
    language = detect_language(story) if story else None
    copies = Copy(one("copies") or Copy.CLEANED)
    return Report(
        language=sheet.language,
        origin=sheet.origin,
        arrived_at=now,
        is_safe=one("safe"),
        is_minor={"yes": True, "no": False}.get(one("minor") or ""),
        country=place.country if place else None,
        city=place.id if place and place.kind is PlaceKind.CITY else None,
        place_words=words("where"),
        about_city=one("about_city"),
        story=story,
        story_language=language.code if language and language.is_sure else None,
        when=When(choice=one("when"), day=read_day(words("when") or "", sheet.language), words=words("when")),
        area=one("area"),
        grounds=several("grounds"),
        grounds_words=words("grounds"),
        who=Who(kinds=several("who"), name=words("who")),
        witnesses=one("witnesses"),
        witnesses_words=words("witnesses"),
        wishes=several("wishes"),
        wishes_words=words("wishes"),
        for_whom=one("for_whom"),
        organisation=words("organisation"),
        same_event=words("same_event"),
        files=[note.model_copy(update={"copies": copies}) for note in sheet.files],
        contact=_contact(one("contact"), words("contact_value")),
        notice_chat=key if one("notice") == "yes" else None,
        kept_out=several("keep_out"),
    )


def _contact(kind: str | None, value: str | None) -> ContactWish:
    """Not to be contacted is said only where it was chosen; a way without an address says nothing."""
    return ContactWish(kind=kind, value=value if kind != "none" else None) if kind == "none" or value else ContactWish()
