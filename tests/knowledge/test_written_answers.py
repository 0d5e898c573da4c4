"""Writing answers, on both databases: drafts, publishing, withdrawing, and a process that keeps up with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from core.clock import FixedClock
from core.database import Database
from knowledge.base import KnowledgeBase, load_knowledge
from knowledge.errors import EntryNotFoundError
from knowledge.places import Gazetteer
from knowledge.written.errors import AnswerChangedError, AnswerInvalidError, AnswerNotFoundError
from knowledge.written.forms import AnswerForm
from knowledge.written.lessons import read_lessons
from knowledge.written.live import LiveAnswers
from knowledge.written.matching import ExampleQuestions
from knowledge.written.models import AnswerStatus, WrittenExample, WrittenText
from knowledge.written.service import (
    KEEP_SETTLED,
    WholeAnswer,
    add_examples,
    delete_answer,
    expire_settled,
    get_answer,
    list_answers,
    list_settled,
    publish_answer,
    question_key,
    remove_text,
    save_answer,
    settle_questions,
    withdraw_answer,
)

FORM = AnswerForm(
    language="fr",
    title="Qui paie les interprètes ?",
    text="Le Conseil de l'Europe les paie.",
    source="Règlement, article 4",
    as_of="2026-05-04",
    examples=("Qui paie les interprètes ?", "les interprètes sont-ils gratuits", "prix des interprètes"),
)


@pytest.fixture(scope="module")
def base() -> KnowledgeBase:
    return load_knowledge()


@pytest.fixture
def questions(base: KnowledgeBase) -> ExampleQuestions:
    return ExampleQuestions(base, Gazetteer.load(base))


async def publish(database: Database, base: KnowledgeBase, clock: FixedClock, form: AnswerForm = FORM) -> WholeAnswer:
    async with database.session() as session:
        whole = await save_answer(session, None, form, base=base, by="x", clock=clock)
        whole = await publish_answer(session, whole.answer.id, seen=whole.seen, by="x", clock=clock)
        await session.commit()
        return whole


async def test_a_process_takes_up_what_was_published_and_lets_go_of_what_was_withdrawn(
    database: Database, base: KnowledgeBase, questions: ExampleQuestions, clock: FixedClock
) -> None:
    live, count = LiveAnswers(base, questions), len(base.entries)
    whole = await publish(database, base, clock)
    assert whole.answer.entry == "answer/qui-paie-les-interpretes"
    async with database.session() as session:
        assert [await live.refresh(session), await live.refresh(session)] == [True, False]
    entry = base.get_entry(whole.answer.entry)
    assert (entry.title("it"), entry.spoken("it"), entry.spoken("fr")) == (FORM.title, "fr", "fr")
    assert questions.find("qui paie les interpretes", "fr") == entry.id
    async with database.session() as session:
        await withdraw_answer(session, whole.answer.id, by="x", clock=clock)
        await session.commit()
        assert await live.refresh(session)
    assert len(base.entries) == count
    assert questions.find("qui paie les interpretes", "fr") is None


async def test_a_deleted_answer_leaves_nothing_and_what_it_settled_is_asked_again(
    database: Database, base: KnowledgeBase, clock: FixedClock
) -> None:
    whole = await publish(database, base, clock)
    other = await publish(database, base, clock, replace(FORM, title="Une autre", examples=("a b c", "d e f", "g h i")))
    async with database.session() as session:
        await settle_questions(session, [("fr", "Qui paie ?")], entry=whole.answer.entry, clock=clock)
        await settle_questions(session, [("fr", "autre")], entry=other.answer.entry, clock=clock)
        await session.commit()
        with pytest.raises(AnswerChangedError):
            await delete_answer(session, whole.answer.id, seen=whole.seen)
        await session.rollback()
        clock.at += timedelta(seconds=1)
        seen = (await withdraw_answer(session, whole.answer.id, by="x", clock=clock)).seen
        await session.commit()
        with pytest.raises(AnswerChangedError):
            await delete_answer(session, whole.answer.id, seen=whole.seen)
        await session.rollback()
        await delete_answer(session, whole.answer.id, seen=seen)
        await session.commit()
    async with database.session() as session:
        assert [each.answer.id for each in await list_answers(session)] == [other.answer.id]
        assert {row.answer_id for row in await session.exec(select(WrittenText))} == {other.answer.id}
        assert {row.entry for row in await session.exec(select(WrittenExample))} == {other.answer.entry}
        assert await list_settled(session) == {("fr", question_key("autre"))}
        with pytest.raises(AnswerNotFoundError):
            await delete_answer(session, whole.answer.id, seen=seen)


async def test_names_never_change_and_are_never_given_twice(
    database: Database, base: KnowledgeBase, clock: FixedClock
) -> None:
    first = await publish(database, base, clock)
    names = []
    async with database.session() as session:
        changed = replace(FORM, title="Un autre titre", seen=first.seen)
        await save_answer(session, first.answer.id, changed, base=base, by="x", clock=clock)
        for title in (FORM.title, "من يدفع؟", "من يدفع؟", "New", "x" * 160):
            whole = await save_answer(
                session, None, AnswerForm(language="ar", title=title), base=base, by="x", clock=clock
            )
            names.append(whole.answer.id)
        await session.commit()
        assert {whole.answer.id for whole in await list_answers(session)} == {first.answer.id, *names}
    assert names[:4] == ["qui-paie-les-interpretes-2", "answer-1", "answer-2", "new-2"]
    assert len(names[4]) == 60


async def test_a_change_that_nobody_saw_is_not_overwritten(
    database: Database, base: KnowledgeBase, clock: FixedClock
) -> None:
    whole = await publish(database, base, clock)
    clock.at += timedelta(seconds=1)
    async with database.session() as session:
        seen = replace(FORM, seen=whole.seen)
        await save_answer(session, whole.answer.id, seen, base=base, by="x", clock=clock)
        await session.commit()
        with pytest.raises(AnswerChangedError):
            await save_answer(session, whole.answer.id, seen, base=base, by="y", clock=clock)
        with pytest.raises(AnswerChangedError):
            await publish_answer(session, whole.answer.id, seen=whole.seen, by="y", clock=clock)
        with pytest.raises(AnswerNotFoundError):
            await get_answer(session, "nowhere")


async def test_what_is_published_stays_whole(database: Database, base: KnowledgeBase, clock: FixedClock) -> None:
    whole = await publish(database, base, clock)
    async with database.session() as session:
        for part in ({"source": ""}, {"as_of": ""}, {"text": ""}, {"examples": ("un deux trois",)}):
            with pytest.raises(AnswerInvalidError):
                await save_answer(
                    session, whole.answer.id, replace(FORM, seen=whole.seen, **part), base=base, by="x", clock=clock
                )
            await session.rollback()
        assert (await get_answer(session, whole.answer.id)).examples["fr"] == list(FORM.examples)


async def test_a_translation_comes_and_goes_and_the_original_stays(
    database: Database, base: KnowledgeBase, clock: FixedClock
) -> None:
    whole = await publish(database, base, clock)
    name = whole.answer.id
    english = replace(
        FORM, language="en", title="Interpreters", text="The Council pays for them.", examples=("who pays",)
    )
    async with database.session() as session:
        draft = replace(english, seen=whole.seen, is_machine_draft=True)
        whole = await save_answer(session, name, draft, base=base, by="x", clock=clock)
        assert {each.language for each in (await read_lessons(session)).examples if "Council" in each.text} == set()
        whole = await save_answer(session, name, replace(english, seen=whole.seen), base=base, by="x", clock=clock)
        assert {each.language for each in (await read_lessons(session)).examples} == {"en", "fr"}
        assert whole.answer.status == AnswerStatus.PUBLISHED
        await remove_text(session, name, "en", by="x", clock=clock)
        await remove_text(session, name, "fr", by="x", clock=clock)
        await session.commit()
        whole = await get_answer(session, name)
        assert (set(whole.texts), set(whole.examples)) == ({"fr"}, {"fr"})


async def test_a_question_belongs_to_one_entry_only(database: Database, base: KnowledgeBase, clock: FixedClock) -> None:
    await publish(database, base, clock)
    async with database.session() as session:
        with pytest.raises(AnswerInvalidError) as refused:
            await add_examples(session, "tool/icc-index", [("fr", "qui paie les INTERPRETES")], base=base, clock=clock)
        assert refused.value.problems[0][0] == "example_taken"
        await add_examples(session, "tool/icc-index", [("fr", "qui paie")], base=base, clock=clock)
        # The same words may mean something else in another language; twice is no error.
        for _ in range(2):
            await add_examples(session, "tool/icc-index", [("it", "qui paie les interpretes")], base=base, clock=clock)
        rows = await session.exec(select(WrittenExample).where(WrittenExample.entry == "tool/icc-index"))
        assert [(row.language, row.text) for row in rows] == [("fr", "qui paie"), ("it", "qui paie les interpretes")]
        for entry in ("service/it-bologna-spad", "tool/none"):
            with pytest.raises(EntryNotFoundError):
                await add_examples(session, entry, [("fr", "où aller")], base=base, clock=clock)


async def test_settled_questions_come_back_when_their_answer_is_withdrawn_and_are_forgotten_in_time(
    database: Database, base: KnowledgeBase, clock: FixedClock
) -> None:
    whole = await publish(database, base, clock)
    async with database.session() as session:
        await settle_questions(session, [("fr", "Qui paie ?")], entry=whole.answer.entry, clock=clock)
        for _ in range(2):
            await settle_questions(session, [("fr", "asdf")], entry=None, clock=clock)
        assert await list_settled(session) == {("fr", question_key("qui paie")), ("fr", question_key("ASDF!"))}
        await withdraw_answer(session, whole.answer.id, by="x", clock=clock)
        assert await list_settled(session) == {("fr", question_key("asdf"))}
        await session.commit()
        clock.at += KEEP_SETTLED
        assert await expire_settled(session, clock) == 0
        clock.at += timedelta(seconds=1)
        assert await expire_settled(session, clock) == 2
