"""Writing, checking and releasing a broadcast: who may do what, when it goes, and that nothing goes unseen."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import ReadyMessage
from core.clock import FixedClock
from core.database import Database
from core.settings import PROJECT_ROOT
from core.texts import Texts
from knowledge.base import KnowledgeBase
from subscriptions.audience import measure_reach
from subscriptions.broadcasts import release
from subscriptions.broadcasts.attachments import LARGEST, attach, detach, list_files, open_file
from subscriptions.broadcasts.city_results import list_unreached_cities
from subscriptions.broadcasts.drafts import (
    Outline,
    create_draft,
    fingerprint,
    get_broadcast,
    list_broadcasts,
    list_texts,
    update_draft,
)
from subscriptions.broadcasts.errors import (
    BroadcastChangedError,
    BroadcastForbiddenError,
    BroadcastLockedError,
    BroadcastUnfinishedError,
    DraftingUnavailableError,
    FileRefusedError,
    SamePersonError,
    UrgentTooSoonError,
)
from subscriptions.broadcasts.progress import list_lines, measure_progress
from subscriptions.broadcasts.release import Obstacle
from subscriptions.broadcasts.templates import approve_template, is_template_approved, withdraw_template
from subscriptions.broadcasts.texts import DraftText, list_waiting_texts, make_draft, name_approver, write_text
from subscriptions.dispatching import Dispatcher
from subscriptions.expanding import expand
from subscriptions.material import Library
from subscriptions.models import (
    Broadcast,
    BroadcastKind,
    BroadcastStatus,
    ChannelName,
    Delivery,
    DeliveryStatus,
    DigestItem,
    Frequency,
    TextState,
)
from subscriptions.placing import has_address
from subscriptions.preferences import Edit, TopicPreference, change_preferences
from subscriptions.preparing import Preparation
from subscriptions.subscribers import link_telegram, list_addresses, new_id, suppress
from subscriptions.topics import Topics
from tests.factories import make_subscriber

HOUR = timedelta(hours=1)


@dataclass
class Person:
    """Somebody of the team."""

    id: str
    role: str = "editor"
    network: str | None = None
    languages: Sequence[str] = ()

    def may_approve(self, language: str) -> bool:
        return self.role == "administrator" or language in self.languages


EVA, ADAM = Person("eva"), Person("adam")
LUCIA = Person("lucia", "approver", languages=["it"])
NORA = Person("nora", "network", network="Rete italiana", languages=["it"])


class UpperCase:
    """Stands in for a translation."""

    def __init__(self, *problems: str) -> None:
        self.problems = [{"check": name} for name in problems]
        self.began = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    def targets(self, source: str) -> Sequence[str]:
        return ["it", "fr"]

    async def draft(self, subject: str, body: str, *, source: str, target: str) -> DraftText:
        self.began.set()
        await self.go_on.wait()
        return DraftText(subject.upper(), body.upper(), self.problems)


@dataclass
class Desk:
    """The service with what every call needs."""

    session: AsyncSession
    topics: Topics
    clock: FixedClock
    database: Database

    async def draft(self, author: Person = EVA, *, words: bool = True, **outline: Any) -> Broadcast:
        outline.setdefault("topics_any", ["webinars"])
        made = await create_draft(self.session, author, Outline(**outline), topics=self.topics, clock=self.clock)
        if words:
            await self.write(made.id, author=author)
        return await get_broadcast(self.session, made.id)

    async def write(
        self, broadcast_id: str, language: str = "en", *, author: Person = EVA, body: str = "Come.", **values: Any
    ) -> None:
        text = (await list_texts(self.session, broadcast_id)).get(language)
        await write_text(
            self.session,
            author,
            broadcast_id,
            language,
            subject=values.pop("subject", "Webinar"),
            body=body,
            clock=self.clock,
            seen_at=values.pop("seen_at", text.changed_at if text else None),
            **values,
        )

    async def translate(self, broadcast_id: str, language: str = "it", *problems: str, approver: str = "lucia") -> None:
        await make_draft(
            self.session,
            EVA,
            broadcast_id,
            language,
            drafting=UpperCase(*problems),
            clock=self.clock,
            approver=approver,
        )

    async def schedule(self, broadcast_id: str, author: Person = EVA, *, after: timedelta | None = None) -> Broadcast:
        at = self.clock.now() + after if after is not None else None
        return await release.schedule(
            self.session,
            author,
            broadcast_id,
            at=at,
            time_zone="Europe/Brussels",
            topics=self.topics,
            clock=self.clock,
        )

    async def release(self, broadcast_id: str, author: Person = ADAM) -> Broadcast:
        seen = await fingerprint(self.session, await get_broadcast(self.session, broadcast_id))
        return await release.release(self.session, author, broadcast_id, seen=seen, clock=self.clock)

    async def begin(self) -> None:
        """What the scheduler does."""
        await Dispatcher(self.database, self.clock, {}, topics=self.topics).expand_due_broadcasts()

    async def text(self, broadcast_id: str, language: str) -> Any:
        return (await list_texts(self.session, broadcast_id))[language]

    async def status(self, broadcast_id: str) -> str:
        return (await get_broadcast(self.session, broadcast_id)).status

    async def rows(self, broadcast_id: str) -> list[Delivery]:
        query = select(Delivery).where(Delivery.broadcast_id == broadcast_id)
        return list(await self.session.exec(query, execution_options={"populate_existing": True}))


@pytest.fixture
def desk(session: AsyncSession, topics: Topics, clock: FixedClock, database: Database) -> Desk:
    return Desk(session, topics, clock, database)


# Who may


async def test_a_networks_coordinator_writes_to_the_own_network_whatever_the_form_says(desk: Desk) -> None:
    made = await desk.draft(NORA, audience={"networks": ["Another one"], "countries": ["IT"]})

    assert made.audience == {"networks": ["Rete italiana"], "countries": ["IT"]}
    everybody = await desk.draft(EVA)
    with pytest.raises(BroadcastForbiddenError):
        await desk.write(everybody.id, author=NORA)
    assert [one.broadcast.id for one in await list_broadcasts(desk.session, NORA)] == [made.id]
    assert len(await list_broadcasts(desk.session, EVA)) == 2


@pytest.mark.parametrize("kind", [BroadcastKind.MANDATORY, BroadcastKind.URGENT])
async def test_a_networks_coordinator_sends_no_duties(desk: Desk, kind: BroadcastKind) -> None:
    with pytest.raises(BroadcastForbiddenError):
        await desk.draft(NORA, kind=kind)
    made = await desk.draft(NORA)
    with pytest.raises(BroadcastForbiddenError):
        await update_draft(
            desk.session, NORA, made.id, Outline(kind=kind), topics=desk.topics,
            seen=await fingerprint(desk.session, made),
        )  # fmt: skip


async def test_who_only_approves_writes_nothing(desk: Desk) -> None:
    with pytest.raises(BroadcastForbiddenError):
        await desk.draft(LUCIA)
    made = await desk.draft()
    for act in (desk.schedule(made.id, LUCIA), release.cancel(desk.session, LUCIA, made.id, clock=desk.clock)):
        with pytest.raises(BroadcastForbiddenError):
            await act


# Texts


async def test_a_machines_draft_stays_one_until_its_approver_says_it_is_right(desk: Desk) -> None:
    made = await desk.draft()
    await desk.translate(made.id)
    await desk.write(made.id, "it", body="Venite!")
    assert (await desk.text(made.id, "it")).state == TextState.MACHINE_DRAFT
    with pytest.raises(BroadcastForbiddenError):
        await desk.write(made.id, "it", author=ADAM, approve=True)

    await desk.write(made.id, "it", author=LUCIA, body="Venite!", approve=True)

    text = await desk.text(made.id, "it")
    assert (text.state, text.approved_by, text.body) == (TextState.APPROVED, "lucia", "Venite!")


async def test_only_who_was_named_approves_and_sees_it_waiting(desk: Desk) -> None:
    made = await desk.draft()
    await desk.translate(made.id, approver="nora")

    with pytest.raises(BroadcastForbiddenError):
        await desk.write(made.id, "it", author=LUCIA, approve=True)
    assert await list_waiting_texts(desk.session, LUCIA) == []
    await name_approver(desk.session, EVA, made.id, "it", approver="lucia")
    assert [text.language for _, text in await list_waiting_texts(desk.session, LUCIA)] == ["it"]
    await desk.write(made.id, "it", author=LUCIA, approve=True)
    assert await list_waiting_texts(desk.session, LUCIA) == []


async def test_when_the_original_changes_every_other_text_is_looked_at_again(desk: Desk) -> None:
    made = await desk.draft()
    await desk.translate(made.id)
    await desk.write(made.id, "it", author=LUCIA, approve=True)
    await desk.write(made.id, body="Come. It is on Monday.")

    text = await desk.text(made.id, "it")
    assert (text.state, text.approved_by) == (TextState.WRITTEN, None)
    with pytest.raises(BroadcastUnfinishedError) as refused:
        await desk.schedule(made.id)
    assert refused.value.values["obstacles"] == [Obstacle.TEXT_OUTDATED]
    await desk.write(made.id, "it", author=LUCIA, body="Venite lunedì.", approve=True)
    assert (await desk.schedule(made.id)).status == BroadcastStatus.SCHEDULED


async def test_nobody_overwrites_what_they_did_not_see(desk: Desk) -> None:
    made = await desk.draft()
    seen_at = (await desk.text(made.id, "en")).changed_at
    desk.clock.at += HOUR
    await desk.write(made.id, author=ADAM, body="Come all.")

    with pytest.raises(BroadcastChangedError):
        await desk.write(made.id, body="Come soon.", seen_at=seen_at)
    assert (await desk.text(made.id, "en")).body == "Come all."


async def test_a_machine_never_overwrites_a_person(desk: Desk) -> None:
    made = await desk.draft()
    await desk.write(made.id, "it", body="Venite.")

    await desk.translate(made.id)

    assert (await desk.text(made.id, "it")).body == "Venite."


async def test_a_draft_of_an_original_that_changed_meanwhile_is_thrown_away(desk: Desk) -> None:
    made = await desk.draft()
    machine = UpperCase()
    machine.go_on.clear()
    async with desk.database.session() as other:
        drafting = asyncio.create_task(make_draft(other, EVA, made.id, "it", drafting=machine, clock=desk.clock))
        await machine.began.wait()
        await desk.write(made.id, body="Do not come.")
        machine.go_on.set()
        assert await drafting is None
    assert list(await list_texts(desk.session, made.id)) == ["en"]


async def test_without_a_translation_installed_there_is_no_draft(desk: Desk) -> None:
    made = await desk.draft()
    for drafting, language in ((None, "it"), (UpperCase(), "ar")):
        with pytest.raises(DraftingUnavailableError):
            await make_draft(desk.session, EVA, made.id, language, drafting=drafting, clock=desk.clock)


async def test_an_approver_can_finish_after_it_was_scheduled_and_nobody_else_changes_it(desk: Desk) -> None:
    made = await desk.draft()
    await desk.translate(made.id)
    await desk.schedule(made.id, after=HOUR)

    with pytest.raises(BroadcastLockedError):
        await desk.write(made.id, body="Something else.")
    await desk.write(made.id, "it", author=LUCIA, body="Venite.", approve=True)
    assert (await desk.text(made.id, "it")).state == TextState.APPROVED


# Files


async def test_files_are_few_small_and_what_they_say_they_are(desk: Desk) -> None:
    made = await desk.draft()
    pdf = b"%PDF-1.7 ..."
    for name, content, reason in (
        ("virus.exe", b"MZ", "kind"),
        ("agenda.pdf", b"MZ", "kind"),
        ("data.csv", b"a\0b", "kind"),
        ("empty.pdf", b"", "empty"),
        ("large.pdf", pdf + b" " * LARGEST, "too_large"),
    ):
        with pytest.raises(FileRefusedError) as refused:
            await attach(desk.session, EVA, made.id, name=name, content=content)
        assert refused.value.values["reason"] == reason
    await attach(desk.session, EVA, made.id, name='C:\\temp\\the "agenda".pdf', content=pdf)
    await attach(desk.session, EVA, made.id, name="b.pdf", content=pdf + b" " * (LARGEST - 100))
    with pytest.raises(FileRefusedError) as refused:
        await attach(desk.session, EVA, made.id, name="c.pdf", content=pdf + b" " * (LARGEST - 100))
    assert refused.value.values["reason"] == "together"

    files = {file.name: file for file in await list_files(desk.session, made.id)}
    assert sorted(files) == ["b.pdf", "the agenda .pdf"]
    await detach(desk.session, EVA, made.id, files["b.pdf"].id)
    assert len(await list_files(desk.session, made.id)) == 1


# Release


async def test_what_is_missing_is_listed_all_at_once(desk: Desk) -> None:
    made = await desk.draft(topics_any=[], words=False, closes_at=desk.clock.now())

    with pytest.raises(BroadcastUnfinishedError) as refused:
        await desk.schedule(made.id)

    assert refused.value.values["obstacles"] == [Obstacle.NO_TEXT, Obstacle.NO_TOPIC, Obstacle.CLOSES_BEFORE]


async def test_news_go_at_their_time_and_not_before(desk: Desk) -> None:
    await make_subscriber(desk.session, topics={"webinars": Frequency.AT_ONCE})
    made = await desk.draft()
    await desk.schedule(made.id, after=HOUR)

    await desk.begin()
    assert await desk.rows(made.id) == []
    desk.clock.at += HOUR
    await desk.begin()
    assert [row.status for row in await desk.rows(made.id)] == [DeliveryStatus.QUEUED]


async def test_after_the_due_time_the_original_goes_with_the_marked_draft_below_it(desk: Desk) -> None:
    await make_subscriber(desk.session, language="it", topics={"webinars": Frequency.AT_ONCE})
    made = await desk.draft()
    await desk.translate(made.id)
    await desk.schedule(made.id)
    await desk.begin()

    material = await Library().load(desk.session, await desk.rows(made.id))
    reading = material.read(made.id, "it")

    assert reading is not None
    assert (reading.words.body, reading.draft.body if reading.draft else None) == ("Come.", "COME.")


async def test_texts_cannot_be_due_after_the_broadcast_goes(desk: Desk) -> None:
    made = await desk.draft(texts_due_at=desk.clock.now() + 2 * HOUR)
    await desk.translate(made.id)

    with pytest.raises(BroadcastUnfinishedError):
        await desk.schedule(made.id, after=HOUR)
    assert (await desk.schedule(made.id, after=3 * HOUR)).status == BroadcastStatus.SCHEDULED


@pytest.mark.parametrize(
    ("kind", "topic"),
    [(BroadcastKind.MANDATORY, "webinars"), (BroadcastKind.NEWS, "membership-notices")],
)
async def test_a_duty_waits_for_a_second_person(desk: Desk, kind: BroadcastKind, topic: str) -> None:
    made = await desk.draft(kind=kind, topics_any=[topic], reason="fee")
    await desk.schedule(made.id)
    await desk.begin()
    assert await desk.status(made.id) == BroadcastStatus.IN_REVIEW

    with pytest.raises(SamePersonError):
        await desk.release(made.id, EVA)
    with pytest.raises(BroadcastForbiddenError):
        await desk.release(made.id, NORA)
    released = await desk.release(made.id, LUCIA)

    assert (released.status, released.approved_by) == (BroadcastStatus.SCHEDULED, ["eva", "lucia"])


async def test_the_second_person_releases_what_they_saw(desk: Desk) -> None:
    made = await desk.draft(kind=BroadcastKind.MANDATORY, reason="fee")
    seen = await fingerprint(desk.session, await desk.schedule(made.id))
    await desk.write(made.id, body="Pay twice.")

    with pytest.raises(BroadcastLockedError):
        await release.release(desk.session, ADAM, made.id, seen=seen, clock=desk.clock)
    again = await desk.schedule(made.id)
    assert again.approved_by == ["eva"]
    with pytest.raises(BroadcastChangedError):
        await release.release(desk.session, ADAM, made.id, seen=seen, clock=desk.clock)


async def test_a_duty_is_never_told_in_a_machines_words(desk: Desk) -> None:
    await make_subscriber(desk.session, language="it", is_mandatory_contact=True)
    made = await desk.draft(topics_any=["membership-notices"])
    await desk.translate(made.id)
    await desk.schedule(made.id)
    await desk.release(made.id)
    await desk.begin()

    material = await Library().load(desk.session, await desk.rows(made.id))
    reading = material.read(made.id, "it")

    assert reading is not None
    assert (reading.words.body, reading.draft) == ("Come.", None)


@pytest.mark.parametrize("kind", [BroadcastKind.MANDATORY, BroadcastKind.NEWS])
async def test_a_duty_waits_until_every_translation_is_approved(desk: Desk, kind: BroadcastKind) -> None:
    made = (await desk.draft(kind=kind, topics_any=["membership-notices"], reason="fee")).id
    await desk.write(made, "it", body="Vieni.")
    with pytest.raises(BroadcastUnfinishedError) as refused:
        await desk.schedule(made)
    assert refused.value.values["obstacles"] == [Obstacle.NOT_APPROVED]
    await desk.session.rollback()
    await desk.write(made, "it", author=LUCIA, body="Vieni.", approve=True)
    await desk.schedule(made)
    await desk.release(made)


async def test_a_duty_by_its_topic_keeps_the_words_that_two_people_released(desk: Desk) -> None:
    made = (await desk.draft(topics_any=["membership-notices"])).id
    await desk.translate(made)
    await desk.schedule(made)
    await desk.release(made)
    words = await desk.text(made, "it")
    with pytest.raises(BroadcastLockedError):
        await desk.write(made, "it", author=LUCIA, body="Altre parole.", approve=True)
    await desk.session.rollback()
    await desk.session.refresh(words)
    await desk.write(made, "it", author=LUCIA, subject=words.subject, body=words.body, approve=True)
    assert (await desk.text(made, "it")).state == TextState.APPROVED


async def test_a_draft_goes_below_the_original_again_when_it_is_no_duty_any_more(desk: Desk) -> None:
    made = await desk.draft(topics_any=["membership-notices"])
    await desk.translate(made.id)
    await desk.schedule(made.id)
    await release.take_back(desk.session, EVA, made.id)
    assert (await desk.text(made.id, "it")).problems == [{"check": "duty"}]
    seen = await fingerprint(desk.session, await get_broadcast(desk.session, made.id))
    outline = Outline(topics_any=["webinars"])
    await update_draft(desk.session, EVA, made.id, outline, topics=desk.topics, seen=seen)
    await desk.schedule(made.id)

    assert (await desk.text(made.id, "it")).problems == []


async def test_an_urgent_message_goes_at_once_after_two_people_and_a_reason(desk: Desk) -> None:
    await make_subscriber(desk.session, is_mandatory_contact=True)
    await make_subscriber(desk.session, topics={"webinars": Frequency.WEEKLY})
    made = await desk.draft(kind=BroadcastKind.URGENT)
    with pytest.raises(BroadcastUnfinishedError) as refused:
        await desk.schedule(made.id)
    assert refused.value.values["obstacles"] == [Obstacle.NO_REASON]
    made = await desk.draft(kind=BroadcastKind.URGENT, reason="People flee.")
    await desk.schedule(made.id, after=24 * HOUR)
    desk.clock.at += HOUR
    await desk.release(made.id)
    await desk.begin()

    assert {row.status for row in await desk.rows(made.id)} == {DeliveryStatus.QUEUED}
    assert len(await desk.rows(made.id)) == 2


async def test_there_is_one_urgent_message_a_week(desk: Desk) -> None:
    made = [await desk.draft(kind=BroadcastKind.URGENT, reason="People flee.") for _ in range(3)]
    await desk.schedule(made[0].id)
    await desk.schedule(made[1].id)
    await desk.release(made[0].id)

    with pytest.raises(UrgentTooSoonError):
        await desk.release(made[1].id)
    with pytest.raises(UrgentTooSoonError) as refused:
        await desk.schedule(made[2].id)
    assert refused.value.values["at"] == desk.clock.now() + timedelta(days=7)
    desk.clock.at += timedelta(days=7)
    assert (await desk.release(made[1].id)).status == BroadcastStatus.SCHEDULED


# While it goes


async def test_what_is_taken_back_at_the_last_moment_does_not_go(desk: Desk) -> None:
    await make_subscriber(desk.session, topics={"webinars": Frequency.AT_ONCE})
    made = await desk.draft()
    await desk.schedule(made.id)
    await release.take_back(desk.session, EVA, made.id)
    await desk.begin()

    assert (await desk.status(made.id), await desk.rows(made.id)) == (BroadcastStatus.DRAFT, [])
    await desk.schedule(made.id)
    await desk.begin()
    with pytest.raises(BroadcastLockedError):
        await release.take_back(desk.session, EVA, made.id)


@pytest.mark.parametrize("has_begun", [False, True])
async def test_a_pause_holds_it_and_resuming_goes_on_where_it_was(desk: Desk, has_begun: bool) -> None:
    made = await desk.draft()
    await desk.schedule(made.id)
    if has_begun:
        await desk.begin()
    await release.pause(desk.session, EVA, made.id)
    await desk.begin()
    assert await desk.status(made.id) == BroadcastStatus.PAUSED

    await release.resume(desk.session, EVA, made.id)

    assert await desk.status(made.id) == (BroadcastStatus.SENDING if has_begun else BroadcastStatus.SCHEDULED)


async def test_cancelling_ends_what_has_not_gone_digests_too(desk: Desk) -> None:
    await make_subscriber(desk.session, topics={"webinars": Frequency.AT_ONCE})
    await make_subscriber(desk.session, topics={"webinars": Frequency.WEEKLY})
    sent = await make_subscriber(desk.session, topics={"webinars": Frequency.AT_ONCE})
    made = await desk.draft()
    await desk.schedule(made.id)
    await desk.begin()
    row = next(row for row in await desk.rows(made.id) if row.subscriber_id == sent.id)
    row.status = DeliveryStatus.SENT
    desk.session.add(row)
    await desk.session.commit()

    await release.cancel(desk.session, EVA, made.id, clock=desk.clock)

    progress = await measure_progress(desk.session, await get_broadcast(desk.session, made.id))
    assert (progress.deliveries["cancelled"], progress.deliveries["sent"], progress.in_digests) == (1, 1, 0)


async def test_a_correction_holds_the_wrong_one_at_once_and_ends_it_when_it_goes(desk: Desk) -> None:
    await make_subscriber(desk.session, topics={"webinars": Frequency.AT_ONCE})
    weekly = await make_subscriber(desk.session, topics={"webinars": Frequency.WEEKLY})
    wrong = await desk.draft(texts_due_at=desk.clock.now() + HOUR)
    await attach(desk.session, EVA, wrong.id, name="agenda.pdf", content=b"%PDF-1")
    await desk.schedule(wrong.id)
    await desk.begin()
    right = await release.correct(
        desk.session, EVA, wrong.id, subjects={"en": "Correction: Webinar"}, topics=desk.topics, clock=desk.clock
    )
    assert await desk.status(wrong.id) == BroadcastStatus.PAUSED
    assert (right.corrects, right.topics_any) == (wrong.id, ["webinars"])
    assert (await desk.text(right.id, "en")).subject == "Correction: Webinar"

    assert right.texts_due_at == desk.clock.now() + HOUR
    (file,), (old,) = await list_files(desk.session, right.id), await list_files(desk.session, wrong.id)
    assert file.id != old.id
    assert (file.name, file.size) == ("agenda.pdf", old.size)
    assert (await open_file(desk.session, file.id)).content == b"%PDF-1"

    await desk.schedule(right.id)
    await desk.begin()

    assert await desk.status(wrong.id) == BroadcastStatus.CANCELLED
    assert [row.status for row in await desk.rows(wrong.id)] == [DeliveryStatus.CANCELLED]
    items = list(await desk.session.exec(select(DigestItem).where(DigestItem.subscriber_id == weekly.id)))
    assert {item.broadcast_id: item.dropped_at is None for item in items} == {wrong.id: False, right.id: True}


async def test_it_is_sent_again_to_those_whom_it_failed_and_to_nobody_else(desk: Desk) -> None:
    people = {
        status: await make_subscriber(desk.session, topics={"webinars": Frequency.AT_ONCE})
        for status in (
            DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.BOUNCED, DeliveryStatus.CANCELLED,
        )
    }  # fmt: skip
    made = await desk.draft()
    await desk.schedule(made.id)
    await desk.begin()
    for row in await desk.rows(made.id):
        row.status = next(status for status, person in people.items() if person.id == row.subscriber_id)
        row.finished_at, row.attempts = desk.clock.now(), 8
        desk.session.add(row)
    broadcast = await get_broadcast(desk.session, made.id)
    broadcast.status, broadcast.finished_at = BroadcastStatus.SENT, desk.clock.now()
    desk.session.add(broadcast)
    await desk.session.commit()

    assert await release.send_again(desk.session, EVA, made.id, clock=desk.clock) == 2

    queued = {row.subscriber_id for row in await desk.rows(made.id) if row.status == DeliveryStatus.QUEUED}
    assert queued == {people[DeliveryStatus.FAILED].id, people[DeliveryStatus.BOUNCED].id}
    assert await desk.status(made.id) == BroadcastStatus.SENDING
    assert await release.send_again(desk.session, EVA, made.id, clock=desk.clock) == 0


async def test_who_got_it_another_way_does_not_get_it_again(desk: Desk) -> None:
    person = await make_subscriber(desk.session, telegram=7, topics={"webinars": Frequency.AT_ONCE})
    made = await desk.draft()
    await desk.schedule(made.id)
    await desk.begin()
    (row,) = await desk.rows(made.id)
    row.status = DeliveryStatus.BOUNCED
    second = row.model_dump() | {
        "id": "second", "address_id": "telegram", "channel": "telegram", "status": DeliveryStatus.SENT,
    }  # fmt: skip
    desk.session.add_all([row, Delivery(**second)])
    await desk.session.commit()

    assert await release.send_again(desk.session, EVA, made.id, clock=desk.clock) == 0
    assert person.id == row.subscriber_id


async def test_progress_counts_everybody_once_and_says_why_not(desk: Desk) -> None:
    await make_subscriber(desk.session, name="A", topics={"webinars": Frequency.AT_ONCE})
    gone = await make_subscriber(desk.session, name="B", topics={"webinars": Frequency.AT_ONCE})
    await make_subscriber(desk.session, name="C", topics={"webinars": Frequency.WEEKLY})
    made = await desk.draft()
    await desk.schedule(made.id)
    await suppress(desk.session, (await _address_of(desk, gone.id)), "bounced", clock=desk.clock)
    await desk.begin()

    progress = await measure_progress(desk.session, await get_broadcast(desk.session, made.id))
    first = await list_lines(desk.session, made.id, limit=1)
    rest = await list_lines(desk.session, made.id, after=first.next)

    assert (progress.total, progress.over, progress.unreached, progress.in_digests) == (2, 1, 1, 1)
    assert [(line.name, line.status, line.reason) for line in (*first.lines, *rest.lines)] == [
        ("A", "queued", None),
        ("B", "suppressed", "suppressed"),
        ("C", "in_digests", None),
    ]
    assert (first.next is not None, rest.next) == (True, None)
    assert await list_lines(desk.session, made.id, statuses=(DeliveryStatus.FAILED,)) == type(first)()


async def test_whom_no_address_reaches_is_counted_alike_before_and_after_and_gets_it_once_there_is_one(
    desk: Desk, knowledge_base: KnowledgeBase
) -> None:
    at_once = {"webinars": Frequency.AT_ONCE}
    reached = await make_subscriber(desk.session, name="A", topics=at_once)
    nowhere = await make_subscriber(desk.session, name="B", email=None, channel="telegram", topics=at_once)
    await make_subscriber(desk.session, name="C", email=None, telegram=7, is_mandatory_contact=True, topics=at_once)
    await make_subscriber(desk.session, name="D", email=None, city="it-torino", telegram=8, topics=at_once)
    await make_subscriber(desk.session, name="E", topics=at_once, confirmed=False)
    made = await desk.draft()
    before = await measure_reach(
        desk.session, made, topics=desk.topics, cities=knowledge_base.cities, now=desk.clock.now()
    )
    await desk.schedule(made.id)
    await desk.begin()

    progress = await measure_progress(desk.session, await get_broadcast(desk.session, made.id))
    lines = (await list_lines(desk.session, made.id, statuses=(DeliveryStatus.SUPPRESSED,))).lines

    assert before.not_reached == {"no_address": 3, "unconfirmed": 1}
    assert progress.deliveries["suppressed"] == progress.unreached == sum(before.not_reached.values())
    assert progress.total == before.count + progress.unreached
    assert [(line.name, line.channel, line.reason) for line in lines] == [
        ("B", "telegram", "no_address"),
        ("C", "email", "no_address"),
        ("E", "email", "unconfirmed"),
        ("D", "email", "no_address"),
    ]
    assert not any(has_address(row) for row in await desk.rows(made.id) if row.reason == "no_address")

    await link_telegram(desk.session, nowhere.id, 9, clock=desk.clock)
    assert await release.send_again(desk.session, EVA, made.id, clock=desk.clock) == 4
    again = [row for row in await desk.rows(made.id) if row.subscriber_id != reached.id]
    await Preparation(_Words(), topics=desk.topics, clock=desk.clock).prepare(desk.session, again)
    rows = await desk.rows(made.id)
    (row,) = [row for row in rows if row.subscriber_id == nowhere.id]
    assert (row.status, row.channel, has_address(row)) == (DeliveryStatus.QUEUED, "telegram", True)
    assert Counter(row.reason for row in rows if row.status == DeliveryStatus.SUPPRESSED) == {
        "no_address": 2, "unconfirmed": 1,
    }  # fmt: skip


class _Words:
    """Stands in for the composer, which has an address for every delivery that it is given."""

    async def compose(self, session: AsyncSession, deliveries: Sequence[Delivery]) -> dict[str, ReadyMessage]:
        assert all(has_address(row) for row in deliveries)
        return {}


async def test_who_gets_it_in_a_collected_mail_or_is_paused_has_a_row_too(desk: Desk) -> None:
    got = await make_subscriber(desk.session, name="A", topics={"webinars": Frequency.WEEKLY})
    await make_subscriber(desk.session, name="B", topics={"webinars": Frequency.WEEKLY}, language="ar")
    until = desk.clock.now().date() + timedelta(days=30)
    await make_subscriber(desk.session, name="C", topics={"webinars": Frequency.AT_ONCE}, paused_until=until)
    changed = await make_subscriber(desk.session, name="D", topics={"webinars": Frequency.AT_ONCE})
    made = await desk.draft()
    await desk.schedule(made.id)
    await desk.begin()
    await _carried(desk, made.id, got.id)
    edit: Edit = {"topics": {"webinars": TopicPreference(Frequency.WEEKLY)}}
    await change_preferences(desk.session, changed.id, edit, topics=desk.topics, origin="page", clock=desk.clock)

    pages = [await list_lines(desk.session, made.id, limit=1)]
    while pages[-1].next is not None:
        pages.append(await list_lines(desk.session, made.id, limit=1, after=pages[-1].next))

    lines = [line for page in pages for line in page.lines]
    assert [(line.name, line.status, line.channel, line.language) for line in lines] == [
        ("A", "by_digest", "email", "en"),
        ("B", "in_digests", "email", "ar"),
        ("C", "paused", "email", "en"),
        ("D", "in_digests", "email", "en"),
    ]
    assert lines[1].because["topic"] == "webinars"
    only = await list_lines(desk.session, made.id, statuses=("by_digest", "paused"))
    assert [line.name for line in only.lines] == ["A", "C"]


async def test_the_member_cities_that_nobody_has_got_it_for_are_named_with_what_became_of_it(
    desk: Desk, knowledge_base: KnowledgeBase
) -> None:
    names = ("cy-limassol", "it-reggio-emilia", "no-bergen", "it-torino")
    cities = {name: knowledge_base.cities[name] for name in names}
    at_once, weekly = {"webinars": Frequency.AT_ONCE}, {"webinars": Frequency.WEEKLY}
    sent = await make_subscriber(desk.session, city="cy-limassol", topics=at_once)
    in_digest = await make_subscriber(desk.session, city="it-reggio-emilia", topics=weekly)
    guest = await make_subscriber(desk.session, city="no-bergen", topics=at_once, joined_at=desk.clock.now())
    await make_subscriber(desk.session, city="no-bergen", topics=weekly)
    made = await desk.draft()
    await desk.schedule(made.id)
    await desk.begin()
    for row in await desk.rows(made.id):
        assert row.subscriber_id in {sent.id, guest.id}
        row.status = DeliveryStatus.SENT
        desk.session.add(row)
    await desk.session.commit()
    broadcast = await get_broadcast(desk.session, made.id)

    before = await list_unreached_cities(desk.session, broadcast, cities=cities)
    await _carried(desk, made.id, in_digest.id)
    after = await list_unreached_cities(desk.session, broadcast, cities=cities)

    assert {one.city: dict(one.became) for one in before} == {
        "no-bergen": {"in_digests": 1}, "it-torino": {}, "it-reggio-emilia": {"in_digests": 1},
    }  # fmt: skip
    assert [one.city for one in after] == ["it-torino", "no-bergen"]


async def _carried(desk: Desk, broadcast_id: str, subscriber_id: str) -> None:
    """A digest brought it."""
    item = await desk.session.get_one(DigestItem, (subscriber_id, broadcast_id))
    digest = Delivery(
        id=new_id(), message=f"digest/{new_id()}", address_id="a", subscriber_id=subscriber_id, channel="email",
        language="en", status=DeliveryStatus.SENT, due_at=item.due_at, created_at=item.due_at,
    )  # fmt: skip
    item.sent_in = digest.id
    desk.session.add_all([item, digest])
    await desk.session.commit()


# Templates


async def test_a_templates_words_are_approved_once_and_anew_when_they_change(desk: Desk) -> None:
    texts = Texts.load(PROJECT_ROOT / "locales")
    template = "reminder/index"
    assert not await is_template_approved(desk.session, template, texts)
    with pytest.raises(BroadcastForbiddenError):
        await approve_template(desk.session, NORA, template, texts=texts, clock=desk.clock)

    await approve_template(desk.session, EVA, template, texts=texts, clock=desk.clock)

    assert await is_template_approved(desk.session, template)
    assert await is_template_approved(desk.session, template, texts)
    assert not await is_template_approved(desk.session, "reminder/survey", texts)
    changed = Texts({"en": {**{key: texts.raw(key, "en") for key in texts.keys("en")}, "mail.reminder.text": "Pay!"}})
    assert not await is_template_approved(desk.session, template, changed)
    await withdraw_template(desk.session, EVA, template)
    assert not await is_template_approved(desk.session, template)


async def _address_of(desk: Desk, subscriber_id: str) -> str:
    return (await list_addresses(desk.session, subscriber_id))[ChannelName.EMAIL].id


async def test_expanding_again_after_resuming_writes_nothing_twice(desk: Desk) -> None:
    await make_subscriber(desk.session, topics={"webinars": Frequency.AT_ONCE})
    made = await desk.draft()
    await desk.schedule(made.id)
    await desk.begin()
    await release.pause(desk.session, EVA, made.id)
    await release.resume(desk.session, EVA, made.id)
    await expand(desk.database, made.id, topics=desk.topics, clock=desk.clock)

    assert len(await desk.rows(made.id)) == 1
