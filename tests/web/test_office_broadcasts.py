"""The pages on which the team writes to many, as a browser without a script uses them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.email.models import OutboxMail
from identity.operators import OperatorRole
from subscriptions.broadcasts.errors import DraftingUnavailableError
from subscriptions.broadcasts.texts import DraftText
from subscriptions.expanding import expand
from subscriptions.models import Broadcast, BroadcastStatus, BroadcastText, Delivery, Frequency, TextState
from tests.factories import make_subscriber
from tests.web.office_pages import AtOffice
from web.state import Hub


@pytest.fixture
def editor(client: TestClient, hub: Hub) -> AtOffice:
    return AtOffice(client, client.app.state.hub).join(OperatorRole.EDITOR, email="eva@example.org", name="Eva")  # type: ignore[attr-defined]


@pytest.fixture
def second(client: TestClient, editor: AtOffice) -> AtOffice:
    return AtOffice(client, editor.hub).join(OperatorRole.ADMINISTRATOR, email="adam@example.org", name="Adam")


def begin(office: AtOffice, kind: str = "news") -> str:
    """A draft; returns its address."""
    office.open("/office/broadcasts").send("/office/broadcasts", kind=kind)
    assert office.path.endswith("/message"), office.text
    return office.path.removesuffix("/message")


def write(office: AtOffice, path: str, **values: Any) -> AtOffice:
    values = {"subject": "Webinar on Monday", "body": "Come **all**.", "topics_any": ["webinars"]} | values
    return office.open(f"{path}/message").send(f"{path}/message", **values)


def send_off(office: AtOffice, path: str, **typed: Any) -> AtOffice:
    """Fill in when, look at the last page, and say yes there."""
    office.open(path).send(f"{path}/schedule", **typed)
    assert office.says("broadcast.confirm.title"), office.text
    return office.send(f"{path}/schedule")


def schedule(office: AtOffice, path: str) -> AtOffice:
    """To two people, far enough ahead that the hub's own scheduler does not begin it."""
    people(office)
    send_off(office, path, when="at", due_at_day="2026-12-01", due_at_time="09:30")
    assert office.says("broadcast.done.scheduled"), office.text
    return office


def people(office: AtOffice) -> None:
    async def make(session: AsyncSession) -> None:
        await make_subscriber(session, name="Ada", topics={"webinars": Frequency.AT_ONCE}, city="bergen")
        await make_subscriber(session, name="Bo", topics={"webinars": Frequency.WEEKLY}, language="it")
        await make_subscriber(session, name="Cy", topics={"webinars": Frequency.OFF})

    office.do(make)


def mails_about(office: AtOffice, subject: str) -> list[str]:
    """To whom mail with this subject went: the outbox, since no server is set."""

    async def read(session: AsyncSession) -> list[str]:
        return list(await session.exec(select(OutboxMail.recipient).where(OutboxMail.subject == subject)))

    return office.do(read)


def of(office: AtOffice, path: str) -> Broadcast:
    async def get(session: AsyncSession) -> Any:
        return await session.get(Broadcast, path.rpartition("/")[2])

    found: Broadcast = office.do(get)
    return found


def expand_now(office: AtOffice, path: str) -> None:
    async def work() -> None:
        async with office.hub.database.session() as session:
            broadcast = await session.get(Broadcast, path.rpartition("/")[2])
            assert broadcast is not None
            broadcast.status = BroadcastStatus.SENDING
            session.add(broadcast)
            await session.commit()
        workshop = office.hub.workshop
        assert workshop is not None
        await expand(office.hub.database, path.rpartition("/")[2], topics=workshop.topics, clock=office.clock)

    assert office.client.portal is not None
    office.client.portal.call(work)


def test_a_message_is_written_looked_at_and_scheduled(editor: AtOffice) -> None:
    people(editor)
    path = begin(editor)
    write(editor, path)
    assert editor.says("broadcast.done.saved")

    editor.open(f"{path}/audience")
    assert editor.says("broadcast.audience.count", count=2)
    assert editor.says("broadcast.cause.subscription", topic="Webinars")
    assert editor.says("broadcast.audience.nobody")
    assert "/office/subscribers/new?city=" in editor.response.text
    assert [name in editor.text for name in ("Ada", "Bo", "Cy")] == [True, True, True]
    editor.open(f"{path}/audience?reached=no")
    assert [name in editor.text for name in ("Ada", "Cy")] == [False, True]

    send_off(editor, path, when="now")
    assert editor.says("broadcast.done.soon")
    assert of(editor, path).status == BroadcastStatus.SCHEDULED


def test_nothing_goes_before_a_last_page_said_whom_it_reaches(editor: AtOffice) -> None:
    people(editor)
    path = begin(editor)
    write(editor, path)

    editor.open(path).send(f"{path}/schedule", when="now")

    assert of(editor, path).status == BroadcastStatus.DRAFT
    assert editor.says("broadcast.confirm.send", count=2)
    assert "Italian: 1 reader" in editor.text
    assert editor.says("broadcast.confirm.original", languages="Italian", language="English")
    assert f'href="{path}"' in editor.response.text


def test_what_goes_now_can_be_taken_back_for_a_minute(editor: AtOffice) -> None:
    people(editor)
    path = begin(editor)
    write(editor, path)
    pressed_at = editor.clock.at

    send_off(editor, path, when="now")

    due_at = of(editor, path).due_at
    assert due_at is not None
    assert due_at - pressed_at == timedelta(minutes=1)
    undo = next(form for form in editor.page.found if form["action"] == f"{path}/stop")
    editor.read(editor.client.post(undo["action"], data=undo["fields"] | {"do": "take_back"}))
    assert of(editor, path).status == BroadcastStatus.DRAFT


@pytest.mark.parametrize("sure", ["", "yes"])
def test_what_nobody_would_get_is_refused_in_words(editor: AtOffice, sure: str) -> None:
    path = begin(editor)
    write(editor, path)
    form = next(form for form in editor.open(path).page.found if form["action"] == f"{path}/schedule")
    editor.read(editor.client.post(form["action"], data=form["fields"] | {"when": "now", "sure": sure}))

    assert editor.status == 422
    assert editor.says("broadcast.problem.nobody")
    assert not editor.says("broadcast.overview.ready")
    assert of(editor, path).status == BroadcastStatus.DRAFT


def test_a_sent_message_shows_whom_it_reached_and_not_todays_choices(editor: AtOffice) -> None:
    path = begin(editor)
    write(editor, path)
    schedule(editor, path)
    expand_now(editor, path)

    async def finish(session: AsyncSession) -> None:
        for row in await session.exec(select(Delivery)):
            row.status = "sent"
            session.add(row)
        broadcast = await session.get(Broadcast, path.rpartition("/")[2])
        assert broadcast is not None
        broadcast.status = BroadcastStatus.SENT
        session.add(broadcast)
        await session.commit()
        for number in range(3):
            await make_subscriber(session, name=f"Late {number}", topics={"webinars": Frequency.AT_ONCE})

    editor.do(finish)
    went = len(editor.do(_deliveries))
    assert went
    editor.open(path)
    assert editor.says("broadcast.progress.reached", count=went)
    assert not editor.says("broadcast.audience.count", count=went + 3)
    assert editor.open(f"{path}/audience").path == f"{path}/progress"


async def _deliveries(session: AsyncSession) -> list[Delivery]:
    return list(await session.exec(select(Delivery)))


def test_who_does_not_get_it_has_the_reason_in_its_own_column(editor: AtOffice) -> None:
    people(editor)
    path = begin(editor)
    write(editor, path)

    page = editor.open(f"{path}/audience?reached=no").response.text

    row = page[page.index(">Cy<") :]
    cells = [cell.partition("</td>")[0] for cell in row.split("<td>")[2:4]]
    assert cells == ["Does not get it", "Switched the topic off"]


def test_it_goes_at_a_time_in_a_zone(editor: AtOffice) -> None:
    people(editor)
    path = begin(editor)
    write(editor, path)
    typed = {"when": "at", "due_at_day": "2026-12-01", "due_at_time": "09:30", "time_zone": "Europe/Kyiv"}
    send_off(editor, path, **typed)

    due_at = of(editor, path).due_at
    assert due_at is not None
    assert due_at.isoformat() == "2026-12-01T07:30:00+00:00"


def test_what_is_missing_is_said_and_nothing_typed_is_lost(editor: AtOffice) -> None:
    path = begin(editor)
    write(editor, path, topics_any=[])
    editor.open(path).send(f"{path}/schedule", when="now")
    assert editor.status == 422
    assert editor.says("broadcast.obstacle.no_topic")

    write(editor, path, body="", subject="Only a subject")
    assert editor.status == 422
    assert "Only a subject" in editor.response.text


def test_who_edits_an_old_page_is_told_and_keeps_what_they_typed(editor: AtOffice, second: AtOffice) -> None:
    path = begin(editor)
    write(editor, path)
    editor.open(f"{path}/message")
    write(second, path, body="Come on Tuesday.")

    editor.send(f"{path}/message", body="Come on Friday.", topics_any=["webinars"])

    assert editor.status == 409
    assert "Come on Friday." in editor.response.text
    assert "Come on Tuesday." in second.open(f"{path}/message").response.text


def test_a_duty_needs_a_second_person(editor: AtOffice, second: AtOffice) -> None:
    editor.do(lambda session: make_subscriber(session, name="Con", city="bergen", is_mandatory_contact=True))
    path = begin(editor, "mandatory")
    write(editor, path, reason="The fee", topics_any=["membership-notices"])
    send_off(editor, path, when="now")
    assert editor.says("broadcast.done.in_review")
    assert editor.says("broadcast.send.own")
    # Whoever can be the second person is told, and the first is not.
    assert mails_about(editor, "A second person must release this: Webinar on Monday") == ["adam@example.org"]

    second.open("/office/broadcasts")
    assert second.says("broadcast.waiting.release", subject="Webinar on Monday")
    second.open(path).send(f"{path}/release")
    assert second.says("broadcast.done.released")
    assert of(editor, path).status in {BroadcastStatus.SCHEDULED, BroadcastStatus.SENDING, BroadcastStatus.SENT}
    assert second.says("broadcast.overview.released", names="Eva, Adam")


def test_the_preview_shows_what_is_typed_in_a_frame_that_can_do_nothing(editor: AtOffice) -> None:
    path = begin(editor)
    write(editor, path)
    form = next(form for form in editor.open(f"{path}/message").page.found if form["action"].startswith(f"{path}/mess"))
    typed = form["fields"] | {"subject": "Other subject", "body": "With **marks** <script>alert(1)</script>"}

    mail = editor.client.post(f"{path}/preview?channel=email", data=typed)
    chat = editor.client.post(f"{path}/preview?channel=telegram", data=typed)

    for answer in (mail, chat):
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert "Other subject" in answer.text
        assert "<script" not in answer.text
        assert "marks" in answer.text
    assert "Other subject" not in editor.client.get(f"{path}/preview").text
    assert "Webinar on Monday" in editor.client.get(f"{path}/preview").text


def test_a_test_goes_to_oneself_alone(editor: AtOffice) -> None:
    people(editor)
    path = begin(editor)
    write(editor, path)
    editor.open(path).send(f"{path}/test")

    assert editor.says("broadcast.done.tested")

    async def count(session: AsyncSession) -> int:
        return len(list(await session.exec(select(Delivery))))

    assert editor.do(count) == 0
    assert mails_about(editor, "Webinar on Monday") == ["eva@example.org"]


def test_a_text_is_checked_beside_its_original_by_who_was_asked(editor: AtOffice, client: TestClient) -> None:
    lucia = AtOffice(client, editor.hub).join(
        OperatorRole.APPROVER, email="lucia@example.org", name="Lucia", languages=["it"]
    )
    path = begin(editor)
    write(editor, path)
    editor.open(path).send(f"{path}/languages", language="it", do="write")
    assert editor.path == f"{path}/text/it"
    editor.send(f"{path}/text/it", subject="Webinar lunedì", body="Venite.", do="save")
    editor.open(path).send(f"{path}/text/it/ask", approver=lucia.id)
    assert editor.says("broadcast.texts.asked", name="Lucia")
    assert mails_about(editor, "Please check a text in Italian: Webinar on Monday") == ["lucia@example.org"]

    lucia.open("/office/broadcasts")
    assert lucia.says("broadcast.waiting.text", language="Italian", subject="Webinar on Monday")
    lucia.open(f"{path}/text/it").send(f"{path}/text/it", do="approve")

    assert lucia.says("broadcast.done.approved")

    async def get(session: AsyncSession) -> Any:
        return await session.get(BroadcastText, (path.rpartition("/")[2], "it"))

    assert editor.do(get).state == TextState.APPROVED
    assert lucia.open(f"{path}/message").says("broadcast.preview.title")
    assert lucia.client.post(f"{path}/stop", data={"token": "x", "do": "cancel"}).status_code == 403


class Machine:
    """Stands in for a translation; one language fails."""

    def targets(self, source: str) -> list[str]:
        return ["it", "fr"]

    async def draft(self, subject: str, body: str, *, source: str, target: str) -> DraftText:
        if target == "fr":
            raise DraftingUnavailableError(language=target)
        return DraftText(f"{subject} ({target})", body, [{"check": "numbers"}])


def test_a_machine_drafts_languages_and_what_it_got_wrong_is_listed(editor: AtOffice, client: TestClient) -> None:
    AtOffice(client, editor.hub).join(OperatorRole.APPROVER, email="l@example.org", name="Lucia", languages=["it"])
    workshop = editor.hub.workshop
    assert workshop is not None
    object.__setattr__(workshop, "drafting", Machine())
    path = begin(editor)
    write(editor, path)
    editor.open(path)
    form = next(form for form in editor.page.found if form["action"] == f"{path}/languages")
    data = form["fields"] | {"languages": ["fr", "it"], "do": "draft"}
    editor.read(editor.client.post(f"{path}/languages", data=data))
    assert editor.says("broadcast.done.drafting")

    editor.open(f"{path}/text/it")
    assert editor.says("broadcast.texts.check.numbers")
    assert "Webinar on Monday (it)" in editor.response.text
    # Only one person can check Italian, so they are asked.
    assert editor.open(path).says("broadcast.texts.asked", name="Lucia")
    assert editor.says("broadcast.send.pending", languages="Italian")


def test_without_a_translation_the_page_says_how_to_get_one(editor: AtOffice) -> None:
    path = begin(editor)
    write(editor, path)
    assert editor.open(path).says("broadcast.texts.no_drafting")


def test_a_networks_coordinator_sees_totals_and_no_names(editor: AtOffice, client: TestClient) -> None:
    nora = AtOffice(client, editor.hub).join(
        OperatorRole.NETWORK, email="nora@example.org", name="Nora", network="Rete Città del Dialogo"
    )

    async def make(session: AsyncSession) -> None:
        for name, network in (("Ada", "Rete Città del Dialogo"), ("Bo", "RECI")):
            await make_subscriber(session, name=name, network=network, topics={"webinars": Frequency.AT_ONCE})

    editor.do(make)
    path = begin(nora)
    write(nora, path)
    nora.open(f"{path}/audience")
    assert nora.says("broadcast.audience.count", count=1)
    assert "Ada" not in nora.text
    assert nora.open(f"{path}/progress").status == 200
    other = begin(editor)
    assert nora.open(other).status == 403
    assert nora.open("/office/broadcasts/templates").status == 403
    editor.open("/office/broadcasts")
    assert of(nora, path).audience == {"networks": ["Rete Città del Dialogo"]}


def test_a_networks_coordinator_checks_the_own_language_and_sees_no_figures(
    editor: AtOffice, client: TestClient
) -> None:
    nora = AtOffice(client, editor.hub).join(
        OperatorRole.NETWORK, email="nora@example.org", name="Nora", network="RECI", language="it"
    )
    path = begin(editor)
    write(editor, path)
    assert nora.open(path).status == 403
    editor.open(f"{path}/text/it").send(f"{path}/text/it", subject="Webinar", body="Venite.", do="save")

    nora.open(f"{path}/text/it").send(f"{path}/text/it", do="approve")

    assert nora.path == f"{path}/text/it"
    for address in ("/audience", "/progress", "/progress.json"):
        assert nora.open(f"{path}{address}").status == 403

    async def get(session: AsyncSession) -> Any:
        return await session.get(BroadcastText, (path.rpartition("/")[2], "it"))

    assert editor.do(get).approved_by == nora.id


def test_progress_says_who_got_it_and_sends_again_to_the_others(editor: AtOffice) -> None:
    path = begin(editor)
    write(editor, path)
    schedule(editor, path)
    expand_now(editor, path)

    async def fail(session: AsyncSession) -> None:
        for row in await session.exec(select(Delivery)):
            row.status, row.reason = "failed", "552 too large"
            session.add(row)
        await session.commit()

    editor.do(fail)
    data = editor.client.get(f"{path}/progress.json").json()
    assert (data["deliveries"]["failed"], data["in_digests"], data["unreached"]) == (1, 1, 1)
    editor.open(f"{path}/progress?status=failed")
    assert "552 too large" in editor.text
    editor.send(f"{path}/again")
    assert editor.says("broadcast.done.sent_again")
    after = editor.client.get(f"{path}/progress.json").json()
    assert (after["unreached"], after["total"]) == (0, 1)


def test_progress_names_who_gets_it_in_a_collected_mail_and_the_cities_that_nobody_has_got_it_for(
    editor: AtOffice, client: TestClient
) -> None:
    async def more(session: AsyncSession) -> None:
        await make_subscriber(session, name="Flo", topics={"webinars": Frequency.WEEKLY}, city="it-reggio-emilia")
        await make_subscriber(session, name="Lea", topics={"webinars": Frequency.AT_ONCE}, city="cy-limassol")

    path = begin(editor)
    write(editor, path)
    editor.do(more)
    schedule(editor, path)
    expand_now(editor, path)

    async def arrive(session: AsyncSession) -> None:
        for row in await session.exec(select(Delivery)):
            row.status = "sent"
            session.add(row)
        await session.commit()

    editor.do(arrive)
    page = editor.open(f"{path}/progress").response.text
    row = page[page.index(">Flo<") :].partition("</tr>")[0]
    assert "Waits for a collected mail" in row
    assert "Chose “Webinars”" in row
    cities = page[page.index('id="cities"') : page.index('id="rows"')]
    assert ">Reggio" in cities
    assert "Waits for a collected mail: 1" in cities
    assert "It was for nobody in this city." in cities
    assert "Limassol" not in cities
    only = editor.open(f"{path}/progress?status=in_digests").response.text
    assert ">Flo<" in only
    assert ">Lea<" not in only
    nora = AtOffice(client, editor.hub).join(OperatorRole.NETWORK, email="n@example.org", network="Rete")
    assert ">Flo<" not in nora.open(f"{path}/progress").response.text


@pytest.mark.parametrize(("act", "status"), [("pause", "paused"), ("cancel", "cancelled"), ("take_back", "draft")])
def test_a_scheduled_message_can_be_stopped(editor: AtOffice, act: str, status: str) -> None:
    path = begin(editor)
    write(editor, path)
    schedule(editor, path)
    editor.open(path).send(f"{path}/stop", do=act)
    assert of(editor, path).status == status
    if act == "pause":
        editor.open(path).send(f"{path}/stop", do="resume")
        assert of(editor, path).status == "scheduled"


def test_a_correction_begins_with_the_words_of_the_wrong_one(editor: AtOffice) -> None:
    path = begin(editor)
    write(editor, path)
    schedule(editor, path)
    editor.open(path).send(f"{path}/correct")
    assert "Correction: Webinar on Monday" in editor.response.text
    assert of(editor, path).status == BroadcastStatus.PAUSED


def test_files_are_attached_and_removed(editor: AtOffice) -> None:
    path = begin(editor)
    write(editor, path)
    editor.open(f"{path}/message").send(f"{path}/files", files={"file": ("agenda.pdf", b"%PDF-1.7", "application/pdf")})
    assert "agenda.pdf" in editor.text
    editor.send(f"{path}/files", files={"file": ("x.exe", b"MZ", "application/pdf")})
    assert editor.status == 422
    assert editor.says("broadcast.file_problem.kind", name="x.exe")
    editor.open(f"{path}/message").send(f"{path}/remove-file")
    assert "agenda.pdf" not in editor.text


def test_the_words_of_automatic_messages_are_read_and_approved(editor: AtOffice) -> None:
    editor.open("/office/broadcasts/templates")
    assert editor.says("broadcast.template.not_approved")
    example = editor.client.get("/office/broadcasts/templates/example?template=reminder/index&language=it")
    assert example.status_code == 200
    assert 'lang="it"' in example.text
    editor.send("/office/broadcasts/templates", do="approve")
    assert editor.says("broadcast.done.template_approved")


def test_every_act_is_in_the_trail(editor: AtOffice, second: AtOffice) -> None:
    path = begin(editor)
    write(editor, path)
    schedule(editor, path)
    second.open("/office/trail")
    for act in ("created", "saved", "scheduled"):
        assert second.says(f"broadcast.act.{act}")


def test_nobody_gets_in_without_signing_in(client: TestClient, editor: AtOffice) -> None:
    path = begin(editor)
    stranger = AtOffice(client, editor.hub)
    for address in ("/office/broadcasts", path, f"{path}/progress.json", f"{path}/preview"):
        assert stranger.open(address).path == "/office/sign-in"
