"""A turn of a conversation: what came in becomes an answer.

Decides the language, sends known payloads and texts to the assistant, and goes on without it where that is possible.
Counting and keeping of unanswered questions come after the reply, as background work.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from contextlib import suppress
from typing import Any

from channels.base import MOST_CHARACTERS, Answer, IncomingMessage, Reply
from conversation.alone import WithoutAssistant, answer_alone
from conversation.assistant import Assistant
from conversation.counting import give_feedback
from conversation.errors import AssistantUnavailableError, MessageTooLongError, ReplyUnknownError
from conversation.handoffs import create_handoff, forget_sender
from conversation.memory import LanguageMemory, Remembered, Turns
from conversation.own_city import OwnCity
from conversation.payloads import Payload, read_payload
from conversation.question_counter import QuestionCounter
from conversation.redaction import Redaction
from conversation.replies import FORGET, HANDOFF, PREFERENCES, Wording
from conversation.safety import Cry, hear_cry
from conversation.wishes.talk import PreferencesTalk, Said
from conversation.written import WrittenAnswers
from core.clock import Clock
from core.database import Database
from core.languages import (
    LANGUAGES,
    MINIMUM_LETTERS,
    RELEASED,
    SOURCE_LANGUAGE,
    Detection,
    answerable_language,
    count_letters,
    detect_language,
    vote_by_function_words,
)
from core.normalise import clean
from knowledge.place_words import Reading
from knowledge.places import place_from_input

log = logging.getLogger(__name__)

SURE_ENOUGH_TO_SWITCH = 0.9
MINIMUM_LETTERS_TO_SWITCH = 16
"""A conversation that has a language changes it only for a real sentence; a browser's language gives way sooner."""

LIKELY_ENOUGH_TO_BEGIN = 0.2
"""Where nothing else tells a language, a likely one is a better guess than English: of 12,000 training messages, 135 in
French and Italian begin rightly below 0.4, and 10 in English wrongly."""

LIKELY_TO_BE_READ = 0.5
"""Where no language reaches this, the text may be in one that the detection does not know (Somali)."""

NEEDS_THE_CONVERSATION = frozenset({HANDOFF, "confirm", "cancel"})
"""Payloads that mean nothing without what was said before, which only the assistant remembers."""


class Conversations:
    """Handles messages of every channel. Built once, shared by all."""

    def __init__(
        self,
        *,
        wording: Wording,
        assistant: Assistant,
        database: Database,
        clock: Clock,
        secret_key: str,
        without_assistant: WithoutAssistant,
        languages: LanguageMemory,
        preferences: PreferencesTalk | None = None,
        own_city: OwnCity | None = None,
        written: WrittenAnswers | None = None,
    ) -> None:
        self._wording = wording
        self._assistant = assistant
        self._database = database
        self._clock = clock
        self._secret = secret_key.encode()
        self._without_assistant = without_assistant
        self._languages = languages
        self._preferences = preferences
        self._own_city = own_city
        self._written = written
        self._redaction = Redaction(wording)
        self._counter = QuestionCounter(wording, self._redaction, database, clock)
        self._turns = Turns()

    def new_sender(self) -> str:
        """A name for a conversation that nobody can guess (192 bits)."""
        return secrets.token_urlsafe(24)

    def sender_key(self, channel: str, sender: str) -> str:
        """The sender as it is stored and shown to the assistant: a keyed hash, so that neither can speak for it."""
        return hmac.new(self._secret, f"{channel}:{sender}".encode(), hashlib.sha256).hexdigest()[:32]

    async def handle(self, message: IncomingMessage) -> Answer:
        """Answer one message. Raises MessageTooLongError; everything else is answered in words."""
        if len(message.text) > MOST_CHARACTERS:
            raise MessageTooLongError(most=MOST_CHARACTERS)
        key = self.sender_key(message.channel, message.sender)
        async with self._turns.of(key):
            answer = await self._answer(message, key)
            if any(reply.answer == FORGET for reply in answer.replies):
                await self._forget_as_asked(message.channel, key, answer)
        for reply in answer.replies:
            reply.language = reply.language or answer.language
            reply.id = self._reply_id(key, reply)
        return answer

    async def give_feedback(self, channel: str, sender: str, reply_id: str, *, helpful: bool) -> None:
        """Keep whether a reply helped. Raises ReplyUnknownError when this conversation did not get that reply."""
        entry, language = self._read_reply_id(self.sender_key(channel, sender), reply_id)
        async with self._database.session() as session:
            reply = hashlib.sha256(reply_id.encode()).hexdigest()[:32]
            await give_feedback(
                session, reply=reply, entry=entry, language=language, helpful=helpful, clock=self._clock
            )

    async def spoken_language(self, channel: str, sender: str) -> tuple[str | None, bool]:
        """The language that a conversation speaks now, and whether the person chose it."""
        known = await self._languages.get(self.sender_key(channel, sender)) or Remembered()
        return known.language, known.chosen

    async def forget(self, channel: str, sender: str) -> None:
        """Delete everything kept of a conversation: its language, its questions to the team, the assistant's memory.

        Counts and ratings stay; nothing in them leads to a conversation. Raises AssistantUnavailableError when all but
        the assistant's memory is deleted.
        """
        key = self.sender_key(channel, sender)
        async with self._turns.of(key):
            await self._forget(channel, key)

    async def _forget(self, channel: str, key: str) -> None:
        await self._languages.drop(key)
        if self._preferences is not None:
            await self._preferences.forget(key)
        async with self._database.session() as session:
            await forget_sender(session, key, clock=self._clock)
        await self._assistant.forget(f"{channel}:{key}")

    async def _forget_as_asked(self, channel: str, key: str, answer: Answer) -> None:
        """Delete what the answer says is deleted; where something stays for up to an hour, the answer says that."""
        try:
            await self._forget(channel, key)
        except AssistantUnavailableError:
            for reply in answer.replies:
                if reply.answer == FORGET:
                    reply.text = self._wording.texts.get("talk.forgotten_later", answer.language)

    async def help_at_once(self, message: IncomingMessage) -> list[Reply]:
        """What answers a cry for help in a text that belongs to something else, such as a report; else nothing.

        Heard by its words alone: the assistant never sees the text, nothing is counted or remembered. ``city`` may be a
        country's code.
        """
        text = clean(message.text)
        cry = hear_cry(text, first=message.chosen_language or message.stated_language or SOURCE_LANGUAGE)
        if cry is None:
            return []
        heard = Detection(cry.language, 1.0, by_script=True)
        language, _ = await self._choose_language(message, self.sender_key(message.channel, message.sender), heard)
        metadata = {"language": cry.language, "reply_language": language, "city": message.city, "text": text}
        said = self._without_assistant(f"/{cry.intent}", metadata)
        return [Reply.model_validate(reply | {"language": reply["language"] or language}) for reply in said["replies"]]

    async def close(self) -> None:
        """Finish the counting and let go of the memory."""
        await self.wait_for_background()
        if self._preferences is not None:
            await self._preferences.close()
        await self._languages.close()

    def warm_up(self) -> None:
        """Read what a first turn would wait for."""
        self._redaction.warm_up()

    async def wait_for_background(self) -> None:
        """Until all counting is written (at shutdown, and in tests)."""
        await self._counter.finish()

    async def _answer(self, message: IncomingMessage, key: str) -> Answer:
        text = clean(message.text)
        payload = read_payload(text, self._wording, self._preferences)
        if payload is None:
            text = text.lstrip("/").strip()
        if not text:
            language, _ = await self._choose_language(message, key, Detection(SOURCE_LANGUAGE, 0.0))
            return Answer(language=language, replies=[self._wording.say("chat.empty", language)])
        detection = Detection(SOURCE_LANGUAGE, 0.0) if payload else detect_language(text)
        cry = None if payload else hear_cry(text, first=detection.code)
        if cry is not None:
            detection = Detection(cry.language, 1.0, by_script=True)
        language, foreign = await self._choose_language(message, key, detection)
        if payload is not None and payload.value == FORGET:
            forgotten = self._wording.say("talk.forgotten", language)
            forgotten.answer = FORGET
            return Answer(language=language, replies=[forgotten])
        if foreign is not None and payload is None:
            return await self._speak_unreleased(text, foreign, message, cry, key)
        return await self._ask_assistant(text, payload, language, detection, cry, message, key)

    async def _choose_language(
        self, message: IncomingMessage, key: str, detection: Detection
    ) -> tuple[str, str | None]:
        """The language to speak, and the unreleased one that the person writes in, if so.

        The person's choice, then what a real sentence shows, then what the conversation had, then what the client
        states. A short word never switches.
        """
        if message.chosen_language in RELEASED:
            return message.chosen_language, None
        known = await self._languages.get(key) or Remembered()
        if message.chosen_language:
            return known.language or message.stated_language or SOURCE_LANGUAGE, message.chosen_language
        if known.chosen and known.language:
            return known.language, None
        before = known.language or message.stated_language
        detected = answerable_language(detection.code)
        if detection.is_sure and self._may_switch(detection, before, message.text, has_begun=bool(known.language)):
            if LANGUAGES[detected].released and detection.code in LANGUAGES:
                return detected, None
            # The name of a service is no sentence ("Diskriminerungsstelle Wien").
            if not self._wording.services.find_named(message.text):
                return before or SOURCE_LANGUAGE, detected
        is_likely = detection.confidence >= LIKELY_ENOUGH_TO_BEGIN and LANGUAGES[detected].released
        return before or (detected if is_likely else SOURCE_LANGUAGE), None

    def _may_switch(self, detection: Detection, before: str | None, text: str, *, has_begun: bool) -> bool:
        if before is None or detection.code == before or detection.by_script:
            return True
        letters = MINIMUM_LETTERS_TO_SWITCH if has_begun else MINIMUM_LETTERS
        return detection.confidence >= SURE_ENOUGH_TO_SWITCH and count_letters(text) >= letters

    async def _ask_assistant(
        self,
        text: str,
        payload: Payload | None,
        language: str,
        detection: Detection,
        cry: Cry | None,
        message: IncomingMessage,
        key: str,
    ) -> Answer:
        # Somebody who chose French may still write Italian: it is read as Italian and answered in French.
        written_in = _language_to_read(text, detection) or language
        metadata = {
            "language": written_in,
            "reply_language": language,
            "city": message.city,
            "text": "" if payload else text,
            "payload": payload.value if payload else "",
        }
        if self._written is not None and payload is None:
            metadata |= self._written.read(text, written_in)
        talk = self._preferences
        turn = Said(message, key, "" if payload else text, written_in, language)
        if cry is None and talk is not None and (replies := await self._talk_first(talk, turn, payload)) is not None:
            return await self._finish(_talked(replies), language, message, key)
        if self._own_city is not None and payload is None and cry is None and self._own_city.recognises(text):
            return await self._finish(_talked(await self._own_city.answer(message, language)), language, message, key)
        rasa_text = payload.rasa_text if payload else text
        try:
            said = await self._assistant.ask(f"{message.channel}:{key}", rasa_text, metadata)
            if cry is not None and not _has_heard(said, cry):
                helping = await self._assistant.ask(f"{message.channel}:{key}", f"/{cry.intent}", metadata)
                said = _help_first(helping, said)
        except AssistantUnavailableError as error:
            log.warning("assistant_unavailable reason=%s", error.values.get("reason"))
            if cry is not None:
                said = self._without_assistant(f"/{cry.intent}", metadata)
            else:
                said = self._go_on_alone(rasa_text, payload, metadata)
        if payload is None and cry is None and self._is_in_no_language_of_ours(text, detection, said):
            return await self._speak_unreleased(text, language, message, cry, key)
        if talk is not None and (replies := await self._talk_after(talk, turn, said)):
            said = _talked(replies, confidence=said["confidence"])
        if self._own_city is not None:
            beside = await self._own_city.add_to(said["replies"], message, language)
            said["replies"] += [reply.model_dump(mode="json") for reply in beside]
        return await self._finish(said, language, message, key)

    async def _talk_first(self, talk: PreferencesTalk, turn: Said, payload: Payload | None) -> list[Reply] | None:
        """What belongs to the talk about messages, whatever the assistant would make of it."""
        if payload is None:
            # An address that was asked for is nobody else's business, not even for an hour.
            return await talk.take_address(turn)
        if talk.is_payload(payload.value):
            return await talk.press(turn, payload.value.partition("/")[2])
        return None

    async def _talk_after(self, talk: PreferencesTalk, turn: Said, said: dict[str, Any]) -> list[Reply] | None:
        """The talk about messages, where the assistant heard that it begins, or where it goes on.

        The assistant hears every sentence first, so that a cry for help in the middle of this talk is heard.
        """
        answers = {reply.get("answer") for reply in said["replies"]}
        if PREFERENCES in answers:
            return await talk.open(turn)
        if said.get("private") or not turn.text:
            await talk.leave(turn.key)
            return None
        return await talk.follow(turn, is_answered=bool(answers - {None}))

    def _go_on_alone(self, rasa_text: str, payload: Payload | None, metadata: dict[str, Any]) -> dict[str, Any]:
        if payload is not None and payload.value not in NEEDS_THE_CONVERSATION:
            return self._without_assistant(rasa_text, metadata)
        if payload is None:
            return answer_alone(self._wording, self._without_assistant, metadata)
        said = self._without_assistant("/unclear", metadata)
        waiting = self._wording.say("chat.assistant_away", metadata["reply_language"])
        return said | {"replies": [waiting.model_dump(mode="json"), *said["replies"]], "missed": None}

    async def _finish(self, said: dict[str, Any], language: str, message: IncomingMessage, key: str) -> Answer:
        chosen = said.get("chosen_language")
        language = chosen or language
        await self._remember(key, language, chosen=bool(chosen) or message.chosen_language in RELEASED)
        replies = [Reply.model_validate(reply) for reply in said["replies"]]
        if self._written is not None:
            replies = await self._written.tell(replies, language)
        passed_on = said.get("passed_on")
        if passed_on:
            async with self._database.session() as session:
                await create_handoff(
                    session,
                    channel=message.channel,
                    sender_key=key,
                    language=language,
                    question=passed_on["question"],
                    subject=passed_on["subject"] or None,
                    clock=self._clock,
                )
        if not said.get("private"):
            self._counter.count(replies, language, said.get("missed"))
        return Answer(
            language=language,
            understood=said["understood"],
            confidence=round(said["confidence"], 4),
            replies=replies,
            passed_on=bool(passed_on),
        )

    async def _remember(self, key: str, language: str, *, chosen: bool) -> None:
        # Put anew at every turn, so that the hour runs from the last message.
        before = await self._languages.get(key) or Remembered()
        await self._languages.put(key, Remembered(language, before.chosen or chosen))

    def _is_in_no_language_of_ours(self, text: str, detection: Detection, said: dict[str, Any]) -> bool:
        """Whether what was not understood is in a language that nobody here knows by name."""
        is_missed = not said["understood"] or said.get("missed")
        is_open = bool(is_missed) and detection.confidence < LIKELY_TO_BE_READ
        return is_open and self._redaction.is_foreign(text)

    async def _speak_unreleased(
        self, text: str, language: str, message: IncomingMessage, cry: Cry | None, key: str
    ) -> Answer:
        """A language that the hub does not have yet: say so in it, offer the others, still give numbers and help.

        Who cries for help gets that first, and nothing else but the sentence about languages at the end. The assistant
        gets no words of it, only what was asked: the place that comes next means help there.
        """
        wording = self._wording
        language = language if language in wording.texts.languages else SOURCE_LANGUAGE
        named = wording.gazetteer.find_one(text, language, Reading.TOLD)
        place = named or place_from_input(wording.gazetteer, message.city)
        opening = wording.say("language.not_yet", language)
        opening.buttons = wording.language_buttons()
        texts_in = message.stated_language or SOURCE_LANGUAGE
        urgent = wording.emergency(place.country, texts_in) if place is not None else None
        anywhere = wording.say("language.emergency", language)
        anywhere.buttons = wording.country_buttons("place", language)
        if cry is not None:
            replies = [wording.say("language.distress", language)] if cry.intent == "distress" else []
            line = wording.help_line("crisis_line", place.country, texts_in) if place and replies else None
            replies += [reply for reply in (line, urgent or anywhere, opening) if reply]
        elif place is not None:
            query = wording.services.read_query(text, place=place, language=texts_in, reading=Reading.TOLD)
            today = self._clock.now().date()
            found = wording.services.find(query, today=today)
            services = [wording.service(entry, texts_in, today=today, asked_from=place) for entry in found]
            replies = [opening, *([urgent] if urgent else []), *services]
        else:
            replies = [opening, anywhere]
        asked = {
            "language": texts_in,
            "reply_language": texts_in,
            "city": message.city,
            "text": "",
            "payload": place.id if place is not None else "",
        }
        with suppress(AssistantUnavailableError):
            await self._assistant.ask(f"{message.channel}:{key}", f"/{cry.intent if cry else 'find_service'}", asked)
        return Answer(language=opening.language, confidence=1.0, replies=replies)

    def _reply_id(self, key: str, reply: Reply) -> str:
        body = f"{secrets.token_urlsafe(6)}.{reply.answer or '-'}.{reply.language}"
        return f"{body}.{self._sign(key, body)}"

    def _read_reply_id(self, key: str, reply_id: str) -> tuple[str, str]:
        body, _, signature = reply_id.rpartition(".")
        parts = body.split(".")
        if len(parts) != 3 or not hmac.compare_digest(signature.encode(), self._sign(key, body).encode()):
            raise ReplyUnknownError()
        return parts[1], parts[2]

    def _sign(self, key: str, body: str) -> str:
        return hmac.new(self._secret, f"reply:{key}:{body}".encode(), hashlib.sha256).hexdigest()[:12]


def _has_heard(said: dict[str, Any], cry: Cry) -> bool:
    """Whether the assistant itself gave the help that a cry is for; numbers alone are none for who wants to die."""
    urgent = said.get("urgent")
    return urgent is not None and (cry.intent != "distress" or urgent != "danger")


def _help_first(helping: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Help for a cry that the assistant took for something else. What it had for a report, and the services that it
    found, come after, without what was said already."""
    given = {reply["text"] for reply in helping["replies"]}
    pressed = {button["title"] for reply in helping["replies"] for button in reply["buttons"]}
    after = []
    for reply in said["replies"]:
        is_service = str(reply.get("answer") or "").startswith("service/")
        if (is_service or said.get("private")) and reply["text"] not in given:
            buttons = [button for button in reply["buttons"] if button["title"] not in pressed]
            after.append(reply | {"buttons": buttons})
    return helping | {"replies": [*helping["replies"], *after]}


def _language_to_read(text: str, detection: Detection) -> str | None:
    """The released language that a message is plainly written in, also one too short to switch the conversation."""
    if detection.confidence >= SURE_ENOUGH_TO_SWITCH:
        return detection.code if detection.code in RELEASED else None
    vote = vote_by_function_words(text)
    return vote.code if vote.is_sure and vote.code in RELEASED else None


def _talked(replies: list[Reply], *, confidence: float = 1.0) -> dict[str, Any]:
    """Replies of the hub itself as the assistant would give them; what was read by words alone is sure."""
    return {
        "replies": [reply.model_dump(mode="json") for reply in replies],
        "understood": True,
        "confidence": confidence,
        "chosen_language": None,
        "private": False,
        "passed_on": None,
        "missed": None,
    }
