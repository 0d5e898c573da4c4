"""Machine translation where people meet it, with real models: officers with a case, a team that writes to many."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.settings import Settings
from identity.operators import OperatorRole
from subscriptions.models import BroadcastText, TextState
from tests.reports.world import World
from tests.tiny_packages import install_tiny_packages
from tests.web.desk_pages import AtDesk
from tests.web.office_pages import AtOffice
from tests.web.test_desk_setup import run
from tests.web.test_office_broadcasts import begin, write
from web.state import Hub

STORY = "Mon propriétaire m'a refusé l'appartement à cause de mon nom. C'est arrivé le 3 mars 2026 à Genève."
MEANT = "My landlord refused me the flat because of my name. It happened on March 3, 2026 in Geneva."


@pytest.fixture
def installed(settings: Settings) -> None:
    install_tiny_packages(settings.translation_dir)


@pytest.fixture
def editor(client: TestClient) -> AtOffice:
    hub: Hub = client.app.state.hub  # type: ignore[attr-defined]
    return AtOffice(client, hub).join(OperatorRole.EDITOR, email="eva@example.org", name="Eva")


def at_desk(client: TestClient, hub: Hub) -> tuple[World, AtDesk]:
    world = World(hub.database, hub.clock)  # type: ignore[arg-type]
    run(client, world.make_desk, "bologna")
    anna = AtDesk(client, hub, world.clock)
    anna.login, anna.secret = "anna@bologna", world.people["anna@bologna"].secret
    return world, anna.sign_in()


def send(client: TestClient, world: World, **values: Any) -> Any:
    async def work() -> Any:
        return await world.send("bologna", **values)

    return run(client, work)


@pytest.mark.usefixtures("installed")
def test_an_officer_reads_the_original_beside_a_marked_translation(client: TestClient, hub: Hub) -> None:
    world, anna = at_desk(client, hub)
    sent = send(client, world, story=STORY, story_language="fr", language="fr")
    anna.open(f"/desk/case/{sent.case_id}")
    assert STORY in anna.text
    assert MEANT in anna.text
    assert anna.says("desk.case.machine")


@pytest.mark.usefixtures("installed")
def test_a_reporter_reads_a_reply_in_their_language_beside_its_original(client: TestClient, hub: Hub) -> None:
    world, anna = at_desk(client, hub)
    sent = send(client, world, language="it")
    anna.open(f"/desk/case/{sent.case_id}")
    assert anna.says("desk.case.translation_machine")
    anna.send(f"/desk/case/{sent.case_id}/reply", text="Please come to us on 3 December 2026 at 10:30.")

    async def read() -> Any:
        assert hub.cases is not None
        return await hub.cases.open(sent.receipt, source="x", language="it")

    message = run(client, read).messages[-1]
    assert message.text == "Vieni da noi il 3 dicembre 2026 alle 10:30."
    assert message.original == "Please come to us on 3 December 2026 at 10:30."


def test_without_packages_a_case_is_shown_as_it_is_and_nothing_is_promised(client: TestClient, hub: Hub) -> None:
    world, anna = at_desk(client, hub)
    sent = send(client, world, story=STORY, story_language="fr", language="fr")
    anna.open(f"/desk/case/{sent.case_id}")
    assert STORY in anna.text
    assert not anna.says("desk.case.machine")
    assert anna.says("desk.case.translation_hint")


def test_the_team_has_a_message_drafted_once_packages_are_there(editor: AtOffice, settings: Settings) -> None:
    path = begin(editor)
    body = "Dear colleagues,\n\nTaking part is free.\n\n- Please answer **before 3 May**.\n"
    write(editor, path, subject="An invitation to Geneva", body=body)
    assert editor.open(path).says("broadcast.texts.no_drafting")
    install_tiny_packages(settings.translation_dir)
    editor.open(path).send(f"{path}/languages", do="draft", language="it")

    async def get(session: AsyncSession) -> list[BroadcastText]:
        return list(await session.exec(select(BroadcastText).where(BroadcastText.language == "it")))

    (draft,) = editor.do(get)
    assert draft.state == TextState.MACHINE_DRAFT
    assert draft.subject == "Un invito a Ginevra"
    assert draft.problems == []
    assert draft.body == (
        "Gentili colleghe e colleghi,\n\nLa partecipazione è gratuita.\n\n- Rispondete **prima del 3 maggio**.\n"
    )
    assert editor.open(f"{path}/text/it").status == 200
    assert "Un invito a Ginevra" in editor.response.text


@pytest.mark.usefixtures("installed")
def test_a_sentence_that_the_machine_could_not_translate_is_shown_to_who_checks(editor: AtOffice) -> None:
    path = begin(editor)
    lost = "Eleven clever zebras quietly juggle XQ7 beside XQ3 and XQ5."
    known = "Taking part is free. Thank you for your work. Please tell your colleagues. The meeting is cancelled."
    write(editor, path, subject="The programme", body=f"{known}\n\n{lost}\n")
    editor.open(path).send(f"{path}/languages", do="draft", language="it")
    editor.open(f"{path}/text/it")
    assert "“Eleven clever zebras" in editor.text
