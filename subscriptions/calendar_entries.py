"""Calendar entries (RFC 5545) of events: invitations, changes and cancellations by mail (RFC 5546), and feeds.

The same event keeps one UID for ever, and each version of its entry a higher SEQUENCE, so that a change takes the old
entry's place in Outlook, Gmail and Thunderbird, and a cancellation takes it away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import icalendar
from icalendar import vCalAddress, vText

from channels.base import Calendar
from channels.letter import one_line
from core.languages import LANGUAGES
from core.markdown import to_text
from core.texts import Texts
from subscriptions.events import EventForm, description_of, title_of
from subscriptions.guests import GuestAnswer
from subscriptions.links import Links
from subscriptions.models import Event
from subscriptions.zone_entries import zone_entry

PRODUCT = "-//Intercultural Cities//ICC Hub//EN"
FEED_IS_FRESH_FOR = timedelta(hours=6)
"""How often calendar programs are asked to look again."""
RIGHT_TO_LEFT_MARK = "\u200f"
STANDING = {
    None: "NEEDS-ACTION",
    GuestAnswer.YES: "ACCEPTED",
    GuestAnswer.MAYBE: "TENTATIVE",
    GuestAnswer.WAITING: "TENTATIVE",
    GuestAnswer.NO: "DECLINED",
}
"""A guest's answer as calendars name it."""


class CalendarEntries:
    """Writes entries; a ``composing.Invitations``. ``organizer`` is the mail address that invitations come from.

    With ``links``, calendars may answer: then ``organizer`` gets each guest's own token behind a plus.
    """

    def __init__(self, texts: Texts, *, organizer: str, public_url: str, links: Links | None = None) -> None:
        self._links = links
        self._texts = texts
        self._organizer = organizer or "noreply@localhost.invalid"
        self._public_url = public_url.rstrip("/")

    def write(
        self,
        event: Event,
        *,
        language: str,
        name: str,
        address: str,
        answer: str | None = None,
        subscriber_id: str = "",
    ) -> Calendar:
        """The entry for one guest: REQUEST, or CANCEL for an event that was cancelled."""
        method = "CANCEL" if event.cancelled_at is not None else "REQUEST"
        entry = self._entry(event, language, shows_link=True)
        may_answer = self._links is not None and bool(subscriber_id)
        organizer = self._answer_address(event, subscriber_id) if may_answer else self._organizer
        entry.add("organizer", self._person(self._texts.get("mail.sender", language), organizer))
        guest = self._person(name, address)
        guest.params["ROLE"] = "REQ-PARTICIPANT"
        if method == "REQUEST":
            guest.params["PARTSTAT"] = STANDING[GuestAnswer(answer) if answer else None]
            # A calendar's answer is a mail that anybody could write; it counts only by the guest's own address for it.
            guest.params["RSVP"] = "TRUE" if may_answer else "FALSE"
            if answer is None:
                how = self._texts.get(f"event.calendar.{'answer_here' if may_answer else 'answer'}", language)
                entry["DESCRIPTION"] = vText(f"{how}\n\n{entry['DESCRIPTION']}")
        entry.add("attendee", guest, encode=False)
        return Calendar(method, _whole([entry], [event], method))

    def publish(
        self,
        events: Iterable[Event],
        *,
        language: str,
        title: str,
        answers: Mapping[str, str] | None = None,
    ) -> bytes:
        """A feed. ``answers``: of its reader, by event (empty: none yet), who also sees how to take part online."""
        shown, entries = list(events), []
        for event in shown:
            said = (answers or {}).get(event.id)
            entry = self._entry(event, language, shows_link=said is not None)
            if said is not None and said != GuestAnswer.YES and event.cancelled_at is None:
                entry["STATUS"] = "TENTATIVE"
            entry.add("organizer", self._person(self._texts.get("mail.sender", language), self._organizer))
            entries.append(entry)
        return _whole(entries, shown, "PUBLISH", title=one_line(title))

    def _entry(self, event: Event, language: str, *, shows_link: bool) -> icalendar.Event:
        zone = ZoneInfo(event.time_zone)
        title, title_language = title_of(event, language)
        entry = icalendar.Event()
        entry.add("uid", event.uid)
        entry.add("sequence", event.sequence)
        entry.add("dtstamp", event.changed_at.astimezone(UTC).replace(microsecond=0))
        entry.add("last-modified", event.changed_at.astimezone(UTC).replace(microsecond=0))
        entry.add("dtstart", event.starts_at.astimezone(zone).replace(microsecond=0))
        entry.add("dtend", event.ends_at.astimezone(zone).replace(microsecond=0))
        entry.add("summary", _directed(one_line(title), title_language), parameters={"LANGUAGE": title_language})
        entry.add("status", "CANCELLED" if event.cancelled_at is not None else "CONFIRMED")
        entry.add("transp", "TRANSPARENT" if event.cancelled_at is not None else "OPAQUE")
        link = event.online_url if shows_link and event.form != EventForm.IN_PERSON else None
        if where := one_line(event.place or "") or link or self._texts.get("event.calendar.online", language):
            entry.add("location", where)
        if link:
            entry.add("conference", link, parameters={"VALUE": "URI", "FEATURE": "VIDEO"})
        page = f"{self._public_url}/events/{event.id}"
        entry.add("description", self._description(event, language, link, page))
        entry.add("url", page)
        return entry

    def _description(self, event: Event, language: str, link: str | None, page: str) -> str:
        words, its_language = description_of(event, language)
        lines = [self._texts.get("event.calendar.cancelled", language)] if event.cancelled_at is not None else []
        lines += [_directed(to_text(words).strip(), its_language)] if words else []
        lines += [self._texts.get("event.calendar.link", language, url=link)] if link else []
        lines += [self._texts.get("event.calendar.page", language, url=page)]
        return "\n\n".join(lines)

    def _answer_address(self, event: Event, subscriber_id: str) -> str:
        assert self._links is not None
        name, _, domain = self._organizer.rpartition("@")
        return f"{name}+{self._links.sign_guest(event.uid, subscriber_id)}@{domain}"

    @staticmethod
    def _person(name: str, address: str) -> vCalAddress:
        person = vCalAddress(f"mailto:{address}")
        # Quotation marks in a parameter need an escape that Outlook does not know.
        if shown := one_line(name).replace('"', "'"):
            person.params["CN"] = shown
        return person


def _whole(entries: list[icalendar.Event], events: list[Event], method: str, *, title: str = "") -> bytes:
    whole = icalendar.Calendar()
    whole.add("prodid", PRODUCT)
    whole.add("version", "2.0")
    whole.add("calscale", "GREGORIAN")
    whole.add("method", method)
    if title:
        whole.add("name", title)
        whole.add("x-wr-calname", title)
        whole.add("refresh-interval", FEED_IS_FRESH_FOR, parameters={"VALUE": "DURATION"})
        whole.add("x-published-ttl", "PT6H")
    years: dict[str, int] = {}
    for event in events:
        local = event.starts_at.astimezone(ZoneInfo(event.time_zone))
        years[event.time_zone] = min(local.year, years.get(event.time_zone, local.year))
    for zone, year in sorted(years.items()):
        if zone != "UTC":
            whole.add_component(zone_entry(zone, year))
    for entry in entries:
        whole.add_component(entry)
    return bytes(whole.to_ical())


def _directed(text: str, language: str) -> str:
    """Text that a calendar shows in the right direction even where it begins with a foreign name."""
    is_rtl = language in LANGUAGES and LANGUAGES[language].direction == "rtl"
    return RIGHT_TO_LEFT_MARK + text if is_rtl and text else text
