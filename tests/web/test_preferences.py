"""The preference centre: who gets in, what a press changes, and what it says to whom."""

from __future__ import annotations

import json
from datetime import date, time, timedelta
from typing import Any, cast

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.email.models import OutboxMail
from channels.email.outbox import Outbox
from conversation.handoffs import BY_MAIL, create_handoff
from conversation.models import Handoff
from core.clock import FixedClock
from subscriptions.asking import MOST_MAILS
from subscriptions.confirmation import Purpose, issue
from subscriptions.models import (
    Address,
    ChannelName,
    Choice,
    CityDefault,
    CityRule,
    Confirmation,
    Delivery,
    DeliveryStatus,
    Frequency,
    PreferenceChange,
    Subscriber,
    Subscription,
)
from subscriptions.rechecking import recheck
from subscriptions.rules import Outcome
from subscriptions.subscribers import list_addresses, suppress
from subscriptions.telegram_linking import link_by_start, start_parameter
from subscriptions.topics import load_topics
from tests.factories import make_broadcast, make_sent
from tests.web.preference_pages import LINKS, TOKEN, Centre
from web.pages import get_page
from web.preferences.session import LASTING, find_preference_session
from web.state import Hub

EDIT = {
    "language": "fr", "time_zone": "Europe/Rome", "quiet_from": "20:00", "quiet_to": "07:30", "quiet_days": ["6", "7"],
    "digest_at": "09:15", "digest_on": "4",
}  # fmt: skip


@pytest.fixture
def centre(client: TestClient, hub: Hub) -> Centre:
    return Centre(client, hub)


# Getting in


def test_the_answer_is_the_same_whether_an_address_is_known_or_not(centre: Centre) -> None:
    centre.person(email="ada@example.org")
    known = centre.client.post("/preferences/link", data={"email": "Ada@Example.org "})
    unknown = centre.client.post("/preferences/link", data={"email": "eve@example.org"})
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text) == (200, known.text)
    assert known.headers.keys() == unknown.headers.keys()
    assert [mail.message.split("/")[0] for mail in centre.mails()] == ["preferences"]


def test_what_is_looked_up_is_looked_up_after_the_answer(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def look(*_: Any, **__: Any) -> None:
        seen.append("looked")
        raise RuntimeError

    monkeypatch.setattr("web.preferences.joining.send_preferences_link", look)
    answer = centre.client.post("/preferences/link", data={"email": "ada@example.org"})
    assert answer.status_code == 200
    assert seen == ["looked"]


def test_what_fails_inside_is_a_page_in_words_and_is_logged_without_them(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("ada@example.org")

    monkeypatch.setattr("web.preferences.home.open_visit", fail)
    answer = client.get("/preferences")
    assert answer.status_code == 500
    assert "<h1" in answer.text
    assert "preferences_page_failed kind=RuntimeError" in caplog.text
    assert "ada@example.org" not in answer.text + caplog.text


def test_an_address_gets_a_few_links_an_hour_at_most(centre: Centre) -> None:
    centre.person(email="ada@example.org")
    for _ in range(MOST_MAILS + 2):
        centre.client.post("/preferences/link", data={"email": "ada@example.org"})
    assert len(centre.mails()) == MOST_MAILS
    cast(FixedClock, centre.hub.clock).at += timedelta(hours=1, seconds=1)
    centre.client.post("/preferences/link", data={"email": "ada@example.org"})
    assert len(centre.mails()) == MOST_MAILS + 1


def test_one_place_asks_for_so_many_links_a_minute(centre: Centre) -> None:
    answers = [centre.client.post("/preferences/link", data={"email": f"a{n}@example.org"}) for n in range(31)]
    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "That was a lot at once." in answers[-1].text


def test_what_is_no_address_is_said_beside_the_field(centre: Centre) -> None:
    answer = centre.client.post("/preferences/link", data={"email": "ada"})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert centre.mails() == []


def test_a_link_from_a_mail_opens_the_page_with_one_press_and_only_once(centre: Centre) -> None:
    centre.person(name="Ada Lovelace", email="ada@example.org", confirmed=False)
    centre.client.post("/preferences/link", data={"email": "ada@example.org"})
    path = f"/preferences/enter/{centre.token_of(centre.mails()[0])}"
    for _ in range(2):
        opened = centre.client.get(path)
        assert opened.status_code == 200
        assert "set-cookie" not in opened.headers
    home = centre.client.post(path)
    assert "Ada Lovelace" in home.text
    assert "ada@example.org" in home.text
    assert centre.rows(Address)[0].confirmed_at is not None
    again = centre.client.post(path)
    assert again.status_code == 410
    assert centre.client.get(path).status_code == 410


@pytest.mark.parametrize("page", ["open", "enter", "confirm", "handover", "telegram"])
def test_a_wrong_link_and_a_used_one_get_the_same_answer(centre: Centre, page: str) -> None:
    answer = centre.client.get(f"/preferences/{page}/nonsense", params={"lang": "en"})
    assert answer.status_code == 410
    assert "Ask for a new link" in answer.text


def test_the_cookie_is_for_the_preferences_and_the_chat_and_ends(centre: Centre) -> None:
    person = centre.person()
    issued = centre.do(lambda session: issue(session, person, Purpose.PREFERENCES, links=LINKS, clock=centre.hub.clock))
    answer = centre.client.post(f"/preferences/enter/{issued.token}", follow_redirects=False)
    cookies = answer.headers.get_list("set-cookie")
    assert {part.strip() for cookie in cookies for part in cookie.split(";") if "Path" in part} == {
        "Path=/preferences", "Path=/api/chat", "Path=/chat",
    }  # fmt: skip
    assert all("HttpOnly" in cookie and "SameSite=strict" in cookie for cookie in cookies)
    assert "What you get from us" in centre.client.get("/preferences").text
    cast(FixedClock, centre.hub.clock).at += LASTING
    assert "Send me the link" in centre.client.get("/preferences").text


def test_the_chat_can_see_who_is_signed_in_and_believes_nothing_else(centre: Centre) -> None:
    person = centre.person()
    centre.sign_in(person)
    sent = centre.client.build_request("POST", "/api/chat")
    cookie = sent.headers["cookie"]

    def who(value: str) -> str | None:
        from starlette.requests import Request

        scope = {
            "type": "http", "method": "POST", "path": "/api/chat", "query_string": b"", "scheme": "http",
            "headers": [(b"cookie", value.encode()), (b"host", b"testserver")], "server": ("testserver", 80),
        }  # fmt: skip
        request = Request(scope)
        assert get_page(request, centre.hub) is not None
        found = find_preference_session(request, centre.hub)
        return found.subscriber_id if found else None

    assert who(cookie) == person
    assert who(cookie[:-2]) is None
    assert "cookie" not in centre.client.build_request("GET", "/report").headers


def test_where_people_come_by_https_the_cookie_is_for_https_alone(centre: Centre, hub: Hub, client: TestClient) -> None:
    settings = hub.settings.model_copy(update={"public_url": "https://hub.example.org"})
    client.app.state.hub = Hub(**{**vars(hub), "settings": settings})  # type: ignore[attr-defined]
    answer = client.get(centre.foot(centre.person()))
    for cookie in answer.headers.get_list("set-cookie"):
        assert cookie.startswith("__Secure-preferences=")
        assert "Secure" in cookie.split("; ")


def test_a_form_of_another_site_changes_nothing(centre: Centre) -> None:
    centre.sign_in(centre.person())
    for token in ("", "0" * 48):
        answer = centre.client.post("/preferences/choice", data={"token": token, "choice": "everything_at_once"})
        assert answer.status_code == 403
    assert centre.rows(PreferenceChange) == []


def test_what_the_team_set_is_named_before_the_address_is_confirmed(centre: Centre) -> None:
    own = {"webinars": Frequency.WEEKLY}
    person = centre.person(confirmed=False, topics={"youth": Frequency.WEEKLY, "education": Frequency.OFF} | own)

    async def set_by_team(session: AsyncSession) -> None:
        for row in await session.exec(select(Subscription).where(col(Subscription.topic) != "webinars")):
            row.origin = "import"
            session.add(row)
        await session.commit()

    def shown() -> str:
        issued = centre.do(lambda session: issue(session, person, Purpose.CONFIRM, links=LINKS, clock=centre.hub.clock))
        return centre.client.get(f"/preferences/confirm/{issued.token}").text

    assert "has set these topics" not in shown()
    centre.do(set_by_team)
    page = shown()
    assert "has set these topics" in page
    for topic, is_named in (("youth", True), ("education", False), ("webinars", False)):
        assert (centre.hub.wording.texts.get(f"topic.{topic}.title", "en") in page) is is_named
    centre.sign_in(person)
    centre.send("choice", choice="recommended_weekly")
    assert "has set these topics" not in shown()


# By the link of a message


def test_the_link_of_a_message_lets_people_choose_and_shows_no_address(centre: Centre) -> None:
    person = centre.person(email="ada@example.org", confirmed=False)
    page = centre.client.get(centre.foot(person))
    assert page.status_code == 200
    assert "ada@example.org" not in page.text
    assert centre.rows(PreferenceChange) == []
    assert centre.rows(Address)[0].confirmed_at is None
    centre.send("choice", choice="recommended_weekly")
    assert centre.row(person).choice == Choice.RECOMMENDED_WEEKLY
    assert centre.rows(Address)[0].confirmed_at is not None, "who chooses by a link that we sent there reads it"


@pytest.mark.parametrize("path", ["data", "data/file", "address", "city", "successor"])
def test_a_forwarded_message_gives_nobody_the_data_or_the_address_of_another(centre: Centre, path: str) -> None:
    person = centre.person(email="ada@example.org", city="it-bari", may_set_city_defaults=True)
    centre.client.get(centre.foot(person))
    answer = centre.client.get(f"/preferences/{path}")
    assert answer.status_code == 403
    assert "ada@example.org" not in answer.text
    assert "Send me the link" in answer.text
    proven = centre.sign_in(person)
    assert "ada@example.org" in proven.text
    assert centre.client.get(f"/preferences/{path}").status_code == 200


@pytest.mark.parametrize(
    ("path", "fields"),
    [("data/erase", {"sure": "yes"}), ("address", {"email": "eve@example.org"}), ("connect", {}), ("city", {})],
)
def test_nor_does_a_form_sent_by_such_a_visitor(centre: Centre, path: str, fields: dict[str, str]) -> None:
    person = centre.person(city="it-bari", may_set_city_defaults=True)
    centre.client.get(centre.foot(person))
    assert centre.send(path, **fields).status_code == 403
    assert centre.row(person).left_at is None
    assert centre.rows(Confirmation) == []
    centre.send("prove")
    assert [mail.message.split("/")[0] for mail in centre.mails()] == ["preferences"]


# Choosing


def test_nothing_is_ticked_before_somebody_chooses(centre: Centre) -> None:
    page = centre.sign_in(centre.person())
    assert page.text.count('name="choice"') == 3
    assert "checked" not in page.text
    assert "You have not chosen yet." in page.text


@pytest.mark.parametrize("choice", list(Choice))
def test_each_of_the_three_choices_is_saved_at_once_and_undone(centre: Centre, choice: Choice) -> None:
    person = centre.person(topics={"youth": Frequency.DAILY})
    centre.sign_in(person)
    page = centre.send("choice", choice=choice.value)
    assert "Undo this" in page.text
    assert (centre.row(person).choice, centre.choices()) == (choice, {})
    page = centre.send("undo")
    assert "We took that back." in page.text
    assert (centre.row(person).choice, centre.choices()) == (None, {"youth": ("daily", None)})
    assert "Nothing has changed." in centre.send("undo").text


def test_the_matrix_changes_only_what_was_changed(centre: Centre) -> None:
    person = centre.person(telegram=7, topics={"youth": Frequency.DAILY, "webinars": Frequency.WEEKLY})
    centre.sign_in(person)
    as_shown = {"often.youth": "daily", "often.webinars": "weekly", "often.newsletter": "", "how.youth": ""}
    assert "Nothing has changed." in centre.send("topics", **as_shown).text
    changed = {"often.youth": "", "often.newsletter": "at_once", "how.newsletter": "telegram"}
    centre.send("topics", **(as_shown | changed))
    assert centre.choices() == {"webinars": ("weekly", None), "newsletter": ("at_once", "telegram")}


def test_a_choice_speaks_for_topics_that_nothing_was_said_for(centre: Centre) -> None:
    person = centre.person(telegram=7)
    centre.sign_in(person)
    centre.send("choice", choice="everything_at_once")
    wanted = {"often.youth": "off", "often.webinars": "", "how.webinars": "telegram"}
    page = centre.send("topics", **wanted, **{"often.newsletter": "", "how.newsletter": ""})
    assert "As above: At once" in page.text
    assert centre.choices() == {"youth": ("off", None), "webinars": ("at_once", "telegram")}


def test_how_much_it_is_is_told(centre: Centre) -> None:
    async def news(session: AsyncSession) -> None:
        for _ in range(3):
            await make_sent(session, "webinars")
        await make_broadcast(session, "youth")

    centre.do(news)
    centre.sign_in(centre.person(topics={"webinars": Frequency.AT_ONCE, "youth": Frequency.WEEKLY}))
    words = centre.text(centre.client.get("/preferences"))
    assert "About 3 messages a month. For 1 of your topics we have no figure yet." in words


@pytest.mark.parametrize("is_contact", [True, False])
def test_the_first_choice_promises_one_thing(centre: Centre, is_contact: bool) -> None:
    centre.sign_in(centre.person(is_mandatory_contact=is_contact))
    page = centre.client.get("/preferences").text
    option = page[page.index('id="choice-required_only"') : page.index('id="choice-recommended_weekly"')]
    assert ("What members must know" in option) is is_contact
    assert ("Nothing is required of you" in option) is not is_contact
    assert "You get nothing from us but" not in option


def test_where_and_when_is_saved(centre: Centre) -> None:
    person = centre.person(telegram=7)
    centre.sign_in(person)
    centre.send("rhythm", channel="telegram", **EDIT)
    row = centre.row(person)
    assert (row.channel, row.language, row.time_zone) == ("telegram", "fr", "Europe/Rome")
    assert (row.quiet_from, row.quiet_to, row.quiet_days) == (time(20), time(7, 30), [6, 7])
    assert (row.digest_at, row.digest_on) == (time(9, 15), 4)
    assert 'lang="fr"' in centre.client.get("/preferences").text


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"language": "xx"}, "language"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"quiet_to": ""}, "quiet_from"),
        ({"quiet_from": "25:00"}, "quiet_from"),
        ({"quiet_days": [str(day) for day in range(1, 8)]}, "quiet_days"),
        ({"quiet_days": ["9"]}, "quiet_days"),
        ({"digest_at": ""}, "digest_at"),
        ({"digest_on": "8"}, "digest_on"),
        ({"channel": "pigeon"}, "channel"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_written_stays(centre: Centre, wrong: dict[str, Any], field: str) -> None:
    person = centre.person(telegram=7)
    centre.sign_in(person)
    page = centre.send("rhythm", **({"channel": "email"} | EDIT | wrong))
    assert page.status_code == 422
    assert f'href="#{field}"' in page.text
    if field != "digest_at":
        assert 'value="09:15"' in page.text
    assert centre.row(person).digest_at == time(8)
    assert centre.rows(PreferenceChange) == []


@pytest.mark.parametrize("fields", [{"choice": ""}, {"choice": "all"}])
def test_an_unknown_choice_is_refused_in_words(centre: Centre, fields: dict[str, str]) -> None:
    centre.sign_in(centre.person())
    page = centre.send("choice", **fields)
    assert page.status_code == 422
    assert "Please choose one of the three." in page.text


def test_a_pause_begins_and_ends(centre: Centre) -> None:
    person = centre.person()
    centre.sign_in(person)
    centre.send("pause", weeks="2", paused_until="")
    assert centre.row(person).paused_until == date(2026, 12, 6)
    assert "You have a pause until" in centre.client.get("/preferences").text
    centre.send("pause", weeks="", paused_until="2027-01-07")
    assert centre.row(person).paused_until == date(2027, 1, 7)
    for wrong in ("2026-11-22", "2028-01-01", "soon", ""):
        assert centre.send("pause", weeks="", paused_until=wrong).status_code == 422
    centre.send("pause", weeks="0")
    assert centre.row(person).paused_until is None


def test_stopping_everything_keeps_what_is_required(centre: Centre) -> None:
    person = centre.person(is_mandatory_contact=True, city="it-bari", topics={"webinars": Frequency.AT_ONCE})
    page = centre.sign_in(person)
    assert "Membership notices" in page.text
    assert 'name="often.membership-notices"' not in page.text, "what cannot be switched off is not offered"
    centre.send("stop")
    assert (centre.row(person).choice, centre.choices()) == (Choice.REQUIRED_ONLY, {})


def test_a_change_counts_at_once_for_what_waits_already(centre: Centre) -> None:
    topics = {"webinars": Frequency.AT_ONCE, "youth": Frequency.AT_ONCE}
    # It waits for the end of quiet hours, so that the hub of this test does not send it meanwhile.
    person = centre.person(topics=topics, quiet_from=time(0), quiet_to=time(23, 59))
    for topic in ["webinars"] * 20 + ["youth"]:
        centre.expand(topic)

    def waiting() -> int:
        return sum(row.status == DeliveryStatus.WAITING for row in centre.rows(Delivery))

    assert waiting() == 21
    centre.sign_in(person)
    centre.send("topics", **{"often.webinars": "off"})
    assert waiting() == 1
    centre.send("undo")
    assert waiting() == 21


# Ways to somebody


def test_another_mail_address_counts_once_it_is_confirmed(centre: Centre) -> None:
    person = centre.person(email="ada@example.org")
    centre.sign_in(person)
    centre.send("address", email="countess@example.org")
    mail = centre.mails()[-1]
    assert mail.parts["to"] == "countess@example.org"
    assert [row.value for row in centre.rows(Address)] == ["ada@example.org"]
    assert centre.client.post(f"/preferences/confirm/{centre.token_of(mail)}").status_code == 200
    assert [row.value for row in centre.rows(Address)] == ["countess@example.org"]


def test_the_address_of_another_is_neither_taken_nor_told(centre: Centre) -> None:
    centre.person(email="bob@example.org")
    centre.sign_in(centre.person(email="ada@example.org"))
    taken = centre.send("address", email="bob@example.org")
    free = centre.send("address", email="bab@example.org")
    assert taken.status_code == free.status_code == 200
    assert taken.text.replace("bob@", "bab@") == free.text
    assert [mail.parts["to"] for mail in centre.mails() if "to" in mail.parts] == ["bab@example.org"]


@pytest.mark.parametrize("email", ["nonsense", "ada@example.org"])
def test_what_is_no_new_address_is_said(centre: Centre, email: str) -> None:
    centre.sign_in(centre.person(email="ada@example.org"))
    assert centre.send("address", email=email).status_code == 422


def test_telegram_is_connected_by_a_deep_link(centre: Centre, hub: Hub, client: TestClient) -> None:
    client.app.state.hub = centre.hub = Hub(**{**vars(hub), "telegram_name": lambda: "icc_bot"})  # type: ignore[attr-defined]
    person = centre.person()
    assert "Connect Telegram" in centre.sign_in(person).text
    page = centre.send("connect")
    parameter = page.text.split("https://t.me/icc_bot?start=")[1].split('"')[0]
    assert len(parameter) <= 64
    assert parameter.replace("_", "").replace("-", "").isalnum()

    async def press_start(session: AsyncSession) -> Subscriber:
        return await link_by_start(session, parameter, 42, topics=load_topics(), clock=hub.clock)

    assert centre.do(press_start).id == person
    assert "Disconnect Telegram" in centre.client.get("/preferences").text
    centre.send("connect/end")
    assert [row.channel for row in centre.rows(Address)] == ["email"]


def test_a_mailed_telegram_link_leads_to_the_same_deep_link(centre: Centre, hub: Hub, client: TestClient) -> None:
    client.app.state.hub = Hub(**{**vars(hub), "telegram_name": lambda: "icc_bot"})  # type: ignore[attr-defined]
    person = centre.person()
    issued = centre.do(lambda session: issue(session, person, Purpose.TELEGRAM, links=LINKS, clock=hub.clock))
    page = centre.client.get(f"/preferences/telegram/{issued.token}")
    assert f"https://t.me/icc_bot?start={start_parameter(issued.token)}" in page.text


@pytest.mark.parametrize("values", [{"channel": "telegram"}, {"by_topic": True}])
def test_where_the_bot_is_stopped_the_page_says_that_nothing_comes_and_moves_it_to_mail(
    centre: Centre, values: dict[str, Any]
) -> None:
    by_topic = values.pop("by_topic", False)
    person = centre.person(telegram=7, topics={"youth": Frequency.AT_ONCE}, **values)

    async def stop(session: AsyncSession) -> None:
        address = (await list_addresses(session, person))[ChannelName.TELEGRAM]
        await suppress(session, address.id, "stopped", clock=centre.hub.clock)

    if by_topic:
        centre.sign_in(person)
        centre.send("topics", **{"often.youth": "at_once", "how.youth": "telegram"})
    assert "the bot is stopped there. So what you chose" not in centre.sign_in(person).text
    centre.do(stop)
    assert "the bot is stopped there. So what you chose" in centre.sign_in(person).text
    page = centre.send("by-mail")
    assert "the bot is stopped there. So what you chose" not in page.text
    assert centre.row(person).channel == "email"
    assert centre.choices() == {"youth": ("at_once", None)}


def test_a_city_without_telegram_is_offered_none(centre: Centre) -> None:
    person = centre.person(city="it-bari")

    async def turn_off(session: AsyncSession) -> None:
        session.add(CityRule(city="it-bari", telegram_off=True))
        await session.commit()

    centre.do(turn_off)
    assert "Your city does not use Telegram with us." in centre.sign_in(person).text
    assert centre.send("connect").status_code == 403
    assert not [row for row in centre.rows(Confirmation) if row.purpose == "telegram"]


# New people


NEWCOMER = {
    "name": "Grace Hopper", "email": "grace@example.org", "place": "city:it-bari", "role": "coordinator",
    "language": "it", "choice": "recommended_weekly", "time_zone": "Europe/Rome",
}  # fmt: skip


def test_somebody_new_confirms_before_anything_is_sent(centre: Centre) -> None:
    centre.client.post("/preferences/new", data=NEWCOMER)
    person = centre.rows(Subscriber)[0]
    assert (person.name, person.city, person.country, person.language) == ("Grace Hopper", "it-bari", "IT", "it")
    assert (person.choice, person.is_mandatory_contact, person.may_set_city_defaults) == (
        "recommended_weekly", False, False,
    )  # fmt: skip
    assert centre.rows(Address)[0].confirmed_at is None
    [mail] = centre.mails()
    assert mail.message.startswith("confirm/")
    path = f"/preferences/confirm/{centre.token_of(mail)}"
    centre.client.get(path)
    assert centre.rows(Address)[0].confirmed_at is None, "mail scanners open links"
    assert "Grace Hopper" in centre.client.post(path).text
    assert centre.rows(Address)[0].confirmed_at is not None
    centre.client.cookies.clear()
    for again in (centre.client.post(path), centre.client.get(path)):
        assert "Your address is confirmed." in again.text
        assert "Grace Hopper" not in again.text, "a link opens somebody's page once"


def test_whoever_is_known_keeps_what_they_chose_and_nobody_learns_that_they_are(centre: Centre) -> None:
    person = centre.person(email="grace@example.org", name="Grace", topics={"youth": Frequency.DAILY})
    known = centre.client.post("/preferences/new", data=NEWCOMER)
    unknown = centre.client.post("/preferences/new", data=NEWCOMER | {"email": "grave@example.org"})
    assert known.text.replace("grace@", "grave@") == unknown.text
    assert centre.row(person).name == "Grace"
    assert centre.choices() == {"youth": ("daily", None)}
    assert sorted(mail.message.split("/")[0] for mail in centre.mails()) == ["confirm", "preferences"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "}, {"email": "x"}, {"place": ""}, {"place": "city:atlantis"}, {"place": "network:none"},
        {"role": "king"}, {"language": "xx"}, {"choice": "all"},
    ],
)  # fmt: skip
def test_a_wrong_field_of_a_newcomer_is_named(centre: Centre, wrong: dict[str, str]) -> None:
    answer = centre.client.post("/preferences/new", data=NEWCOMER | wrong)
    assert answer.status_code == 422
    assert "Please look at this" in answer.text
    assert centre.rows(Subscriber) == []


def test_a_national_network_or_nothing_of_the_list_can_be_named_too(centre: Centre) -> None:
    network = "network:Rete Città del Dialogo"
    centre.client.post("/preferences/new", data=NEWCOMER | {"place": network, "time_zone": ""})
    centre.client.post("/preferences/new", data=NEWCOMER | {"place": "other", "email": "b@example.org", "choice": ""})
    by_network = {(row.network, row.country, row.time_zone, row.choice) for row in centre.rows(Subscriber)}
    assert by_network == {
        ("Rete Città del Dialogo", "IT", "Europe/Rome", "recommended_weekly"), (None, None, "Europe/Rome", None),
    }  # fmt: skip


# Own data


def test_the_own_data_can_be_taken_along_and_deleted(centre: Centre) -> None:
    person = centre.person(email="ada@example.org", topics={"youth": Frequency.DAILY})
    centre.sign_in(person)
    answer = centre.client.get("/preferences/data/file")
    data = json.loads(answer.content)
    assert data["subscriber"]["id"] == person
    assert data["subscription"][0]["topic"] == "youth"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert centre.send("data/erase").status_code == 422
    assert len(centre.rows(Subscriber)) == 1
    page = centre.send("data/erase", sure="yes")
    assert "Everything is deleted" in page.text
    assert centre.rows(Subscriber) == []
    assert centre.rows(Address) == []
    assert "Send me the link" in centre.client.get("/preferences").text


def test_questions_and_mail_that_did_not_leave_are_in_the_file_and_go_with_the_person(centre: Centre) -> None:
    person, other = centre.person(email="ada@example.org"), centre.person(email="bo@example.org")
    outbox = Outbox(centre.hub.database, centre.hub.clock)

    async def fill(session: AsyncSession) -> None:
        for who, address in ((person, "Ada@example.org"), (other, "bo@example.org")):
            await create_handoff(
                session,
                channel=BY_MAIL,
                sender_key=who,
                language="en",
                question=f"A question of {address}?",
                subject=None,
                clock=centre.hub.clock,
            )
            mail = f"Message-ID: <{who}@hub>\nSubject: To {address}\n\nHello.\n"
            await outbox.deliver("hub@example.org", address, mail.encode())

    centre.do(fill)
    centre.sign_in(person)
    data = json.loads(centre.client.get("/preferences/data/file").content)
    assert [row["question"] for row in data["question"]] == ["A question of Ada@example.org?"]
    assert [row["subject"] for row in data["mail"]] == ["To Ada@example.org"]
    centre.send("data/erase", sure="yes")
    assert [row.sender_key for row in centre.rows(Handoff)] == [other]
    assert [row.recipient for row in centre.rows(OutboxMail)] == ["bo@example.org"]


def test_the_history_says_what_was_changed_where_and_what_was_taken_back(centre: Centre) -> None:
    person = centre.person()
    centre.sign_in(person)
    centre.send("choice", choice="everything_at_once")
    centre.send("topics", **{"often.youth": "off"})
    centre.send("pause", weeks="1")
    centre.send("undo")
    words = centre.text(centre.client.get("/preferences/history"))
    assert words.count("on this page") == 3
    order = [words.index(word) for word in ("taken back", "single topics", "what you get on this page")]
    assert order == sorted(order)
    centre.send("undo")
    assert (centre.row(person).choice, centre.choices()) == ("everything_at_once", {})


def test_people_of_a_city_set_what_counts_for_those_who_did_not_choose(centre: Centre) -> None:
    person = centre.person(city="it-bari", may_set_city_defaults=True)
    colleague = centre.person(city="it-bari")
    centre.sign_in(person)
    centre.send("city", **{"often.webinars": "weekly", "often.youth": "", "telegram_off": "yes"})
    assert [(row.city, row.topic, row.frequency) for row in centre.rows(CityDefault)] == [
        ("it-bari", "webinars", "weekly")
    ]
    assert [row.telegram_off for row in centre.rows(CityRule)] == [True]
    page = centre.sign_in(colleague)
    assert "As your city has set: Once a week" in page.text
    assert centre.client.get("/preferences/city").status_code == 403
    assert centre.send("city", **{"often.webinars": "off"}).status_code == 403


def test_whoever_left_chooses_nothing_by_the_link_of_an_old_message(centre: Centre) -> None:
    person = centre.person(email="ada@example.org", left_at=centre.hub.clock.now())
    page = centre.client.get(centre.foot(person))
    assert "You are no longer on our list" in page.text
    assert 'name="choice"' not in page.text
    token = TOKEN.search(page.text)
    assert token is not None
    for path, status in (("stop", 409), ("return", 403)):
        answer = centre.client.post(f"/preferences/{path}", data={"token": token[1]})
        assert answer.status_code == status
    assert centre.rows(PreferenceChange) == []
    assert centre.row(person).left_at is not None


def test_whoever_left_comes_back_with_a_link_they_ask_for_and_everything_is_off(centre: Centre) -> None:
    person = centre.person(
        email="ada@example.org",
        left_at=centre.hub.clock.now(),
        is_mandatory_contact=True,
        may_set_city_defaults=True,
        city="it-parma",
        choice=Choice.EVERYTHING_AT_ONCE,
        topics={"youth": Frequency.AT_ONCE},
    )
    asked = centre.client.post("/preferences/link", data={"email": "ada@example.org"})
    unknown = centre.client.post("/preferences/link", data={"email": "nobody@example.org"})
    assert centre.text(asked) == centre.text(unknown)
    [mail] = centre.mails()

    async def may_go(session: AsyncSession) -> bool:
        found = await recheck(session, [mail], topics=load_topics(), now=centre.hub.clock.now())
        return found[mail.id].outcome is Outcome.SEND

    assert centre.do(may_go)
    page = centre.client.post(f"/preferences/enter/{centre.token_of(mail)}")
    assert 'name="choice"' not in page.text
    assert centre.row(person).left_at is not None, "opening the page changes nothing"
    answer = centre.send("return")
    assert "You are back. Everything is off." in centre.text(answer)
    ours = centre.row(person)
    assert (ours.left_at, ours.choice, ours.is_mandatory_contact) == (None, Choice.REQUIRED_ONLY, False)
    assert not ours.may_set_city_defaults
    assert centre.choices() == {}
    centre.expand("youth")
    assert [row.broadcast_id for row in centre.rows(Delivery)] == [None]
    # A second press, from a page that stayed open, changes nothing.
    centre.send("choice", choice="everything_at_once")
    centre.send("return")
    assert centre.row(person).choice == Choice.EVERYTHING_AT_ONCE


def test_closing_the_page_forgets_who_is_there(centre: Centre) -> None:
    centre.sign_in(centre.person())
    assert "Your page is closed" in centre.send("close").text
    assert "Send me the link" in centre.client.get("/preferences").text
