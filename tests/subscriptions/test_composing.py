"""What a message looks like: for each kind, in each language, and whatever stands in names and texts."""

from __future__ import annotations

import email.policy
import re
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import ReadyChat, ReadyMail
from channels.email.layout import Layout
from channels.email.message import MailSender, write_mail
from core.clock import FixedClock
from core.settings import PROJECT_ROOT
from core.texts import Texts
from subscriptions.calendar_entries import CalendarEntries
from subscriptions.composing import HubComposer
from subscriptions.links import ALL, LinkPurpose, Links
from subscriptions.material import MOST_FILES_KEPT
from subscriptions.models import (
    Address,
    Attachment,
    Broadcast,
    BroadcastKind,
    BroadcastText,
    ChannelName,
    CityFile,
    Delivery,
    DeliveryStatus,
    DueDate,
    Event,
    Subscriber,
    TextState,
)
from subscriptions.rechecking import recheck
from subscriptions.rules import Outcome
from subscriptions.subscribers import new_id
from subscriptions.topics import Topics
from tests.factories import NOW, make_broadcast, make_event, make_guest, make_subscriber
from tests.subscriptions.itip import people, read_entry

HUB = "https://hub.example.org"
SENDER = MailSender("Intercultural Cities", "news@hub.example.org")
CHOSEN = {"rule": "topic", "topic": "webinars", "frequency": "at_once", "said": "subscription"}
DUTY = {"rule": "mandatory", "topic": "membership-notices", "said": "membership"}
STRUCTURE_OF_TAGS = {"br", "meta", "hr"}


class Html(HTMLParser):
    """Reads a mail's HTML, and that every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in STRUCTURE_OF_TAGS:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "title"} & set(self._open):
            self.text += data

    def links(self) -> dict[str, str]:
        return {attrs["href"] or "": tag for tag, attrs in self.tags if tag == "a"}


@pytest.fixture(scope="session")
def catalogue() -> Texts:
    return Texts.load(PROJECT_ROOT / "locales")


@pytest.fixture
def composer(catalogue: Texts, links: Links, clock: FixedClock) -> HubComposer:
    return HubComposer(
        texts=catalogue,
        links=links,
        clock=clock,
        layout=Layout(),
        public_url=HUB,
        team_address="icc@coe.example",
        place_name=lambda place, _: place.title(),
        invitations=CalendarEntries(catalogue, organizer="icc@coe.example", public_url=HUB),
    )


async def write(
    session: AsyncSession,
    broadcast: Broadcast,
    language: str = "en",
    state: TextState = TextState.ORIGINAL,
    **values: Any,
) -> None:
    subject = values.pop("subject", f"Subject {language}")
    body = values.pop("body", f"Body **{language}** with [a link](https://a.example/{language}).")
    session.add(
        BroadcastText(
            broadcast_id=broadcast.id,
            language=language,
            state=state,
            subject=subject,
            body=body,
            changed_at=NOW,
            **values,
        )
    )
    await session.commit()


async def deliver(session: AsyncSession, person: Subscriber, message: str = "", **values: Any) -> Delivery:
    channel = values.pop("channel", ChannelName.EMAIL)
    query = select(Address).where(Address.subscriber_id == person.id, Address.channel == channel)
    address = (await session.exec(query)).one()
    broadcast_id = values.get("broadcast_id")
    row = Delivery(
        id=new_id(),
        message=message or f"broadcast/{broadcast_id}",
        address_id=address.id,
        subscriber_id=person.id,
        channel=channel,
        language=values.pop("language", person.language),
        because=values.pop("because", CHOSEN),
        due_at=NOW,
        created_at=NOW,
        **values,
    )
    session.add(row)
    await session.commit()
    return row


async def mail_for(composer: HubComposer, session: AsyncSession, row: Delivery) -> ReadyMail:
    message = (await composer.compose(session, [row]))[row.id]
    assert isinstance(message, ReadyMail)
    assert message.html is not None
    Html(message.html)
    for part in (message.html, message.text, message.subject):
        assert "slot" not in part, "every slot is filled"
        assert "{" not in re.sub(r"<style>.*?</style>", "", part, flags=re.S), "every placeholder is filled"
    return message


def as_sent(mail: ReadyMail) -> EmailMessage:
    message = BytesParser(policy=email.policy.default).parsebytes(write_mail(mail, sender=SENDER, written_at=NOW))
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def token_in(text: str, page: str) -> str:
    found = re.search(rf"{HUB}{page}/([\w.-]+)", text)
    assert found, page
    return found[1]


async def test_news_say_why_they_came_and_how_to_stop_them_with_one_click(
    composer: HubComposer, session: AsyncSession, links: Links
) -> None:
    person = await make_subscriber(session, name="Zoë")
    broadcast = await make_broadcast(session, "webinars")
    await write(session, broadcast)
    row = await deliver(session, person, broadcast_id=broadcast.id)
    mail = await mail_for(composer, session, row)
    assert mail.subject == "Subject en"
    html = Html(mail.html or "")
    for text in (mail.text, html.text):
        assert "Hello \u2068Zoë\u2069," in text
        assert "You get this because you chose “Webinars”." in text
        assert "icc@coe.example" in text
    assert "Body en with a link [1]." in mail.text
    assert "[1] https://a.example/en" in mail.text
    assert mail.unsubscribe_url
    content = links.read(LinkPurpose.UNSUBSCRIBE, token_in(mail.unsubscribe_url, "/m/unsubscribe"))
    assert (content.subscriber_id, content.topic, content.channel) == (person.id, "webinars", ChannelName.EMAIL)
    assert mail.unsubscribe_url in html.links()
    assert mail.unsubscribe_url in mail.text
    links.read(LinkPurpose.PREFERENCES, token_in(mail.text, "/preferences/open"))
    opinion = links.read(LinkPurpose.OPINION, token_in(mail.text, "/m/opinion"))
    assert (opinion.subscriber_id, opinion.topic) == ("", "webinars"), "an opinion has no name"
    links.read(LinkPurpose.ASK, token_in(mail.text, "/m/ask"))


async def test_a_digest_can_be_judged_topic_by_topic_and_answered_by_a_question(
    composer: HubComposer, session: AsyncSession, links: Links
) -> None:
    person = await make_subscriber(session)
    made = [await make_broadcast(session, topic) for topic in ("webinars", "youth", "webinars")]
    for broadcast in made:
        await write(session, broadcast)
    items = [{"broadcast": one.id, "topic": one.topics_any[0]} for one in made]
    row = await deliver(session, person, message="digest/1", because={"rule": "topic"}, parts={"items": items})
    mail = await mail_for(composer, session, row)
    for text in (mail.text, mail.html or ""):
        found = re.findall(rf"{HUB}/m/opinion/([\w.-]+)\?say=(\w+)", text)
        said = [(links.read(LinkPurpose.OPINION, token), say) for token, say in found]
        assert [(content.topic, say) for content, say in said] == [
            (topic, say) for topic in ("webinars", "youth") for say in ("useful", "not_for_us")
        ]
        assert {content.subscriber_id for content, _ in said} == {""}
        assert links.read(LinkPurpose.ASK, token_in(text, "/m/ask")).subscriber_id == person.id
    assert "Webinars: not for us" in mail.text
    row.parts = {"items": items[:1]}
    assert "Not for us:" in (await mail_for(composer, session, row)).text


@pytest.mark.parametrize("kind", ["missed", "mandatory", "event_change"])
async def test_where_no_topic_can_be_counted_a_question_can_be_asked_all_the_same(
    composer: HubComposer, session: AsyncSession, links: Links, kind: str
) -> None:
    person = await make_subscriber(session)
    broadcast = await (make_broadcast(session, "webinars") if kind == "missed" else _notice(session, kind))
    await write(session, broadcast)
    if kind == "missed":
        row = await deliver(session, person, message="missed/1", because={}, parts={"missed": [broadcast.id]})
    else:
        row = await deliver(session, person, broadcast_id=broadcast.id, because={"rule": "mandatory"})
    mail = await mail_for(composer, session, row)
    links.read(LinkPurpose.ASK, token_in(mail.text, "/m/ask"))
    assert "/m/opinion" not in mail.text + (mail.html or "")


async def _notice(session: AsyncSession, kind: str) -> Broadcast:
    return await make_broadcast(session, kind=BroadcastKind(kind))


async def test_links_of_the_text_are_not_rewritten_and_nothing_is_loaded_from_elsewhere(
    composer: HubComposer, session: AsyncSession
) -> None:
    person = await make_subscriber(session)
    broadcast = await make_broadcast(session, "webinars")
    await write(session, broadcast, body="[a](https://a.example/x?y=1) ![p](https://t.example/p.gif)")
    mail = await mail_for(composer, session, await deliver(session, person, broadcast_id=broadcast.id))
    html = Html(mail.html or "")
    assert "https://a.example/x?y=1" in html.links()
    assert not [tag for tag, _ in html.tags if tag in {"img", "link", "script", "iframe", "form"}]
    assert "t.example" not in (mail.html or "") + mail.text
    assert "url(" not in (mail.html or "")


async def test_the_mail_has_the_headers_of_a_list(composer: HubComposer, session: AsyncSession) -> None:
    person = await make_subscriber(session)
    broadcast = await make_broadcast(session, "webinars")
    await write(session, broadcast)
    row = await deliver(session, person, broadcast_id=broadcast.id)
    sent = as_sent(await mail_for(composer, session, row))
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert str(sent["List-Unsubscribe"]).startswith(f"<{HUB}/m/unsubscribe/")
    assert sent["List-Id"] == '"Webinars" <webinars.hub.example.org>'
    assert sent["Message-ID"] == f"<{row.id}@hub.example.org>"
    assert sent["Reply-To"] == "icc@coe.example"
    assert sent["Content-Language"] == "en"
    assert [part.get_content_type() for part in sent.iter_parts()] == ["text/plain", "text/html"]


async def test_a_duty_names_a_successor_in_place_of_unsubscribing(
    composer: HubComposer, session: AsyncSession, links: Links
) -> None:
    person = await make_subscriber(session, city="bergen", is_mandatory_contact=True)
    broadcast = await make_broadcast(session, "membership-notices", kind=BroadcastKind.MANDATORY)
    await write(session, broadcast)
    row = await deliver(session, person, broadcast_id=broadcast.id, because=DUTY)
    mail = await mail_for(composer, session, row)
    assert mail.unsubscribe_url is None
    assert "/m/unsubscribe" not in (mail.html or "") + mail.text
    assert "I am no longer the contact: name a successor" in mail.text
    assert "your city named you as its contact" in mail.text
    assert links.read(LinkPurpose.SUCCESSOR, token_in(mail.text, "/m/successor")).subscriber_id == person.id
    assert as_sent(mail)["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    ("because", "said"),
    [
        (CHOSEN, "you chose “Webinars”"),
        (CHOSEN | {"said": "city"}, "your city chose “Webinars”"),
        (CHOSEN | {"said": "choice"}, "everything at once"),
        (CHOSEN | {"hurried": True, "frequency": "weekly"}, "may not wait"),
        (CHOSEN | {"hurried": True, "said": "city"}, "Your city chose “Webinars” for its staff, in a collected mail"),
        (DUTY, "“Membership notices”"),
        ({"rule": "mandatory"}, "Every member city must know this."),
        ({"rule": "guest"}, "you answered our invitation"),
        ({"rule": "answer"}, "you asked us a question"),
    ],
)
async def test_the_reason_is_said_in_words(
    composer: HubComposer, session: AsyncSession, because: dict[str, Any], said: str
) -> None:
    person = await make_subscriber(session)
    broadcast = await make_broadcast(session, "webinars")
    await write(session, broadcast)
    mail = await mail_for(composer, session, await deliver(session, person, broadcast_id=broadcast.id, because=because))
    assert said in mail.text


async def test_each_reader_gets_their_own_language_and_name(composer: HubComposer, session: AsyncSession) -> None:
    broadcast = await make_broadcast(session, "webinars")
    await write(session, broadcast)
    await write(session, broadcast, "ar", TextState.APPROVED)
    rows = []
    for number, language in enumerate(("en", "ar", "en")):
        person = await make_subscriber(session, name=f"Person {number}", language=language)
        rows.append(await deliver(session, person, broadcast_id=broadcast.id))
    mails = await composer.compose(session, rows)
    for number, row in enumerate(rows):
        mail = mails[row.id]
        assert isinstance(mail, ReadyMail)
        assert f"Person {number}" in mail.text
        assert mail.language == row.language
        assert f"Body {row.language}" in mail.text
    arabic = mails[rows[1].id]
    assert isinstance(arabic, ReadyMail)
    assert 'dir="rtl"' in (arabic.html or "")


async def test_without_a_translation_the_original_goes_with_the_marked_draft_below(
    composer: HubComposer, session: AsyncSession, catalogue: Texts
) -> None:
    person = await make_subscriber(session, language="it")
    broadcast = await make_broadcast(session, "webinars")
    await write(session, broadcast)
    await write(session, broadcast, "it", TextState.MACHINE_DRAFT)
    mail = await mail_for(composer, session, await deliver(session, person, broadcast_id=broadcast.id))
    assert (mail.subject, mail.language) == ("Subject en", "en")
    notes = [catalogue.get(f"mail.text.{name}", "it") for name in ("original", "draft")]
    places = [mail.text.index(words) for words in (notes[0], "Body en", notes[1], "Body it")]
    assert places == sorted(places)
    marked = [attrs for _, attrs in Html(mail.html or "").tags if attrs.get("class") == "machine"]
    assert [attrs["lang"] for attrs in marked] == ["it"]


async def test_a_duty_is_never_told_in_a_machines_words(composer: HubComposer, session: AsyncSession) -> None:
    person = await make_subscriber(session, language="it", is_mandatory_contact=True)
    broadcast = await make_broadcast(session, "membership-notices", kind=BroadcastKind.MANDATORY)
    await write(session, broadcast)
    await write(session, broadcast, "it", TextState.MACHINE_DRAFT)
    row = await deliver(session, person, broadcast_id=broadcast.id, because=DUTY)
    mail = await mail_for(composer, session, row)
    assert "Body en" in mail.text
    assert "Body it" not in mail.text


async def test_a_draft_that_the_checks_refused_is_not_shown(composer: HubComposer, session: AsyncSession) -> None:
    person = await make_subscriber(session, language="it")
    broadcast = await make_broadcast(session, "webinars")
    await write(session, broadcast)
    await write(session, broadcast, "it", TextState.MACHINE_DRAFT, problems=[{"kind": "repetition"}])
    mail = await mail_for(composer, session, await deliver(session, person, broadcast_id=broadcast.id))
    assert "Body it" not in mail.text


async def test_a_message_without_words_is_left_out_and_the_others_go(
    composer: HubComposer, session: AsyncSession
) -> None:
    person = await make_subscriber(session)
    empty, full = await make_broadcast(session, "webinars"), await make_broadcast(session, "webinars")
    await write(session, full)
    rows = [await deliver(session, person, broadcast_id=one.id) for one in (empty, full)]
    assert set(await composer.compose(session, rows)) == {rows[1].id}


async def test_a_corrected_text_is_written_anew(composer: HubComposer, session: AsyncSession) -> None:
    person = await make_subscriber(session)
    broadcast = await make_broadcast(session, "webinars")
    await write(session, broadcast)
    row = await deliver(session, person, broadcast_id=broadcast.id)
    await mail_for(composer, session, row)
    text = await session.get(BroadcastText, (broadcast.id, "en"))
    assert text is not None
    text.body = "Corrected."
    session.add(text)
    await session.commit()
    assert "Corrected." in (await mail_for(composer, session, row)).text


@pytest.mark.parametrize(
    "evil",
    [
        "Eve\r\nBcc: all@example.org",
        "Eve\n\nBody",
        "<script>alert(1)</script>",
        'Eve" <a@b.c>, "x',
        "Eve\u2028Bcc: x@example.org",
        "{name} {topic}",
        "slot-name- slot0000000000000000-ask-",
        "=?utf-8?q?x=0ABcc:_x@example.org?=",
    ],
)
async def test_no_name_and_no_subject_reaches_into_headers_or_html(
    composer: HubComposer, session: AsyncSession, evil: str
) -> None:
    person = await make_subscriber(session, name=evil)
    broadcast = await make_broadcast(session, "webinars")
    await write(session, broadcast, subject=evil)
    row = await deliver(session, person, broadcast_id=broadcast.id)
    mail = (await composer.compose(session, [row]))[row.id]
    assert isinstance(mail, ReadyMail)
    sent = as_sent(mail)
    assert sent["Bcc"] is None
    assert str(sent["To"].addresses[0].addr_spec) == mail.to
    assert len(sent["To"].addresses) == 1
    assert not [tag for tag, _ in Html(mail.html or "").tags if tag == "script"]


async def test_files_of_a_broadcast_hang_on_its_mails(composer: HubComposer, session: AsyncSession) -> None:
    person = await make_subscriber(session)
    broadcast = await make_broadcast(session, "webinars")
    await write(session, broadcast)
    session.add(
        Attachment(
            id=new_id(), broadcast_id=broadcast.id, name="agenda.pdf", media_type="application/pdf", content=b"%PDF"
        )
    )
    await session.commit()
    mail = await mail_for(composer, session, await deliver(session, person, broadcast_id=broadcast.id))
    assert [(file.name, file.content) for file in mail.files] == [("agenda.pdf", b"%PDF")]


# Events


async def invite(session: AsyncSession, kind: BroadcastKind = BroadcastKind.EVENT, **values: Any) -> Broadcast:
    event = await make_event(
        session,
        starts_at=datetime(2026, 12, 3, 13, tzinfo=UTC),
        ends_at=datetime(2026, 12, 3, 15, tzinfo=UTC),
        online_url="https://meet.example/1",
        languages=["en", "fr"],
        **values,
    )
    broadcast = await make_broadcast(session, "webinars", kind=kind, event_id=event.id)
    await write(session, broadcast)
    return broadcast


async def test_an_invitation_says_when_also_in_the_readers_time_and_can_be_answered(
    composer: HubComposer, session: AsyncSession, links: Links
) -> None:
    person = await make_subscriber(session, time_zone="Europe/Kyiv")
    broadcast = await invite(session)
    mail = await mail_for(composer, session, await deliver(session, person, broadcast_id=broadcast.id))
    assert "Thursday, 3 December 2026, 14:00–16:00" in mail.text
    assert "Central European" in mail.text
    assert "In your time: Thursday, 3 December 2026, 15:00" in mail.text
    assert "Online: https://meet.example/1" in mail.text
    answers = re.findall(rf"{HUB}/events/answer/[\w.-]+\?say=(\w+)", mail.text)
    assert answers == ["yes", "maybe", "no"]
    content = links.read(LinkPurpose.ANSWER_EVENT, token_in(mail.text, "/events/answer"))
    assert (content.subscriber_id, content.about) == (person.id, broadcast.event_id)
    assert mail.calendar is not None
    assert mail.calendar.method == "REQUEST"
    (guest,) = people(read_entry(mail.calendar.content, "REQUEST"))
    assert str(guest) == f"mailto:{mail.to}"
    assert [
        part.get_param("method") for part in as_sent(mail).walk() if part.get_content_type() == "text/calendar"
    ] == ["REQUEST"]
    kinds = [part.get_content_type() for part in as_sent(mail).walk()]
    assert kinds == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ]


async def test_a_cancellation_says_so_first_and_follows_the_invitation(
    composer: HubComposer, session: AsyncSession
) -> None:
    person = await make_subscriber(session)
    invitation = await invite(session)
    first = await deliver(session, person, broadcast_id=invitation.id, status=DeliveryStatus.SENT)
    event = await session.get(Event, invitation.event_id)
    assert event is not None
    event.cancelled_at, event.sequence = NOW, 1
    session.add(event)
    change = await make_broadcast(session, "webinars", kind=BroadcastKind.EVENT_CHANGE, event_id=event.id)
    await write(session, change)
    mail = await mail_for(
        composer, session, await deliver(session, person, broadcast_id=change.id, because={"rule": "guest"})
    )
    assert mail.text.index("will not take place") < mail.text.index("Body en")
    assert mail.calendar is not None
    assert mail.calendar.method == "CANCEL"
    assert read_entry(mail.calendar.content, "CANCEL")["SEQUENCE"] == 1
    assert mail.follows == first.id
    assert mail.unsubscribe_url is None, "a guest is told whatever news they stopped"
    assert "Change your answer" not in mail.text


async def test_who_has_not_answered_gets_the_changed_entry_and_can_answer_it(
    composer: HubComposer, session: AsyncSession, links: Links
) -> None:
    person = await make_subscriber(session)
    invitation = await invite(session)
    first = await deliver(session, person, broadcast_id=invitation.id, status=DeliveryStatus.SENT)
    event = await session.get(Event, invitation.event_id)
    assert event is not None
    event.sequence = 1
    session.add(event)
    change = await make_broadcast(session, "webinars", kind=BroadcastKind.EVENT_CHANGE, event_id=event.id)
    await write(session, change)
    because = {"rule": "guest", "said": "invitation"}
    mail = await mail_for(composer, session, await deliver(session, person, broadcast_id=change.id, because=because))
    assert "because we invited you to this event" in mail.text
    assert links.read(LinkPurpose.ANSWER_EVENT, token_in(mail.text, "/events/answer")).about == event.id
    assert mail.calendar is not None
    entry = read_entry(mail.calendar.content, "REQUEST")
    assert (entry["SEQUENCE"], people(entry)[0].params["PARTSTAT"]) == (1, "NEEDS-ACTION")
    assert (mail.follows, mail.unsubscribe_url) == (first.id, None)
    assert "Change your answer" not in mail.text
    event.cancelled_at, event.sequence = NOW, 2
    session.add(event)
    last = await make_broadcast(session, "webinars", kind=BroadcastKind.EVENT_CHANGE, event_id=event.id)
    await write(session, last)
    mail = await mail_for(composer, session, await deliver(session, person, broadcast_id=last.id, because=because))
    assert mail.calendar is not None
    assert read_entry(mail.calendar.content, "CANCEL")["SEQUENCE"] == 2
    assert "/events/answer" not in mail.text


async def test_a_guest_can_change_the_answer_from_every_message_about_the_event(
    composer: HubComposer, session: AsyncSession, links: Links
) -> None:
    person = await make_subscriber(session)
    broadcast = await invite(session, BroadcastKind.REMINDER)
    row = await deliver(session, person, broadcast_id=broadcast.id, because={"rule": "guest"})
    mail = await mail_for(composer, session, row)
    assert "Change your answer" in mail.text
    assert links.read(LinkPurpose.ANSWER_EVENT, token_in(mail.text, "/events/answer")).about == broadcast.event_id
    assert mail.calendar is None, "the entry is there already"


async def test_who_moves_up_gets_a_place_with_its_entry(composer: HubComposer, session: AsyncSession) -> None:
    person = await make_subscriber(session)
    broadcast = await invite(session)
    event = await session.get(Event, broadcast.event_id)
    assert event is not None
    event.titles = {"en": "Training"}
    session.add(event)
    await make_guest(session, event, person, "yes")
    row = await deliver(session, person, message="place/1", because={"rule": "guest"}, parts={"event": event.id})
    mail = await mail_for(composer, session, row)
    assert "You have a place" in mail.subject
    assert "Thursday, 3 December 2026, 14:00–16:00" in mail.text
    assert "Change your answer" in mail.text
    assert mail.calendar is not None
    (guest,) = people(read_entry(mail.calendar.content, "REQUEST"))
    assert guest.params["PARTSTAT"] == "ACCEPTED"


@pytest.mark.parametrize("became", ["waiting", "early", "closed", "older", "entry"])
async def test_what_became_of_an_answer_from_the_calendar_is_said_in_words(
    composer: HubComposer, session: AsyncSession, catalogue: Texts, became: str
) -> None:
    person = await make_subscriber(session)
    broadcast = await invite(session)
    parts = {"event": broadcast.event_id, "became": became}
    row = await deliver(session, person, f"noted/{broadcast.event_id}/{became}", because={"rule": "guest"}, parts=parts)
    mail = await mail_for(composer, session, row)
    assert mail.subject.startswith("Your answer: ")
    assert catalogue.get(f"event.notice.noted_{became}", "en").split(".")[0] in " ".join(mail.text.split())
    assert mail.calendar is not None, "so that the calendar shows it too"


async def test_each_invitation_in_a_digest_can_be_answered_by_itself(
    composer: HubComposer, session: AsyncSession, links: Links
) -> None:
    person = await make_subscriber(session)
    both = [await invite(session), await invite(session)]
    items = [{"broadcast": one.id, "topic": "webinars"} for one in both]
    row = await deliver(session, person, message="digest/1", because={"rule": "topic"}, parts={"items": items})
    mail = await mail_for(composer, session, row)
    tokens = re.findall(rf"{HUB}/events/answer/([\w.-]+)\?say=yes", mail.text)
    about = [links.read(LinkPurpose.ANSWER_EVENT, token).about for token in tokens]
    assert about == [one.event_id for one in both]
    assert mail.calendar is None


# Collected messages


async def test_a_digest_is_grouped_by_topic_and_its_link_ends_only_that_digest(
    composer: HubComposer, session: AsyncSession, links: Links
) -> None:
    person = await make_subscriber(session)
    items = []
    for topic, subject in (("webinars", "First"), ("webinars", "Second"), ("grants-and-calls", "Third")):
        broadcast = await make_broadcast(session, topic)
        await write(session, broadcast, subject=subject)
        items.append({"broadcast": broadcast.id, "topic": topic})
    row = await deliver(
        session,
        person,
        f"digest/{person.id}/2026-48",
        because={"rule": "topic", "frequency": "weekly"},
        parts={"items": items, "frequency": "weekly"},
    )
    mail = await mail_for(composer, session, row)
    assert mail.subject == "Intercultural Cities: 3 messages for you"
    body = mail.text[mail.text.index("== Webinars ==") :]
    places = [body.index(words) for words in ("First", "Second", "== Grants and calls ==", "Third")]
    assert places == sorted(places)
    assert mail.text.count("== Webinars ==") == 1
    assert mail.unsubscribe_url
    content = links.read(LinkPurpose.UNSUBSCRIBE, token_in(mail.unsubscribe_url, "/m/unsubscribe"))
    assert (content.topic, content.about) == (ALL, "digest/weekly")
    headings = [tag for tag, _ in Html(mail.html or "").tags if re.fullmatch(r"h\d", tag)]
    assert headings == ["h1", "h2", "h3", "h3", "h2", "h3"]


async def test_the_end_of_a_pause_says_what_can_still_be_joined(composer: HubComposer, session: AsyncSession) -> None:
    person = await make_subscriber(session)
    broadcast = await invite(session)
    row = await deliver(
        session, person, f"missed/{new_id()}", because={"rule": "pause"}, parts={"missed": [broadcast.id]}
    )
    mail = await mail_for(composer, session, row)
    assert "You get this because your pause is over." in mail.text
    assert "Subject en" in mail.text
    assert "When:" in mail.text


@pytest.mark.parametrize("kind", ["digest", "missed"])
async def test_collected_messages_link_to_the_files_and_tell_the_readers_own_time(
    composer: HubComposer, session: AsyncSession, links: Links, kind: str
) -> None:
    person = await make_subscriber(session, time_zone="Europe/Kyiv", telegram=7)
    broadcast = await invite(session)
    file = Attachment(
        id=new_id(), broadcast_id=broadcast.id, name="agenda.pdf", media_type="application/pdf", content=b"%PDF"
    )
    session.add(file)
    await session.commit()
    items = [{"broadcast": broadcast.id, "topic": "webinars"}]
    parts: dict[str, Any] = {"items": items, "frequency": "weekly"} if kind == "digest" else {"missed": [broadcast.id]}
    because = {"rule": "topic", "frequency": "weekly"}
    mail = await mail_for(composer, session, await deliver(session, person, f"{kind}/1", because=because, parts=parts))
    assert "agenda.pdf" in mail.text
    assert links.read(LinkPurpose.FILE, token_in(mail.text, "/m/file")).about == file.id
    assert links.read(LinkPurpose.FILE, token_in(mail.html or "", "/m/file")).subscriber_id == ""
    assert "In your time: Thursday, 3 December 2026, 15:00" in mail.text
    row = await deliver(session, person, f"{kind}/1", because=because, parts=parts, channel=ChannelName.TELEGRAM)
    chat = (await composer.compose(session, [row]))[row.id]
    assert isinstance(chat, ReadyChat)
    assert [link.title for link in chat.reply.links if "/m/file/" in link.url] == [
        "File: \u2068agenda.pdf\u2069 (Subject en)"
    ]


async def test_files_of_more_broadcasts_than_memory_holds_all_hang_on_their_mails(
    composer: HubComposer, session: AsyncSession
) -> None:
    person = await make_subscriber(session)
    rows = []
    for number in range(MOST_FILES_KEPT + 2):
        broadcast = await make_broadcast(session, "webinars")
        await write(session, broadcast)
        content = f"{number}".encode()
        session.add(
            Attachment(id=new_id(), broadcast_id=broadcast.id, name="a.txt", media_type="text/plain", content=content)
        )
        rows.append(await deliver(session, person, broadcast_id=broadcast.id))
    await session.commit()
    mails = await composer.compose(session, rows)
    assert [mails[row.id].files[0].content for row in rows] == [f"{number}".encode() for number in range(len(rows))]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"said": "city"}, "because your city chose these topics for its staff"),
        ({"said": "subscription"}, "because you chose to get these topics"),
        ({}, "because you chose to get these topics"),
    ],
)
async def test_a_digest_says_whether_its_reader_or_their_city_chose_it(
    composer: HubComposer, session: AsyncSession, said: dict[str, str], words: str
) -> None:
    person = await make_subscriber(session)
    broadcast = await make_broadcast(session, "webinars")
    await write(session, broadcast)
    parts: dict[str, Any] = {"items": [{"broadcast": broadcast.id, "topic": "webinars"}], "frequency": "weekly"}
    row = await deliver(
        session, person, "digest/1", because={"rule": "topic", "frequency": "weekly"} | said, parts=parts
    )
    assert words in " ".join((await mail_for(composer, session, row)).text.split())


# What the hub says by itself


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        ("confirm", "/preferences/confirm"),
        ("preferences", "/preferences/enter"),
        ("telegram", "/preferences/telegram"),
        ("handover", "/preferences/handover"),
    ],
)
async def test_a_link_that_works_once_leads_to_its_page(
    composer: HubComposer, session: AsyncSession, links: Links, kind: str, page: str
) -> None:
    person = await make_subscriber(session, city="bergen")
    parts = {"number": "n-1"}
    mail = await mail_for(
        composer, session, await deliver(session, person, f"{kind}/x", because={"rule": "asked"}, parts=parts)
    )
    assert token_in(mail.text, page) == links.sign_once("n-1")
    assert links.sign_once("n-1") in (mail.html or "")
    assert "n-1" not in mail.subject
    assert mail.unsubscribe_url is None


async def test_a_new_address_is_asked_at_the_new_address(composer: HubComposer, session: AsyncSession) -> None:
    person = await make_subscriber(session)
    row = await deliver(
        session, person, "confirm/x", because={"rule": "asked"}, parts={"number": "n", "to": "new@example.org"}
    )
    assert (await mail_for(composer, session, row)).to == "new@example.org"


async def test_a_request_to_confirm_names_the_topics_that_come_with_it(
    composer: HubComposer, session: AsyncSession
) -> None:
    person = await make_subscriber(session)
    row = await deliver(
        session, person, "confirm/x", because={"rule": "asked"}, parts={"number": "n", "topics": ["webinars", "youth"]}
    )
    mail = await mail_for(composer, session, row)
    for text in (mail.text, Html(mail.html or "").text):
        words = " ".join(text.split())
        assert "The team has set these topics for you." in words
        assert words.index("Webinars") < words.index("Young people") < words.index("change that at once")
    plain = await deliver(session, person, "confirm/y", because={"rule": "asked"}, parts={"number": "n"})
    assert "topics" not in (await mail_for(composer, session, plain)).text


async def test_two_people_never_share_a_link(composer: HubComposer, session: AsyncSession, links: Links) -> None:
    rows = []
    for number in range(2):
        person = await make_subscriber(session)
        rows.append(
            await deliver(
                session, person, f"confirm/{number}", because={"rule": "asked"}, parts={"number": f"n{number}"}
            )
        )
    mails = await composer.compose(session, rows)
    for number, row in enumerate(rows):
        mail = mails[row.id]
        assert isinstance(mail, ReadyMail)
        assert token_in(mail.text, "/preferences/confirm") == links.sign_once(f"n{number}")


async def test_a_new_coordinator_gets_what_the_city_agreed_and_three_first_steps(
    composer: HubComposer, session: AsyncSession
) -> None:
    person = await make_subscriber(session, city="bergen", is_mandatory_contact=True)
    session.add(
        CityFile(
            city="bergen",
            joined_on=date(2019, 5, 1),
            contribution="5,000 euros",
            statement_text="We agree\nto this.",
            changed_at=NOW,
        )
    )
    session.add(DueDate(city="bergen", kind="index", due_on=date(2027, 1, 15)))
    await session.commit()
    mail = await mail_for(
        composer, session, await deliver(session, person, "welcome/bergen", because={"rule": "mandatory"})
    )
    for words in (
        "Bergen",
        "1 May 2019",
        "5,000 euros",
        "We agree",
        "15 January 2027",
        "the Intercultural Cities Index",
    ):
        assert words in mail.text, words
    assert len(re.findall(r"^\d\. ", mail.text, re.M)) == 3
    assert "name a successor" in mail.text


@pytest.mark.parametrize(
    ("days", "subject"),
    [
        (30, "30 days left: the yearly contribution"),
        (1, "Tomorrow is the day: the yearly contribution"),
        (0, "Today is the day: the yearly contribution"),
        (-2, "This was due: the yearly contribution"),
    ],
)
async def test_a_reminder_counts_the_days_when_it_goes(
    composer: HubComposer, session: AsyncSession, days: int, subject: str
) -> None:
    person = await make_subscriber(session, city="bergen", is_mandatory_contact=True)
    due_on = (NOW + timedelta(days=days)).date().isoformat()
    parts = {"kind": "contribution", "due_on": due_on}
    mail = await mail_for(
        composer, session, await deliver(session, person, "reminder/x", because={"rule": "mandatory"}, parts=parts)
    )
    assert mail.subject == subject
    assert mail.unsubscribe_url is None


async def test_an_answer_stands_below_its_question(composer: HubComposer, session: AsyncSession) -> None:
    person = await make_subscriber(session)
    parts = {"question": "Who *pays*?\nAnd when?", "answer": "We **do**."}
    mail = await mail_for(
        composer, session, await deliver(session, person, "answer/1", because={"rule": "answer"}, parts=parts)
    )
    assert mail.text.index("> Who *pays*?") < mail.text.index("We do.")


# Telegram


async def test_telegram_gets_the_same_words_with_the_reason_and_the_links(
    composer: HubComposer, session: AsyncSession, links: Links
) -> None:
    person = await make_subscriber(session, telegram=42)
    broadcast = await make_broadcast(session, "webinars")
    await write(session, broadcast, subject="*Stars*")
    row = await deliver(session, person, broadcast_id=broadcast.id, channel=ChannelName.TELEGRAM)
    message = (await composer.compose(session, [row]))[row.id]
    assert isinstance(message, ReadyChat)
    assert message.to == "42"
    assert message.markdown.startswith("# \\*Stars\\*\n\nBody **en**")
    assert message.reply.text == "You get this because you chose “Webinars”."
    paths = [urlsplit(link.url).path.rpartition("/")[0] for link in message.reply.links]
    assert paths == ["/m/opinion", "/m/opinion", "/m/ask", "/m/unsubscribe", "/preferences/open"]
    token = token_in(message.reply.links[3].url, "/m/unsubscribe")
    assert links.read(LinkPurpose.UNSUBSCRIBE, token).channel is ChannelName.TELEGRAM


def test_values_are_put_in_escaped() -> None:
    from channels.letter import Pattern, slot

    assert Pattern(f"<p>{slot('name')}</p>", is_html=True).fill({"name": "<&>"}) == "<p>&lt;&amp;&gt;</p>"
    assert Pattern(f"{slot('name')}!", is_html=False).fill({"name": slot("name")}) == f"{slot('name')}!"


async def test_an_answer_comes_in_a_pause_too_and_waits_for_the_end_of_quiet_hours(
    session: AsyncSession, topics: Topics
) -> None:
    paused = await make_subscriber(session, paused_until=date(2027, 1, 1))
    quiet = await make_subscriber(session, quiet_from=time(9), quiet_to=time(12))
    rows = [await deliver(session, person, "answer/1", because={"rule": "answer"}) for person in (paused, quiet)]
    decisions = await recheck(session, rows, topics=topics, now=NOW)
    assert [decisions[row.id].outcome for row in rows] == [Outcome.SEND, Outcome.WAIT]
