"""Files of subscribers: all bad rows are named, nothing is taken half, own choices stay, and no formula gets out."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import FixedClock
from core.settings import PROJECT_ROOT
from core.texts import Texts
from knowledge.base import KnowledgeBase
from knowledge.errors import KnowledgeError
from subscriptions.columns import COLUMNS, Vocabulary
from subscriptions.errors import FileHasProblemsError, FileUnreadableError
from subscriptions.importing import Imported, Plan, has_contacts, import_subscribers, invite, list_rows, plan_import
from subscriptions.links import Links
from subscriptions.models import Address, Choice, Delivery, Frequency, Subscriber, Subscription
from subscriptions.rows import is_guessed, main_time_zone, read_rows, write_csv, write_workbook
from subscriptions.topics import Topics, load_topics
from tests.factories import make_subscriber

GOOD = """email;Name;City;language;contact;topics
ada@example.org;Ada;Reggio Emilia;it;yes;youth:weekly education:at_once
bo@example.org;Bo;jp-hamamatsu;ja;;
"""


class Importer:
    """Plans and imports with the same parts."""

    def __init__(self, session: AsyncSession, base: KnowledgeBase, topics: Topics, clock: FixedClock) -> None:
        self.session, self.base, self.topics, self.clock = session, base, topics, clock

    async def plan(self, content: str | bytes, *, is_workbook: bool = False) -> Plan:
        data = content.encode() if isinstance(content, str) else content
        return await plan_import(self.session, data, is_workbook=is_workbook, base=self.base, topics=self.topics)

    async def take(self, content: str | bytes) -> Imported:
        return await import_subscribers(self.session, await self.plan(content), topics=self.topics, clock=self.clock)


@pytest.fixture
def importer(session: AsyncSession, knowledge_base: KnowledgeBase, topics: Topics, clock: FixedClock) -> Importer:
    return Importer(session, knowledge_base, topics, clock)


async def people(session: AsyncSession) -> dict[str, Subscriber]:
    session.expunge_all()
    query = select(Address.value, Subscriber).join(Subscriber, col(Subscriber.id) == col(Address.subscriber_id))
    return dict((await session.exec(query)).all())


async def test_a_dry_run_writes_nothing_and_the_import_does_what_it_said(importer: Importer) -> None:
    plan = await importer.plan(GOOD)
    assert (plan.new, plan.changed, plan.same, list(plan.problems)) == (2, 0, 0, [])
    assert await people(importer.session) == {}
    await importer.take(GOOD)
    found = await people(importer.session)
    ada, bo = found["ada@example.org"], found["bo@example.org"]
    assert (ada.name, ada.city, ada.country, ada.language) == ("Ada", "it-reggio-emilia", "IT", "it")
    assert (ada.network, ada.is_mandatory_contact, ada.time_zone) == ("Rete Città del Dialogo", True, "Europe/Rome")
    assert (bo.city, bo.time_zone, bo.is_mandatory_contact) == ("jp-hamamatsu", "Asia/Tokyo", False)
    chosen = {row.topic: row.frequency for row in await importer.session.exec(select(Subscription))}
    assert chosen == {"youth": "weekly", "education": "at_once"}
    addresses = list(await importer.session.exec(select(Address)))
    assert {address.confirmed_at for address in addresses} == {None}, "a file is no consent"


async def test_importing_again_changes_nothing(importer: Importer) -> None:
    await importer.take(GOOD)
    plan = await importer.plan(GOOD)
    assert (plan.new, plan.changed, plan.same) == (0, 0, 2)


async def test_every_bad_row_is_named_with_each_reason_and_nothing_is_taken(importer: Importer) -> None:
    await make_subscriber(importer.session, email="gone@example.org", left_at=importer.clock.at)
    bad = (
        "email,name,city,country,role,language,time_zone,contact,topics\n"
        "ada@example.org,Ada,,,,,,,\n"
        ",Bo,,,,,,,\n"
        "no address,Bo,Nowhere,XX,king,xx,Mars/One,maybe,cooking:weekly youth:hourly youth\n"
        "ADA@example.org,Ada,,,,,,,\n"
        "cy@example.org,,,,,,,,\n"
        ",,,,,,,,\n"
        "gone@example.org,Gone,,,,,,,\n"
        f"dee@example.org,{'x' * 201},Bologna,FR,,,,,\n"
    )
    plan = await importer.plan(bad)
    assert [(problem.row, problem.column, problem.key) for problem in plan.problems] == [
        (3, "email", "email_missing"),
        (4, "email", "email_invalid"),
        (4, "city", "city_unknown"),
        (4, "country", "country_unknown"),
        (4, "role", "role_unknown"),
        (4, "language", "language_unknown"),
        (4, "time_zone", "time_zone_unknown"),
        (4, "contact", "not_yes_or_no"),
        (4, "topics", "topic_unknown"),
        (4, "topics", "frequency_unknown"),
        (4, "topics", "frequency_unknown"),
        (5, "email", "email_twice"),
        (6, "name", "name_missing"),
        (8, "email", "has_left"),
        (9, "country", "country_of_city"),
        (9, "name", "too_long"),
    ]
    texts = Texts.load(PROJECT_ROOT / "locales")
    assert {f"import.problem.{problem.key}" for problem in plan.problems} <= texts.keys("en")
    with pytest.raises(FileHasProblemsError):
        await import_subscribers(importer.session, plan, topics=importer.topics, clock=importer.clock)
    assert set(await people(importer.session)) == {"gone@example.org"}


@pytest.mark.parametrize("are_known", [True, False])
async def test_contacts_of_many_years_are_not_welcomed_as_new_ones(importer: Importer, are_known: bool) -> None:
    assert not await has_contacts(importer.session)
    await make_subscriber(importer.session, email="bo@example.org", name="Bo", city="it-bari")
    file = "email,name,city,contact\nada@example.org,Ada,it-bologna,yes\nbo@example.org,Bo,it-bari,yes\n"
    file += "cy@example.org,Cy,it-bari,no\n"
    plan = await importer.plan(file)
    await import_subscribers(importer.session, plan, topics=importer.topics, clock=importer.clock, are_known=are_known)
    welcomed = {person.name for person in await importer.session.exec(select(Subscriber)) if person.welcomed_at}
    assert welcomed == ({"Ada", "Bo"} if are_known else set())
    assert await has_contacts(importer.session)


@pytest.mark.parametrize(
    ("encoding", "name"), [("cp1250", "Łukasz Żak"), ("cp1254", "Işıl Ağa"), ("cp1251", "Олена Шевченко")]
)
async def test_letters_of_other_countries_are_read_as_they_were_written(
    importer: Importer, encoding: str, name: str
) -> None:
    content = f"email,name\nada@example.org,{name}\n".encode(encoding)
    assert is_guessed(content, is_workbook=False)
    assert not is_guessed(name.encode(), is_workbook=False)
    assert not is_guessed(name.encode("utf-16"), is_workbook=False)
    [row] = read_rows(content, is_workbook=False, encoding=encoding)
    assert row["name"] == name
    [row] = read_rows(content, is_workbook=False, encoding="no such thing")
    assert row["name"] != name


async def test_a_file_never_changes_what_somebody_chose_themselves(importer: Importer) -> None:
    await make_subscriber(
        importer.session,
        email="ada@example.org",
        language="fr",
        time_zone="Europe/Paris",
        topics={"youth": Frequency.OFF},
    )
    await make_subscriber(importer.session, email="bo@example.org", choice=Choice.REQUIRED_ONLY)
    await importer.take(GOOD.replace("ja;;", "ja;;webinars:at_once"))
    found = await people(importer.session)
    ada = found["ada@example.org"]
    assert (ada.language, ada.time_zone, ada.city) == ("fr", "Europe/Paris", "it-reggio-emilia")
    chosen = {row.topic: row.frequency for row in await importer.session.exec(select(Subscription))}
    assert chosen == {"youth": "off", "education": "at_once"}


async def test_a_later_file_corrects_what_an_earlier_one_said(importer: Importer) -> None:
    await importer.take(GOOD)
    done = await importer.take(GOOD.replace("youth:weekly", "youth:off").replace(";Ada;", ";Ada L.;"))
    assert (len(done.new), len(done.changed)) == (0, 1)
    assert (await people(importer.session))["ada@example.org"].name == "Ada L."
    chosen = {row.topic: row.frequency for row in await importer.session.exec(select(Subscription))}
    assert chosen["youth"] == "off"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no_email_column"),
        (b"name,city\nAda,Rome\n", "no_email_column"),
        (b"email,shoe size\na@example.org,42\n", "column_unknown"),
        (b"email,name,name\n", "column_twice"),
        (b'email,name\n"a@example.org,Ada\n', "not_csv"),
        (b"\xff\xfe\x00\xd8", "not_text"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_with_the_reason(
    importer: Importer, content: bytes, reason: str
) -> None:
    with pytest.raises(FileUnreadableError) as refused:
        await importer.plan(content)
    assert refused.value.values["reason"] == reason
    assert f"import.problem.{reason}" in Texts.load(PROJECT_ROOT / "locales").keys("en")


@pytest.mark.parametrize("content", [b"no workbook", b"PK\x03\x04 broken"])
async def test_what_is_no_workbook_is_refused(importer: Importer, content: bytes) -> None:
    with pytest.raises(FileUnreadableError):
        await importer.plan(content, is_workbook=True)


async def test_a_workbook_that_would_unpack_to_far_too_much_is_refused(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscriptions.rows.LARGEST_SHEET", 10_000)
    book = Workbook()
    assert book.active is not None
    for _ in range(3000):
        book.active.append(["a" * 100] * 5)
    target = io.BytesIO()
    book.save(target)
    with pytest.raises(FileUnreadableError) as refused:
        await importer.plan(target.getvalue(), is_workbook=True)
    assert refused.value.values["reason"] == "too_large"


def test_files_of_spreadsheets_in_other_encodings_are_read() -> None:
    text = "email;name\nada@example.org;José\n"
    for encoding in ("utf-8", "utf-8-sig", "cp1252", "utf-16"):
        rows = list(read_rows(text.encode(encoding), is_workbook=False))
        assert rows == [{"email": "ada@example.org", "name": "José"}], encoding


DANGEROUS = ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "＝1", "'quoted", "plain"]


@pytest.mark.parametrize("is_workbook", [False, True])
async def test_no_exported_cell_is_a_formula_and_reading_it_back_changes_nothing(
    importer: Importer, is_workbook: bool
) -> None:
    for number, name in enumerate(DANGEROUS):
        await make_subscriber(
            importer.session, email=f"p{number}@example.org", name=name, topics={"youth": Frequency.DAILY}
        )
    rows = [row async for row in list_rows(importer.session)]
    content = write_workbook(rows) if is_workbook else write_csv(rows).encode()
    if is_workbook:
        sheet = load_workbook(io.BytesIO(content)).worksheets[0]
        cells = [cell for line in sheet.iter_rows() for cell in line]
        assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
        values = [str(cell.value) for cell in cells if cell.value is not None]
    else:
        values = [cell for line in content.decode().splitlines() for cell in line.split(",")]
    assert not any(value.startswith(("=", "+", "-", "@", "＝")) for value in values)
    plan = await importer.plan(content, is_workbook=is_workbook)
    assert (plan.same, plan.new, plan.changed, list(plan.problems)) == (len(DANGEROUS), 0, 0, [])


async def test_an_export_holds_everybody_who_has_not_left_and_every_column(importer: Importer) -> None:
    await make_subscriber(importer.session, email="gone@example.org", left_at=importer.clock.at)
    await make_subscriber(importer.session, email="ada@example.org", city="it-parma")
    await make_subscriber(importer.session, email="bo@example.org", city="it-bologna")
    rows = [row async for row in list_rows(importer.session)]
    assert {row["email"] for row in rows} == {"ada@example.org", "bo@example.org"}
    assert set(rows[0]) == set(COLUMNS)
    assert [row["email"] async for row in list_rows(importer.session, city="it-parma")] == ["ada@example.org"]


async def test_new_people_are_asked_to_confirm_and_nobody_twice(importer: Importer, links: Links) -> None:
    done = await importer.take(GOOD)
    assert await invite(importer.session, done.new, links=links, clock=importer.clock) == 2
    rows = list(await importer.session.exec(select(Delivery)))
    assert {row.message.partition("/")[0] for row in rows} == {"confirm"}
    confirmed = await make_subscriber(importer.session)
    assert await invite(importer.session, [confirmed.id], links=links, clock=importer.clock) == 0


async def test_the_request_to_confirm_names_what_the_file_set_and_what_was_switched_off_not(
    importer: Importer, links: Links
) -> None:
    chosen = "youth:weekly;webinars:off;membership-notices:at_once"
    file = f"email,name,topics\nada@example.org,Ada,{chosen}\nbo@example.org,Bo,\n"
    done = await importer.take(file)
    await invite(importer.session, done.new, links=links, clock=importer.clock)

    parts = [row.parts.get("topics") for row in await importer.session.exec(select(Delivery))]
    assert sorted(parts, key=str) == [None, ["membership-notices", "youth"]]


@pytest.mark.parametrize(
    ("country", "zone"),
    [("IT", "Europe/Rome"), ("PT", "Europe/Lisbon"), ("ES", "Europe/Madrid"), ("CA", None), ("UA", "Europe/Kyiv")],
)
def test_a_country_gives_its_time_zone_only_where_that_is_plain(country: str, zone: str | None) -> None:
    assert main_time_zone(country) == zone


# The topics themselves


def test_there_are_thirty_topics_two_of_them_duties_and_all_have_words(topics: Topics) -> None:
    assert len(topics.facts) == 30
    assert topics.mandatory == {"membership-notices", "annual-coordinators-meeting"}
    assert len(topics.recommended) == 12
    keys = Texts.load(PROJECT_ROOT / "locales").keys("en")
    for topic in topics.facts:
        assert {f"topic.{topic}.title", f"topic.{topic}.description"} <= keys
    assert len([key for key in keys if key.startswith("topic.")]) == 60


def test_a_broken_topic_is_named_with_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "knowledge"
    (folder / "facts").mkdir(parents=True)
    (folder / "facts" / "topics.yaml").write_text(
        "- id: youth\n  mandatory: false\n  default: true\n  source: seed\n"
        "- id: youth\n  mandatory: perhaps\n  default: true\n  source: seed\n",
        encoding="utf-8",
    )
    with pytest.raises(KnowledgeError) as refused:
        load_topics(folder)
    assert "knowledge/facts/topics.yaml:6" in refused.value.problems[0]


@pytest.mark.parametrize(
    "titles",
    ["E-mail;Full name;Town", "Courriel;Nom;Ville", "Posta elettronica;Nome;Città", "البريد الإلكتروني;الاسم;المدينة"],
)
async def test_columns_are_called_as_people_call_them(importer: Importer, titles: str) -> None:
    plan = await importer.plan(f"{titles}\nada@example.org;Ada;Reggio Emilia\n")
    assert (plan.new, plan.problems) == (1, [])
    assert (plan.entries[0].name, plan.entries[0].profile["city"]) == ("Ada", "it-reggio-emilia")


async def test_cells_may_hold_titles_in_any_language(importer: Importer) -> None:
    texts = Texts.load(PROJECT_ROOT / "locales")
    content = (
        "email\tname\trole\tlanguage\tcountry\tcontact\ttopics\n"
        "ada@example.org\tAda\tCoordinator\tFrançais\tItalie\toui\t"
        "Housing, public space and green cities: once a week; Jeunes:daily, webinars:at_once\n"
        "bo@example.org\tBo\tstaff\tit\tIT\tno\tyouth:weekly education:at_once\n"
        "cy@example.org\tCy\tstaff\tit\tIT\tno\tKnitting circle:weekly\n"
    )
    plan = await plan_import(
        importer.session,
        content.encode(),
        is_workbook=False,
        base=importer.base,
        topics=importer.topics,
        vocabulary=Vocabulary.load(texts, importer.topics.facts),
    )
    ada, bo = plan.entries
    housing = next(topic for topic in importer.topics.facts if "housing" in topic)
    assert ada.topics == {housing: "weekly", "youth": "daily", "webinars": "at_once"}
    assert (ada.profile["role"], ada.profile["language"], ada.profile["country"]) == ("coordinator", "fr", "IT")
    assert ada.profile["is_mandatory_contact"] is True
    assert bo.topics == {"youth": "weekly", "education": "at_once"}
    assert [(one.row, one.key, one.value) for one in plan.problems] == [(4, "topic_unknown", "Knitting circle")]


async def test_the_good_rows_alone_can_be_taken(importer: Importer) -> None:
    plan = await importer.plan("email,name\nada@example.org,Ada\nbad,Bo\ncy@example.org,\n")
    assert plan.fates == {2: "new"}
    await import_subscribers(importer.session, plan.without_bad_rows(), topics=importer.topics, clock=importer.clock)
    assert set(await people(importer.session)) == {"ada@example.org"}
