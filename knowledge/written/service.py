"""What the team can do with its answers: write, publish, withdraw, delete; add questions to entries; settle questions.

Nothing here commits: the page that calls it writes the trail and commits both together. What a person reads is checked
whole when it is published; a draft may be unfinished.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession as PlainSession
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.normalise import words
from knowledge.base import KnowledgeBase
from knowledge.errors import EntryNotFoundError
from knowledge.schema import Kind
from knowledge.written.errors import AnswerChangedError, AnswerInvalidError, AnswerNotFoundError
from knowledge.written.forms import AnswerForm, Problem, check_draft, check_example, find_missing, tidy, tidy_example
from knowledge.written.models import AnswerStatus, SettledQuestion, WrittenAnswer, WrittenExample, WrittenText

KEEP_SETTLED = timedelta(days=180)
"""As long as the unanswered questions themselves."""
_LONGEST_NAME = 60
RESERVED = frozenset({"new", "choose", "added"})
"""Pages of the back office have these names."""


@dataclass(frozen=True)
class WholeAnswer:
    """An answer with its texts and example questions by language."""

    answer: WrittenAnswer
    texts: dict[str, WrittenText]
    examples: dict[str, list[str]] = field(default_factory=dict)

    @property
    def seen(self) -> str:
        """Changes with every change."""
        return self.answer.changed_at.isoformat()

    @property
    def title(self) -> str:
        return self.texts[self.answer.original].title


async def get_answer(session: AsyncSession, name: str) -> WholeAnswer:
    """The answer. Raises AnswerNotFoundError."""
    answer = await session.get(WrittenAnswer, name)
    if answer is None:
        raise AnswerNotFoundError
    return (await _complete(session, [answer]))[0]


async def list_answers(session: AsyncSession) -> list[WholeAnswer]:
    """All of them, drafts and withdrawn ones too, the one changed last first."""
    found = await session.exec(select(WrittenAnswer).order_by(col(WrittenAnswer.changed_at).desc()))
    return await _complete(session, list(found))


async def save_answer(
    session: AsyncSession, name: str | None, form: AnswerForm, *, base: KnowledgeBase, by: str, clock: Clock
) -> WholeAnswer:
    """Keep the words of one language and the source; without a name, a new draft in that language.

    What is published stays so, and must stay whole. Raises AnswerInvalidError, AnswerChangedError, AnswerNotFoundError.
    """
    form = tidy(form)
    if name is None:
        problems = check_draft(form)
        if problems:
            raise AnswerInvalidError(problems)
        answer = WrittenAnswer(
            id=await _new_name(session, form.title),
            original=form.language,
            created_at=clock.now(),
            changed_at=clock.now(),
            changed_by=by,
        )
        session.add(answer)
        await session.flush()
    else:
        answer = await _get_for_change(session, name, seen=form.seen)
    await _check(session, form, answer, base)
    answer.source, answer.source_url = form.source, form.source_url
    answer.as_of = date.fromisoformat(form.as_of) if form.as_of else None
    answer.changed_at, answer.changed_by = clock.now(), by
    session.add(answer)
    text = await session.get(WrittenText, (answer.id, form.language))
    text = text or WrittenText(answer_id=answer.id, language=form.language, title=form.title, text=form.text)
    text.title, text.text, text.is_machine_draft = form.title, form.text, form.is_machine_draft
    text.links = [{"title": title, "url": url} for title, url in form.links]
    session.add(text)
    await _replace_examples(session, answer.entry, form.language, form.examples, clock)
    await session.flush()
    return await get_answer(session, answer.id)


async def publish_answer(session: AsyncSession, name: str, *, seen: str, by: str, clock: Clock) -> WholeAnswer:
    """Let the assistant give it. Raises AnswerInvalidError when something is missing, AnswerChangedError."""
    answer = await _get_for_change(session, name, seen=seen)
    whole = (await _complete(session, [answer]))[0]
    problems = find_missing(
        _form_of(whole, answer.original), len(whole.examples.get(answer.original, [])), is_original=True
    )
    if problems:
        raise AnswerInvalidError(problems)
    return await _set_status(session, answer, AnswerStatus.PUBLISHED, by=by, clock=clock)


async def withdraw_answer(session: AsyncSession, name: str, *, by: str, clock: Clock) -> WholeAnswer:
    """Let the assistant give it no more; twice is no error. Raises AnswerNotFoundError."""
    answer = (await get_answer(session, name)).answer
    return await _set_status(session, answer, AnswerStatus.WITHDRAWN, by=by, clock=clock)


async def delete_answer(session: AsyncSession, name: str, *, seen: str) -> None:
    """Delete what the assistant does not give, with all its words and questions; what it settled is asked again.

    Raises AnswerNotFoundError; AnswerChangedError also when it is published, and so has to be withdrawn first.
    """
    answer = await _get_for_change(session, name, seen=seen)
    if answer.status == AnswerStatus.PUBLISHED:
        raise AnswerChangedError
    for table, mine in (
        (WrittenExample, col(WrittenExample.entry) == answer.entry),
        (SettledQuestion, col(SettledQuestion.entry) == answer.entry),
        (WrittenText, col(WrittenText.answer_id) == name),
        (WrittenAnswer, col(WrittenAnswer.id) == name),
    ):
        await PlainSession.execute(session, delete(table).where(mine))


async def remove_text(session: AsyncSession, name: str, language: str, *, by: str, clock: Clock) -> None:
    """Take a translation away, with its questions; the original stays. Raises AnswerNotFoundError."""
    answer = (await get_answer(session, name)).answer
    text = await session.get(WrittenText, (name, language))
    if text is None or language == answer.original:
        return
    await session.delete(text)
    await _replace_examples(session, answer.entry, language, (), clock)
    answer.changed_at, answer.changed_by = clock.now(), by
    session.add(answer)
    await session.flush()


async def add_examples(
    session: AsyncSession, entry: str, questions: Iterable[tuple[str, str]], *, base: KnowledgeBase, clock: Clock
) -> None:
    """Let an entry answer these questions (language, text) too; what it has already stays once.

    Raises EntryNotFoundError (also for services, which are found by name and place) and AnswerInvalidError.
    """
    if base.get_entry(entry).kind is Kind.SERVICE:
        raise EntryNotFoundError(id=entry)
    for language, given in questions:
        text = tidy_example(given)
        if problem := check_example(text):
            raise AnswerInvalidError([problem])
        taken = await _find_taken(session, language, [text], entry)
        if taken:
            raise AnswerInvalidError([_taken(taken[0], base)])
        own = await session.exec(
            select(WrittenExample.text).where(WrittenExample.entry == entry, WrittenExample.language == language)
        )
        if words(text) not in [words(each) for each in own]:
            session.add(WrittenExample(entry=entry, language=language, text=text, added_at=clock.now()))
            await session.flush()


async def list_added_examples(session: AsyncSession) -> list[WrittenExample]:
    """Questions that were added to entries that stand in files, newest first."""
    query = select(WrittenExample).where(~col(WrittenExample.entry).startswith(f"{Kind.ANSWER}/"))
    return list(await session.exec(query.order_by(col(WrittenExample.id).desc())))


async def remove_example(session: AsyncSession, number: int) -> WrittenExample | None:
    """Take an added question away again; twice is no error."""
    row = await session.get(WrittenExample, number)
    if row is not None:
        await session.delete(row)
        await session.flush()
    return row


async def settle_questions(
    session: AsyncSession, questions: Iterable[tuple[str, str]], *, entry: str | None, clock: Clock
) -> None:
    """Remember that the team dealt with these questions (language, text): by an entry, or they need no answer."""
    for language, text in questions:
        key = question_key(text)
        row = await session.get(SettledQuestion, (language, key))
        row = row or SettledQuestion(language=language, words=key, settled_at=clock.now())
        row.entry, row.settled_at = entry, clock.now()
        session.add(row)
    await session.flush()


async def list_settled(session: AsyncSession) -> set[tuple[str, str]]:
    """(language, key) of questions that need nobody: set aside, or answered by what is not withdrawn."""
    withdrawn = await session.exec(select(WrittenAnswer.id).where(WrittenAnswer.status == AnswerStatus.WITHDRAWN))
    gone = {f"{Kind.ANSWER}/{name}" for name in withdrawn}
    rows = await session.exec(select(SettledQuestion))
    return {(row.language, row.words) for row in rows if row.entry not in gone}


async def expire_settled(session: AsyncSession, clock: Clock) -> int:
    """Forget what was settled long ago; commits and returns how many."""
    old = delete(SettledQuestion).where(col(SettledQuestion.settled_at) < clock.now() - KEEP_SETTLED)
    # SQLModel's own execute() is meant for selects and warns about everything else.
    result = await PlainSession.execute(session, old)
    await session.commit()
    return int(result.rowcount)  # type: ignore[attr-defined]


def question_key(text: str) -> str:
    """The same for the same words, however they are spelt; the words cannot be read from it."""
    return hashlib.sha256(" ".join(words(text)).encode()).hexdigest()


def _form_of(whole: WholeAnswer, language: str) -> AnswerForm:
    text, answer = whole.texts[language], whole.answer
    return AnswerForm(
        language=language,
        title=text.title,
        text=text.text,
        source=answer.source,
        source_url=answer.source_url,
        as_of=answer.as_of.isoformat() if answer.as_of else "",
    )


async def _check(session: AsyncSession, form: AnswerForm, answer: WrittenAnswer, base: KnowledgeBase) -> None:
    problems = check_draft(form)
    if answer.status == AnswerStatus.PUBLISHED:
        problems += find_missing(form, len(form.examples), is_original=form.language == answer.original)
    problems += [
        _taken(entry, base) for entry in await _find_taken(session, form.language, form.examples, answer.entry)
    ]
    if problems:
        raise AnswerInvalidError(problems)


async def _find_taken(session: AsyncSession, language: str, examples: Iterable[str], entry: str) -> list[str]:
    """Entries that have one of the questions already; one question has one answer."""
    wanted = [words(example) for example in examples]
    query = select(WrittenExample).where(WrittenExample.language == language, WrittenExample.entry != entry)
    return sorted({row.entry for row in await session.exec(query) if words(row.text) in wanted})


def _taken(entry: str, base: KnowledgeBase) -> Problem:
    known = base.entries.get(entry)
    return "example_taken", {"title": known.title(known.original) if known else entry.partition("/")[2]}


async def _get_for_change(session: AsyncSession, name: str, *, seen: str) -> WrittenAnswer:
    found = await session.exec(select(WrittenAnswer).where(WrittenAnswer.id == name).with_for_update())
    answer = found.one_or_none()
    if answer is None:
        raise AnswerNotFoundError
    if answer.changed_at.isoformat() != seen:
        raise AnswerChangedError
    return answer


async def _set_status(
    session: AsyncSession, answer: WrittenAnswer, status: AnswerStatus, *, by: str, clock: Clock
) -> WholeAnswer:
    answer.status, answer.changed_at, answer.changed_by = status, clock.now(), by
    session.add(answer)
    await session.flush()
    return await get_answer(session, answer.id)


async def _replace_examples(
    session: AsyncSession, entry: str, language: str, examples: Iterable[str], clock: Clock
) -> None:
    """What stays keeps its row, so that nothing seems to be new that is not."""
    query = select(WrittenExample).where(WrittenExample.entry == entry, WrittenExample.language == language)
    wanted = list(examples)
    for row in await session.exec(query):
        if row.text in wanted:
            wanted.remove(row.text)
        else:
            await session.delete(row)
    for text in wanted:
        session.add(WrittenExample(entry=entry, language=language, text=text, added_at=clock.now()))


async def _new_name(session: AsyncSession, title: str) -> str:
    """A name from the title, that no answer has; a title in other letters gives a number."""
    plain = "-".join(word for word in words(title) if word.isascii())[:_LONGEST_NAME].strip("-")
    name, number = plain or "answer-1", 1
    while name in RESERVED or await session.get(WrittenAnswer, name) is not None:
        number += 1
        name = f"{plain or 'answer'}-{number}"
    return name


async def _complete(session: AsyncSession, answers: list[WrittenAnswer]) -> list[WholeAnswer]:
    wanted = {answer.id for answer in answers}
    texts: dict[str, dict[str, WrittenText]] = {name: {} for name in wanted}
    for text in await session.exec(select(WrittenText).where(col(WrittenText.answer_id).in_(wanted))):
        texts[text.answer_id][text.language] = text
    examples: dict[str, dict[str, list[str]]] = {}
    entries = [answer.entry for answer in answers]
    query = select(WrittenExample).where(col(WrittenExample.entry).in_(entries)).order_by(col(WrittenExample.id))
    for row in await session.exec(query):
        examples.setdefault(row.entry, {}).setdefault(row.language, []).append(row.text)
    return [WholeAnswer(answer, texts[answer.id], examples.get(answer.entry, {})) for answer in answers]
