"""What an input changes in an unfinished report. Nothing is committed here."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.forms import Action, AnswerKind, FormInput
from core.clock import Clock, today
from core.errors import HubError
from reports.errors import FileRefusedError
from reports.evidence import check
from reports.files import count_pieces_of_drafts, delete_file, store_in_draft
from reports.intake.choices import Choices
from reports.intake.drafts import LETTER, OpenDraft, Sheet
from reports.intake.errors import AnswerRefusedError
from reports.intake.routing import Routing
from reports.intake.steps import Answer, Step, Steps
from reports.intake.taking import check_contact, is_answer, read_answer, read_toggle, tidy
from reports.receipts import GROUP, is_end_of, read_receipt

KEPT, NEW_CODE = "kept", "new"
"""What can be said of a receipt besides its last five digits."""
MOST_PIECES_OF_DRAFTS = 8 * 1024
"""MiB of files in all unfinished reports together, as they came and cleaned. Beyond it words are taken and files are
not, since whoever filled the disk would silence everybody."""


class Changes:
    """Applies inputs to drafts in memory; files go to the session."""

    def __init__(self, steps: Steps, choices: Choices, routing: Routing, clock: Clock) -> None:
        self._steps = steps
        self._choices = choices
        self._routing = routing
        self._clock = clock

    async def apply(self, session: AsyncSession, draft: OpenDraft, step: Step, given: FormInput) -> None:
        """Change the sheet as the input says. Raises AnswerRefusedError, FileRefusedError."""
        sheet = draft.sheet
        if given.file is not None and (given.action is Action.ANSWER or given.action is Action.NEXT):
            await self._take_file(session, draft, step, given)
        elif is_answer(given):
            await self._answer(session, sheet, step, given)
        else:
            match given.action:
                case Action.TOGGLE:
                    choices = await self._choices.of(session, step, sheet)
                    toggled = read_toggle(step, given, before=sheet.answer(step.id), choices=choices)
                    sheet.answers[step.id] = toggled
                    sheet.at = step.id if step.id in sheet.seen else sheet.at
                case Action.NEXT | Action.SEND:
                    await self._go_on(session, sheet, step)
                case Action.SKIP:
                    self._skip(sheet, step)
                case Action.BACK:
                    previous = self._steps.previous(sheet, sheet.facts)
                    await self.keep_typed(session, sheet, step, given)
                    sheet.at = previous.id if previous else sheet.at
                case Action.CHANGE:
                    self._go_to(sheet, given.values)
                case Action.REMOVE_FILE:
                    await self._remove_file(session, sheet, given.values)
                case _:
                    raise AnswerRefusedError("not_here")

    async def _answer(self, session: AsyncSession, sheet: Sheet, step: Step, given: FormInput) -> None:
        if step.kind is AnswerKind.RECEIPT:
            self._confirm_receipt(sheet, step, given)
            return
        if step.kind in {AnswerKind.REVIEW, AnswerKind.SEND, AnswerKind.DONE, AnswerKind.FILES}:
            raise AnswerRefusedError("not_here")
        answer = await self._read(session, sheet, step, given)
        if step.id == "consent" and answer.value == "other":
            self._steps.ask_again(sheet, "desk")
            return
        await self._check(session, sheet, step, answer)
        if step.collects and given.version is None and answer.text and given.action is Action.ANSWER:
            # More may follow in the next message; the step is over when the person says so.
            sheet.answers[step.id] = answer
            sheet.at = step.id
            return
        self._steps.record(sheet, step, answer)

    async def _read(self, session: AsyncSession, sheet: Sheet, step: Step, given: FormInput) -> Answer:
        return read_answer(
            step,
            given,
            before=_offered(sheet, step),
            choices=await self._choices.of(session, step, sheet),
            routing=self._routing,
            language=sheet.language,
            today=today(self._clock),
            is_spoken=bool(sheet.spoken(step.id)),
        )

    async def _check(self, session: AsyncSession, sheet: Sheet, step: Step, answer: Answer) -> None:
        """What only some steps refuse."""
        if step.id == "contact_value":
            check_contact(sheet.value("contact"), answer.text)
        if step.id == "keep_out" and answer.values:
            desk = await self._routing.find_desk(session, sheet)
            if desk is not None and {officer for officer, _ in desk.officers} <= set(answer.values):
                raise AnswerRefusedError("nobody_reads")

    async def keep_typed(self, session: AsyncSession, sheet: Sheet, step: Step, given: FormInput) -> bool:
        """What a page carried when the person left it for another: kept to go on from, and whether there was any.

        Raises AnswerRefusedError only where it cannot be kept and going away would lose it.
        """
        if given.version is None or not step.told or not (given.values or given.text is not None):
            return False
        try:
            answer = await self._read(session, sheet, step, given)
        except AnswerRefusedError as refused:
            if refused.reason == "too_long":
                raise
            return False
        if step.id in sheet.seen:
            self._steps.record(sheet, step, answer)
        else:
            sheet.answers[step.id] = answer
        return True

    async def _go_on(self, session: AsyncSession, sheet: Sheet, step: Step) -> None:
        """With what stands on the screen."""
        answer = _offered(sheet, step)
        match step.kind:
            case AnswerKind.REVIEW | AnswerKind.FILES | AnswerKind.TEXT:
                pass
            case AnswerKind.SEVERAL:
                offered = {choice.value for choice in await self._choices.of(session, step, sheet)}
                answer = Answer(values=[value for value in answer.values if value in offered], text=answer.text)
                await self._check(session, sheet, step, answer)
            case AnswerKind.ONE:
                chosen = [choice.value for choice in await self._choices.of(session, step, sheet) if choice.is_chosen]
                answer = Answer(values=chosen or step.choices[:1] * (len(step.choices) == 1), text=answer.text)
                if answer.is_empty and not sheet.spoken(step.id):
                    raise AnswerRefusedError("choose" if step.required else "nothing")
            case _:
                raise AnswerRefusedError("not_here")
        self._steps.record(sheet, step, answer)

    def _skip(self, sheet: Sheet, step: Step) -> None:
        if step.required:
            raise AnswerRefusedError("cannot_skip")
        self._steps.record(sheet, step, Answer())

    def _go_to(self, sheet: Sheet, values: tuple[str, ...]) -> None:
        asked = self._steps.asked(sheet, sheet.facts)
        step = next((step for step in asked if values == (step.id,)), None)
        if step is None or not step.told or step.id not in sheet.seen:
            raise AnswerRefusedError("not_here")
        sheet.at = step.id
        sheet.seen = [seen for seen in sheet.seen if self._steps.get(seen).kind is not AnswerKind.REVIEW]

    async def _take_file(self, session: AsyncSession, draft: OpenDraft, step: Step, given: FormInput) -> None:
        """A file goes to the evidence; a voice message may answer any question that words could answer."""
        sheet, file = draft.sheet, given.file
        assert file is not None
        is_spoken = file.is_voice and step.voice
        if sheet.facts["route"] == LETTER or not (step.files or is_spoken):
            raise AnswerRefusedError("no_files_here")
        if await count_pieces_of_drafts(session) >= MOST_PIECES_OF_DRAFTS:
            raise FileRefusedError(reason="busy")
        evidence = await check(file if step.files else replace(file, name=step.id), taken=sheet.files)

        async def store(content: bytes) -> str:
            return await store_in_draft(session, draft_id=draft.id, key=draft.key, content=content)

        note = await evidence.store(store)
        sheet.files.append(note)
        if is_spoken:
            sheet.voices[note.id] = step.id
        await self._keep_caption(session, sheet, step, note.name, tidy(given.text or ""))
        sheet.at = step.id

    async def _keep_caption(self, session: AsyncSession, sheet: Sheet, step: Step, name: str, caption: str) -> None:
        """Words that came with a file answer the step where it takes words; else they go on in the story."""
        if not caption:
            return
        if not step.collects:
            step, caption = self._steps.get("story"), f"{name}: {caption}"
        sheet.answers[step.id] = await self._read(session, sheet, step, FormInput(Action.ANSWER, text=caption))

    async def _remove_file(self, session: AsyncSession, sheet: Sheet, values: tuple[str, ...]) -> None:
        note = next((note for note in sheet.files if values == (note.id,)), None)
        if note is None:
            raise AnswerRefusedError("stale")
        for file_id in (note.id, note.cleaned_id):
            if file_id is not None:
                await delete_file(session, file_id)
        sheet.files.remove(note)
        sheet.voices.pop(note.id, None)

    def _confirm_receipt(self, sheet: Sheet, step: Step, given: FormInput) -> None:
        """The person has the code: they say so, or type its end."""
        if given.values == (NEW_CODE,):
            sheet.at = step.id
            return
        if given.values != (KEPT,):
            if not (given.text or "").strip():
                raise AnswerRefusedError("code_not_kept")
            if not self._is_end_of_code(sheet, given.text or ""):
                raise AnswerRefusedError("not_the_code")
        self._steps.record(sheet, step, Answer())

    def _is_end_of_code(self, sheet: Sheet, typed: str) -> bool:
        if sheet.receipt is None:
            return False
        with suppress(HubError):
            typed = read_receipt(typed)[-GROUP:]
        return is_end_of(sheet.receipt.last_five, typed)


def _offered(sheet: Sheet, step: Step) -> Answer:
    """What stands on the screen: in a chat, the first words are the beginning of a story that goes on in messages."""
    answer = sheet.answer(step.id)
    is_new = step.id == "story" and step.id not in sheet.seen and answer.is_empty
    return Answer(text=sheet.words) if is_new else answer
