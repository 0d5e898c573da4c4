"""What is due for one's own city: asked in four languages, told to contacts of that city and to nobody else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from channels.base import IncomingMessage, Reply
from conversation.own_city import OwnCity
from core.database import Database
from core.settings import PROJECT_ROOT, Settings
from subscriptions.models import DueDate
from tests.databases import copy_migrated_sqlite
from tests.factories import make_subscriber
from tests.fakes import FakeAssistant
from web.state import Hub

QUESTION = "What is due for my city?"
CITY = "no-bergen"

ASKED = {
    "en": [
        "What is due for my city?",
        "what's due for our municipality",
        "Is anything overdue for our city?",
        "which deadlines does my city have",
        "Could you tell me the next dates for our town, please?",
        "what does our council have to do next",
        "When is our contribution due?",
        "when is our next index",
        "my city: upcoming dates",
        "What are our deadlines?",
        "whats coming up for my municipality",
        "is there something still outstanding for our city",
    ],
    "fr": [
        "Quelles sont les échéances de ma ville ?",
        "Quelle est la prochaine date limite pour notre commune ?",
        "que doit faire prochainement ma ville",
        "Est-ce que notre municipalité est en retard ?",
        "quelles sont nos échéances",
        "Quand devons-nous payer la cotisation ?",
        "echeances de notre ville svp",
        "Quelles prochaines dates pour ma commune ?",
        "Que reste-t-il, quelle est notre prochaine échéance ?",
        "Qu'est-ce que ma mairie doit rendre, et quand ?",
    ],
    "it": [
        "Quali sono le scadenze della mia città?",
        "Che cosa è in scadenza per il nostro comune?",
        "prossime date per la mia citta",
        "Quali adempimenti ha la nostra amministrazione?",
        "quali sono le nostre prossime scadenze",
        "Quando dobbiamo pagare il contributo?",
        "cosa deve fare prossimamente il mio comune",
        "La nostra città è in ritardo con qualcosa?",
        "abbiamo scadenze?",
        "Quando scade il nostro contributo?",
    ],
    "ar": [
        "ما المستحق على مدينتي؟",
        "ما هي المواعيد النهائية لمدينتنا؟",
        "ما المواعيد القادمة لبلديتنا؟",
        "ما هو الموعد القادم لمدينتي؟",
        "هل على بلديتي متأخرات؟",
        "ما هي استحقاقات مدينتنا",
        "متى موعد مساهمتنا؟",
        "متى يجب أن ندفع المساهمة",
        "هل لدينا مواعيد نهائية؟",
        "أريد معرفة التواريخ القادمة لبلدتنا",
    ],
}

NOT_ASKED = [
    "What does my city owe as a member?",
    "What is the deadline to complain about discrimination in my city?",
    "When is the deadline for the inter-city grants, and can my city apply?",
    "Only send me mails about deadlines of my city",
    "My landlord in our city says the rent is due and he insults me because I am black",
    "due",
    "my city",
    "Quel est le délai pour porter plainte dans ma ville ?",
    "Entro quando devo fare ricorso nel mio comune?",
    "ما هي مهلة تقديم شكوى في مدينتي؟",
    "Is my city a member of the network?",
]


@pytest.fixture
async def city_hub(hub: Hub, settings: Settings, migrated_sqlite: Path) -> AsyncIterator[Hub]:
    copy_migrated_sqlite(migrated_sqlite, settings)
    async with hub.database.session() as session:
        session.add(DueDate(city=CITY, kind="index", due_on=date(2027, 1, 31)))
        session.add(DueDate(city=CITY, kind="other", due_on=date(2026, 11, 1), words="Send the photo"))
        session.add(DueDate(city=CITY, kind="survey", due_on=date(2026, 12, 1), done_on=date(2026, 11, 20)))
        session.add(DueDate(city="no-oslo", kind="contribution", due_on=date(2026, 12, 1)))
        await session.commit()
    yield hub
    await hub.conversations.wait_for_background()
    await hub.database.close()


def recogniser() -> OwnCity:
    parts: dict[str, Any] = dict.fromkeys(("texts", "gazetteer", "database", "clock"))
    return OwnCity(**parts, public_url="https://hub.example")


async def contact(database: Database, **values: Any) -> str:
    async with database.session() as session:
        standard: dict[str, Any] = {"city": CITY, "is_mandatory_contact": True}
        return (await make_subscriber(session, **(standard | values))).id


async def ask(hub: Hub, text: str = QUESTION, **values: Any) -> list[Reply]:
    message = replace(IncomingMessage("webchat", "somebody", text), **values)
    return (await hub.conversations.handle(message)).replies


@pytest.mark.parametrize(("language", "text"), [(code, text) for code, texts in ASKED.items() for text in texts])
def test_the_question_is_recognised_in_each_language(language: str, text: str) -> None:
    assert recogniser().recognises(text)


@pytest.mark.parametrize("text", NOT_ASKED)
def test_what_asks_for_something_else_is_not_taken_for_it(text: str) -> None:
    assert not recogniser().recognises(text)


def test_no_sentence_that_the_assistant_learns_or_is_measured_with_is_taken_from_it() -> None:
    own_city = recogniser()
    texts = []
    for path in (PROJECT_ROOT / "nlu_data").rglob("*.yml"):
        data = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        for item in data.get("nlu", []):
            texts += [line.removeprefix("- ") for line in str(item.get("examples", "")).splitlines()]
    for path in (PROJECT_ROOT / "nlu_data" / "evaluation").rglob("*.jsonl"):
        texts += [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines() if line]
    assert len(texts) > 10_000
    assert [text for text in texts if own_city.recognises(text)] == []


async def test_a_contact_is_told_what_is_due_for_their_own_city_alone(city_hub: Hub, assistant: FakeAssistant) -> None:
    person = await contact(city_hub.database)
    [reply] = await ask(city_hub, subscriber=person, is_proven=True)
    assert reply.text.splitlines() == [
        "This is due for Bergen:",
        "1 November 2026: Send the photo (this was due)",
        "31 January 2027: the Intercultural Cities Index",
        "",
        "If something is wrong here, please tell the team.",
    ]
    assert assistant.asked == [], "the assistant learns nothing of a city"


async def test_a_connected_chat_of_telegram_is_told_and_another_is_not(city_hub: Hub) -> None:
    await contact(city_hub.database, telegram=42)
    [reply] = await ask(city_hub, channel="telegram", sender="42")
    assert "31 January 2027" in reply.text
    [reply] = await ask(city_hub, channel="telegram", sender="43")
    assert "2027" not in reply.text
    assert reply.links[0].url.endswith("/preferences/own-city?lang=en")
    [reply] = await ask(city_hub, channel="webchat", sender="42")
    assert "2027" not in reply.text, "a sender's name proves nothing on the web"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, {"is_proven": False}),
        ({"is_mandatory_contact": False, "role": "coordinator"}, {}),
        ({"left_at": "now"}, {}),
        ({"city": None}, {}),
    ],
)
async def test_nobody_else_is_told(city_hub: Hub, values: dict[str, Any], message: dict[str, Any]) -> None:
    if "left_at" in values:
        values = {"left_at": city_hub.clock.now()}
    person = await contact(city_hub.database, **values)
    proof: dict[str, Any] = {"subscriber": person, "is_proven": True}
    [reply] = await ask(city_hub, **(proof | message))
    assert "2027" not in reply.text
    assert "photo" not in reply.text


async def test_a_city_without_dates_is_told_so(city_hub: Hub) -> None:
    person = await contact(city_hub.database, city="it-reggio-emilia")
    [reply] = await ask(city_hub, subscriber=person, is_proven=True)
    assert reply.text.startswith("Nothing is due for Reggio Emilia")


async def test_the_duties_of_members_come_with_what_is_due_for_a_contact_and_without_for_others(
    city_hub: Hub, assistant: FakeAssistant
) -> None:
    person = await contact(city_hub.database)
    assistant.understand("what does my city owe", "ask_entry", entry="membership/duty-index")
    replies = await ask(city_hub, "what does my city owe", subscriber=person, is_proven=True)
    assert "31 January 2027" in replies[-1].text
    assert len(replies) > 1
    assert all("2027" not in reply.text for reply in await ask(city_hub, "what does my city owe"))
