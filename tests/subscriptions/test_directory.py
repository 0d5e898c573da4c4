"""Finding people, seeing which cities can be reached, and answering their questions, on both databases."""

from __future__ import annotations

import pytest
from sqlmodel import select

from conversation.handoffs import BY_MAIL, answer_handoff, create_handoff
from conversation.models import Handoff, HandoffStatus, LateReply
from core.clock import FixedClock
from core.database import Database
from knowledge.base import KnowledgeBase, load_knowledge
from subscriptions.alerts import list_alerts, settle_alert
from subscriptions.directory import Search, measure_cities, search_subscribers
from subscriptions.errors import SubscriberNotFoundError
from subscriptions.handover import leave
from subscriptions.models import Address, Delivery, Frequency
from tests.factories import make_subscriber


@pytest.fixture(scope="module")
def base() -> KnowledgeBase:
    return load_knowledge()


async def test_people_are_found_by_what_is_asked_for(database: Database, clock: FixedClock) -> None:
    async with database.session() as session:
        await make_subscriber(session, name="Ada_1", email="ada@example.org", country="IT", is_mandatory_contact=True)
        await make_subscriber(session, name="berta", email="b@example.org", topics={"youth": Frequency.WEEKLY})
        await make_subscriber(session, name="Carl", email="c@example.org", confirmed=False)
        gone = await make_subscriber(session, name="Dora", email="d@example.org", topics={"youth": Frequency.OFF})
        await leave(session, gone.id, clock=clock)

        async def names(**search: str) -> list[str]:
            found, count = await search_subscribers(session, Search(**search))
            assert count == len(found)
            return [one.subscriber.name for one in found]

        assert await names() == ["Ada_1", "berta", "Carl"]
        assert await names(text="BERTA") == ["berta"]
        assert await names(text="a_1") == ["Ada_1"]
        assert await names(text="a%1") == []
        assert await names(text="c@exam") == ["Carl"]
        assert await names(topic="youth") == ["berta"]
        assert await names(state="contacts") == ["Ada_1"]
        assert await names(state="unreachable") == ["Carl"]
        assert await names(state="left") == ["Dora"]
        page, count = await search_subscribers(session, Search(), offset=1, limit=1)
        assert ([one.subscriber.name for one in page], count) == (["berta"], 3)


async def test_a_city_is_reached_by_a_named_contact_with_a_working_address(
    database: Database, clock: FixedClock, base: KnowledgeBase
) -> None:
    async with database.session() as session:
        contact = await make_subscriber(session, city="it-arezzo", is_mandatory_contact=True, confirmed=False)
        await make_subscriber(session, city="it-arezzo")
        await make_subscriber(session, city="it-arezzo", confirmed=False)
        reach = {one.city: one for one in await measure_cities(session, base.cities)}
        arezzo = reach["it-arezzo"]
        assert (arezzo.people, arezzo.contacts, arezzo.reachable, arezzo.is_reached) == (3, 1, 1, True)
        assert not arezzo.is_sure
        assert not reach["es-barcelona"].is_reached
        address = (await session.exec(select(Address).where(Address.subscriber_id == contact.id))).one()
        address.suppressed_at, address.suppression = clock.now(), "bounced"
        session.add(address)
        await session.commit()
        of_network = await measure_cities(session, base.cities, network="Rete Città del Dialogo")
        assert "es-barcelona" not in {one.city for one in of_network}
        assert not next(one for one in of_network if one.city == "it-arezzo").is_reached


async def test_an_alert_is_settled_once_and_keeps_who_did_it(database: Database, clock: FixedClock) -> None:
    async with database.session() as session:
        person = await make_subscriber(session, city="it-arezzo", is_mandatory_contact=True)
        await leave(session, person.id, clock=clock)
        [alert] = await list_alerts(session)
        assert alert.id is not None
        await settle_alert(session, alert.id, "vera", clock=clock)
        await settle_alert(session, alert.id, "omar", clock=clock)
        assert await list_alerts(session) == []
        await session.refresh(alert)
        assert alert.settled_by == "vera"


async def test_a_subscribers_question_is_answered_by_mail_and_a_lost_one_stays_open(
    database: Database, clock: FixedClock
) -> None:
    async with database.session() as session:
        person = await make_subscriber(session)

        async def ask(sender: str) -> int:
            made = await create_handoff(
                session, channel=BY_MAIL, sender_key=sender, language="it", question="Chi?", subject=None, clock=clock
            )
            assert made.id is not None
            return made.id

        number, lost = await ask(person.id), await ask("nobody")
        await answer_handoff(session, number, answer="Noi.", clock=clock)
        [delivery] = await session.exec(select(Delivery))
        assert (delivery.message, delivery.language, delivery.subscriber_id) == (f"answer/{number}", "it", person.id)
        assert list(await session.exec(select(LateReply))) == []
        with pytest.raises(SubscriberNotFoundError):
            await answer_handoff(session, lost, answer="Noi.", clock=clock)
        await session.rollback()
        assert (await session.get_one(Handoff, lost, populate_existing=True)).status == HandoffStatus.OPEN
