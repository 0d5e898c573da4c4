"""The pages over HTTP, without a browser: languages, forms, the catalogue, and what must never stand in a page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from conversation.handoffs import answer_handoff, list_handoffs
from conversation.replies import Wording
from core.languages import LANGUAGES, RELEASED
from knowledge.page_links import page_for_reader
from knowledge.schema import Kind
from tests.fakes import TODAY, FakeAssistant
from web.chat import SCRIPT_TEXTS, ShownReply
from web.isolation import isolate
from web.pages import STATIC, is_shown, static_version
from web.state import Hub

PAGES = (
    "/",
    "/?ask=tool/icc-index",
    "/embed?site_lang=it&city=Reggio+Emilia",
    "/catalogue",
    "/catalogue?kind=tool&area=housing",
    "/catalogue?kind=service&place=Bologna",
    "/catalogue?kind=membership",
    "/entry/tool/icc-index",
    "/entry/service/it-unar",
    "/entry/membership/fee-coe-page",
    "/emergency",
    "/observatory",
    "/docs",
    "/privacy",
    "/accessibility",
)


class Reader(HTMLParser):
    """Reads a page into its elements, and the text that a person sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def links(self) -> list[str]:
        return [attributes["href"] for attributes in self.all("a")]

    def field(self, name: str) -> str:
        return next(element["value"] for element in self.all("input") if element.get("name") == name)


def read(client: TestClient, address: str, *, language: str = "", status: int = 200) -> Reader:
    response = client.get(address, headers={"Accept-Language": language})
    assert response.status_code == status, address
    assert response.headers["content-type"].startswith("text/html")
    return Reader(response.text)


@pytest.mark.parametrize("language", RELEASED)
@pytest.mark.parametrize("address", PAGES)
def test_each_page_says_its_language_and_direction(client: TestClient, address: str, language: str) -> None:
    page = read(client, address + ("&" if "?" in address else "?") + f"lang={language}")
    assert page.all("html") == [{"lang": language, "dir": LANGUAGES[language].direction}]


@pytest.mark.parametrize("address", PAGES)
def test_no_page_breaks_its_own_policy_or_asks_a_third_party(client: TestClient, address: str) -> None:
    response = client.get(address)
    page = Reader(response.text)
    assert "script-src 'self'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-store"
    for tag, attributes in page.elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert tag != "style"
        if tag == "script":
            assert attributes.get("src", "").startswith("/static/") or attributes["type"] == "application/json"
        if tag in {"img", "link", "iframe", "source"}:
            assert (attributes.get("href") or attributes.get("src", "")).startswith("/")
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    ("address", "header", "expected"),
    [
        ("/", "", "en"),
        ("/", "fr-CH, en;q=0.5", "fr"),
        ("/?lang=it", "fr", "it"),
        ("/?lang=ar-MA", "fr", "ar"),
        ("/?lang=de", "fr", "fr"),
        ("/?lang=%00bogus", "fr", "fr"),
        ("/embed?site_lang=it", "fr", "it"),
        ("/embed?site_lang=it&lang=ar", "fr", "ar"),
    ],
)
def test_the_choice_comes_before_the_site_and_the_browser(
    client: TestClient, address: str, header: str, expected: str
) -> None:
    page = read(client, address, language=header)
    assert page.all("html")[0]["lang"] == expected


def test_only_a_chosen_language_travels_along(client: TestClient) -> None:
    chosen, found = read(client, "/?lang=fr"), read(client, "/", language="fr")
    assert "/emergency?lang=fr" in chosen.links()
    assert "/emergency" in found.links()
    assert '"chosen": true' in chosen.text
    assert '"chosen": false' in found.text
    assert '"chosen": false' in read(client, "/embed?site_lang=fr").text


def test_the_language_menu_keeps_the_rest_of_the_address(client: TestClient) -> None:
    page = read(client, "/catalogue?kind=tool&area=housing&lang=en")
    choices = [link for link in page.all("a") if link.get("hreflang")]
    assert [choice["lang"] for choice in choices] == RELEASED
    for choice in choices:
        asked = parse_qs(urlsplit(choice["href"]).query)
        assert asked == {"kind": ["tool"], "area": ["housing"], "lang": [choice["hreflang"]]}


def test_the_chat_says_that_it_is_a_machine_and_how_to_begin(client: TestClient, wording: Wording) -> None:
    page = read(client, "/")
    assert wording.texts.get("page.chat.machine", "en") in page.text
    assert wording.texts.get("talk.greet", "en") in page.text
    messages = [field["value"] for field in page.all("input") if field.get("name") == "message"]
    assert messages == ["/tools", "/membership", "/services"]
    assert "/emergency" in page.links()


def test_asking_about_an_entry_offers_it_first(client: TestClient) -> None:
    page = read(client, "/?ask=tool/icc-index")
    messages = [field["value"] for field in page.all("input") if field.get("name") == "message"]
    assert messages[0] == "/tool/icc-index"
    assert read(client, "/?ask=tool/unheard-of").all("input")


# The chat as a form.


@pytest.mark.parametrize("data", [{"message": "the index, please"}, {"message": "a" * 2001}, {"look": "1"}])
def test_without_script_the_page_leads_to_what_came_of_a_form(client: TestClient, data: dict[str, str]) -> None:
    """It would stand at its top, as if nothing had happened."""
    before = Reader(client.get("/").text)
    actions = [form.get("action", "") for form in before.all("form")]
    assert {action.partition("#")[2] for action in actions if action.startswith("/chat")} == {"answer"}
    assert not [element for element in before.all("span") if element.get("id") == "answer"]
    html = client.post("/chat", data=data).text
    assert html.count('id="answer"') == 1
    assert 'class="hero"' not in html
    assert "<noscript>\n    <div" not in html
    assert html.count("<h1") == 1


def test_the_form_answers_and_carries_the_conversation_on(client: TestClient, assistant: FakeAssistant) -> None:
    assistant.understand("the index, please", "ask_entry", entry="tool/icc-index")
    page = Reader(client.post("/chat", data={"message": "the index, please"}).text)
    assert "the index, please" in page.text
    assert "Intercultural Cities Index" in page.text
    sender = page.field("sender")
    assert len(sender) > 20
    again = Reader(client.post("/chat", data={"message": "/tools", "said": "Tools", "sender": sender}).text)
    assert again.field("sender") == sender
    assert "Tools" in again.text
    assert len({asked[0] for asked in assistant.asked}) == 1


def test_the_form_escapes_what_people_write(client: TestClient) -> None:
    html = client.post("/chat", data={"message": "<script>alert(1)</script>"}).text
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_a_message_that_is_too_long_is_kept(client: TestClient) -> None:
    response = client.post("/chat", data={"message": "a" * 2001})
    assert response.status_code == 422
    page = Reader(response.text)
    assert "2,000" in page.text
    assert "a" * 2001 in page.text


def test_line_breaks_of_a_form_count_once(client: TestClient) -> None:
    assert client.post("/chat", data={"message": "a" * 1999 + "\r\n"}).status_code == 200


def test_too_many_messages_say_when_to_go_on(client: TestClient) -> None:
    sender = Reader(client.post("/chat", data={"message": "/tools"}).text).field("sender")
    answers = [client.post("/chat", data={"message": "/tools", "sender": sender}) for _ in range(31)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert answers[-1].headers["retry-after"] in Reader(answers[-1].text).text


def test_a_damaged_sender_begins_a_new_conversation(client: TestClient) -> None:
    page = Reader(client.post("/chat", data={"message": "/tools", "sender": "a b\x00", "after": "x"}).text)
    assert " " not in page.field("sender")


def test_the_chosen_language_is_kept_by_the_form(client: TestClient, assistant: FakeAssistant) -> None:
    page = Reader(client.post("/chat?lang=it", data={"message": "/tools"}, headers={"Accept-Language": "fr"}).text)
    assert assistant.asked[-1][2]["reply_language"] == "it"
    assert {form["action"] for form in page.all("form") if "action" in form} == {"/chat?lang=it#answer"}
    assert page.all("html")[0]["lang"] == "it"


def test_the_answer_of_a_person_comes_without_a_script(client: TestClient, hub: Hub) -> None:
    page = Reader(client.post("/chat", data={"message": "/flow/handoff"}).text)
    sender = page.field("sender")
    client.post("/chat", data={"message": "What does it cost our small city?", "sender": sender})
    client.post("/chat", data={"message": "/confirm", "said": "Send it", "sender": sender})

    async def answer() -> None:
        async with hub.database.session() as session:
            (handoff,) = await list_handoffs(session)
            assert handoff.id is not None
            await answer_handoff(session, handoff.id, answer="It depends.", clock=hub.clock)

    before = Reader(client.post("/chat", data={"look": "1", "sender": sender}).text)
    assert hub.wording.texts.get("page.chat.nothing_new", "en") in before.text
    assert client.portal is not None
    client.portal.call(answer)
    after = Reader(client.post("/chat", data={"look": "1", "sender": sender}).text)
    assert "It depends." in after.text
    assert after.field("after") == "1"


def test_opening_the_forms_address_leads_to_the_chat(client: TestClient) -> None:
    response = client.get("/chat?lang=fr", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (303, "/?lang=fr")


def test_a_reply_shows_contacts_and_notes_once(wording: Wording) -> None:
    service = wording.base.get_entry("service/it-unar")
    reply = wording.entry(service, "en", today=TODAY)
    shown = ShownReply.of(reply)
    assert shown.title == service.title("en")
    assert not [line for line in shown.lines if reply.contacts[0].value in line]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://www.coe.int/", True),
        ("http://example.org", True),
        ("tel:112", True),
        ("mailto:a@example.org", True),
        ("/catalogue", True),
        ("//example.org", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("ftp://example.org", False),
    ],
)
def test_only_harmless_addresses_become_links(address: str, shown: bool) -> None:
    assert is_shown(address) is shown


# The catalogue.


def entries_of(client: TestClient, address: str) -> list[str]:
    """Ids of all entries of a list, over all its pages."""
    found: list[str] = []
    number = 1
    while True:
        page = read(client, f"{address}&page={number}")
        found += [link.removeprefix("/entry/").partition("?")[0] for link in page.links() if link.startswith("/entry/")]
        if not [link for link in page.all("a") if link.get("rel") == "next"]:
            return found
        number += 1


def test_every_tool_and_service_stands_in_the_catalogue(client: TestClient, wording: Wording) -> None:
    for kind in (Kind.TOOL, Kind.SERVICE):
        listed = entries_of(client, f"/catalogue?kind={kind}")
        assert sorted(listed) == sorted(entry.id for entry in wording.base.list_entries(kind))


def test_entries_that_are_one_answer_are_one_line(client: TestClient, wording: Wording) -> None:
    listed = entries_of(client, "/catalogue?kind=membership")
    for group in wording.base.groups.values():
        assert len(set(group.members) & set(listed)) == 1
    alone = {entry.id for entry in wording.base.list_entries(Kind.MEMBERSHIP)} - set(wording.base.group_of)
    assert alone <= set(listed)


@pytest.mark.parametrize(
    ("query", "some", "none"),
    [
        ("kind=tool&area=housing", "tool/icc-policy-brief-housing", "tool/icc-escape-roomours"),
        ("kind=tool&tool_kind=game", "tool/icc-escape-roomours", "tool/icc-index"),
        ("kind=service&need=mediation&place=Italy", "service/it-bologna-spad", "service/es-barcelona-ond"),
        ("kind=membership&topic=fee", "membership/fee-5000-krakow", "membership/contact-team"),
        ("q=escape", "tool/icc-escape-roomours", "tool/icc-index"),
    ],
)
def test_filters_leave_what_fits(client: TestClient, query: str, some: str, none: str) -> None:
    listed = entries_of(client, f"/catalogue?{query}")
    assert some in listed
    assert none not in listed


def test_choices_that_mean_nothing_filter_nothing_out(client: TestClient) -> None:
    everything = entries_of(client, "/catalogue?kind=tool")
    assert entries_of(client, "/catalogue?kind=tool&area=bogus&need=legal-advice") == everything
    assert read(client, "/catalogue?kind=bogus&page=-3").all("h1")
    assert read(client, "/catalogue?kind=tool&page=999999999999").all("h1")
    assert read(client, "/catalogue?q=" + "x" * 3000).all("h1")


def test_services_of_a_city_come_nearest_first(client: TestClient) -> None:
    listed = entries_of(client, "/catalogue?kind=service&place=Bologna")
    assert listed[0] == "service/it-bologna-spad"
    assert listed.index("service/it-unar") < listed.index("service/eu-112")


@pytest.mark.parametrize("place", ["بولونيا", "Bologne"])
def test_a_place_is_known_by_its_names_in_other_languages(client: TestClient, place: str) -> None:
    assert "service/it-bologna-spad" in entries_of(client, f"/catalogue?kind=service&place={place}")


def test_a_country_also_lists_what_its_cities_have(client: TestClient) -> None:
    listed = entries_of(client, "/catalogue?kind=service&place=IT")
    assert listed.index("service/it-unar") < listed.index("service/it-bologna-spad")
    assert listed.index("service/it-bologna-spad") < listed.index("service/eu-112")


def test_an_unknown_place_is_said_kindly(client: TestClient, wording: Wording) -> None:
    page = read(client, "/catalogue?kind=service&place=Qwxzy")
    assert wording.texts.get("page.catalogue.place_unknown", "en", place="Qwxzy") in page.text
    assert "/catalogue?kind=service&place=IT" in page.links()


@pytest.mark.parametrize("language", RELEASED)
def test_every_entry_has_a_page(client: TestClient, wording: Wording, language: str) -> None:
    for entry in wording.base.entries.values():
        page = read(client, f"/entry/{entry.id}?lang={language}")
        group = wording.base.group_of.get(entry.id)
        assert (group.text(language).title if group else entry.title(language)) in page.text
        assert f"/?ask={entry.id.replace('/', '%2F')}&lang={language}" in page.links()


def test_a_link_says_what_it_leads_to(client: TestClient, wording: Wording) -> None:
    noted = [entry for entry in wording.base.list_entries(Kind.TOOL) if entry.tool.url_kind == "archived-page"]
    page = read(client, f"/entry/{noted[0].id}")
    assert wording.texts.get("link.note.archived-page", "en") in page.text
    assert page_for_reader(str(noted[0].tool.url), "en") in page.links()


def test_an_unknown_entry_gets_a_page_with_ways_on(client: TestClient) -> None:
    page = read(client, "/entry/tool/unheard-of?lang=fr", status=404)
    assert "/catalogue?lang=fr" in page.links()


def test_a_wrong_number_can_be_reported_without_a_script(client: TestClient, wording: Wording) -> None:
    response = client.post("/entry/service/it-unar/doubt", data={"field": "phone"})
    assert response.status_code == 200
    assert wording.texts.get("page.chat.wrong_thanks", "en") in Reader(response.text).text
    assert client.post("/entry/service/it-unar/doubt", data={"field": "bogus"}).status_code == 404
    assert client.post("/entry/service/unheard-of/doubt", data={"field": "phone"}).status_code == 404


# Information.


@pytest.mark.parametrize("language", RELEASED)
def test_every_emergency_number_can_be_called(client: TestClient, wording: Wording, language: str) -> None:
    page = read(client, f"/emergency?lang={language}")
    for code in wording.base.emergency:
        reply = wording.emergency(code, language)
        assert reply is not None
        assert code in {element.get("id") for element in page.all("article")}
        assert {contact.href for contact in reply.contacts} <= set(page.links())


def test_each_link_of_an_emergency_calls_one_number(wording: Wording) -> None:
    """The facts say "112 or 999" where both work; one link with both would call neither."""
    for code in wording.base.emergency:
        reply = wording.emergency(code, "en")
        assert reply is not None
        assert not [contact.value for contact in reply.contacts if " or " in contact.value]
    ireland, cyprus = wording.emergency("IE", "ar"), wording.emergency("CY", "ar")
    assert ireland is not None
    assert cyprus is not None
    assert [contact.href for contact in ireland.contacts[:2]] == ["tel:112", "tel:999"]
    assert [contact.href for contact in cyprus.contacts[:2]] == ["tel:112", "tel:199"]


def test_in_danger_the_numbers_come_before_what_is_to_know_about_them(client: TestClient, wording: Wording) -> None:
    page = client.post("/chat", data={"message": "/emergency/IT"}).text
    reply = wording.emergency("IT", "en")
    assert reply is not None
    first, *_, last = [line for line in reply.text.split("\n") if line]
    assert page.index(first) < page.index('href="tel:112"') < page.index(last)


@pytest.mark.parametrize(("method", "address", "status"), [("GET", "/nothing", 404), ("PUT", "/catalogue", 405)])
def test_a_page_of_a_problem_looks_like_the_others(client: TestClient, method: str, address: str, status: int) -> None:
    response = client.request(method, address, headers={"Accept": "text/html"})
    assert response.status_code == status
    assert any("catalogue.css" in link["href"] for link in Reader(response.text).all("link"))


def test_the_page_for_developers_names_every_request(client: TestClient) -> None:
    page = read(client, "/docs")
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in page.text
    assert "/internal" not in page.text


# Static files and the frame.


def test_static_files_are_kept_for_ever_under_their_own_fingerprint(client: TestClient) -> None:
    current = client.get(f"/static/{static_version()}/chat.js")
    assert current.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get("/static/000000000000/chat.js").headers["cache-control"] == "no-store"
    assert client.get(f"/static/{static_version()}/../pages.py").status_code == 404
    assert client.get(f"/static/{static_version()}/none.js").status_code == 404


def test_the_frame_opens_only_where_it_is_allowed(client: TestClient) -> None:
    assert "frame-ancestors 'self'" in client.get("/embed").headers["content-security-policy"]
    assert "frame-ancestors 'none'" in client.get("/").headers["content-security-policy"]


def test_the_line_for_other_sites_speaks_every_language(client: TestClient) -> None:
    response = client.get("/embed.js")
    assert response.headers["content-type"].startswith("text/javascript")
    words = re.search(r"const words = (\{.*\});", response.text)
    assert words is not None
    assert set(json.loads(words[1])) == set(RELEASED)


def test_the_chat_is_light(client: TestClient) -> None:
    page = read(client, "/")
    addresses = {script["src"] for script in page.all("script") if "src" in script}
    addresses |= {link["href"] for link in page.all("link") if link["rel"] in {"stylesheet", "modulepreload"}}
    assert sum(len(client.get(address).content) for address in addresses) < 40_000


def test_the_script_has_all_its_words() -> None:
    used: set[str] = set()
    for path in STATIC.glob("*.js"):
        source = path.read_text(encoding="utf-8")
        used |= set(re.findall(r"\btexts\.(\w+)", source))
        for names in re.findall(r"const \{([^}]+)\} = this\.texts", source):
            used |= {name.strip() for name in names.split(",")}
    assert used == {*SCRIPT_TEXTS, "new_tab", "tell"}


@pytest.mark.parametrize(
    ("title", "runs"),
    [
        ("دليل مكافحة الشائعات (Anti-rumours handbook)", ["(Anti-rumours handbook)"]),
        ("مشروع NET-IDEA", ["NET-IDEA"]),
        ("شبكة ICC Italy للمدن", ["ICC Italy"]),
        ("دليل مكافحة الشائعات", []),
        ("Anti-rumours handbook", []),
        ("<b>دليل</b>", ["b", "b"]),
    ],
)
def test_only_latin_runs_of_an_arabic_title_stand_alone(title: str, runs: list[str]) -> None:
    html = isolate(title)
    assert re.findall(r'<bdi class="latin" dir="ltr">(.*?)</bdi>', html) == runs
    assert html.striptags() == title


def test_the_catalogue_says_why_it_has_fewer_lines_than_entries(client: TestClient, hub: Hub) -> None:
    known = len(hub.wording.base.entries)
    text = client.get("/catalogue?lang=en").text
    lines = int(re.search(rf"{known} entries stand here in (\d+) places", text)[1])  # type: ignore[index]
    assert lines < known
    assert f"{lines} entries" in text
    assert "entries stand here" not in client.get("/catalogue?kind=tool&lang=en").text
