"""The public API: the conversation, feedback, late replies, and the knowledge base as data."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from channels.base import MOST_CHARACTERS, Answer, IncomingMessage, Reply
from conversation.counting import doubt_contact
from conversation.errors import LanguageMalformedError
from conversation.handoffs import list_late_replies
from core.languages import LANGUAGES, SOURCE_LANGUAGE, accepted_language, match_language
from knowledge.base import Entry
from knowledge.catalogue import Filter, list_filtered, search
from knowledge.page_links import page_for_reader
from knowledge.places import PlaceKind, place_from_input
from knowledge.schema import Kind, ServiceFact, ToolFact
from web.preferences.session import find_preference_session
from web.problems import note_language
from web.state import Hub, HubParts

CHANNEL = "webchat"
LARGEST_ID = 2**31 - 1
"""What an integer column of PostgreSQL holds."""
SENDER_PATTERN = r"^[\x21-\x7e]{1,128}$"
Sender = Annotated[str, Field(pattern=SENDER_PATTERN)]
LanguageTag = Annotated[str, Field(min_length=1, max_length=35)]

router = APIRouter(prefix="/api", tags=["conversation"])


class ChatRequest(BaseModel):
    """One message. ``sender`` is null in the first message and then what the answer carried; ``language`` is the
    person's own choice (null until they chose); a button's payload is sent as the message."""

    model_config = ConfigDict(extra="ignore")

    sender: Sender | None = None
    message: str = Field(max_length=MOST_CHARACTERS)
    language: LanguageTag | None = None
    city: str | None = Field(default=None, max_length=120)


class ChatResponse(Answer):
    """The answer, and the sender to carry in the next message."""

    sender: str


class FeedbackRequest(BaseModel):
    """Whether a reply helped."""

    sender: Sender
    reply: str = Field(min_length=1, max_length=200)
    helpful: bool


class ContactDoubtRequest(BaseModel):
    """A contact of a service seems to be wrong."""

    entry: str = Field(max_length=120)
    field: str = Field(pattern=r"^(phone|email|web)$")


class LateReplies(BaseModel):
    """Replies that came after the turn; ``after`` is what to ask with next time."""

    after: int
    replies: list[Reply]


@router.post("/chat", summary="Say something and get the answer")
async def chat(body: ChatRequest, request: Request, hub: HubParts) -> ChatResponse:
    """One turn of a conversation. 429 carries Retry-After; errors are problem+json."""
    note_language(request, body.language)
    await hub.limits.check(request, body.sender)
    sender = body.sender or hub.conversations.new_sender()
    who = find_preference_session(request, hub)
    message = IncomingMessage(
        channel=CHANNEL,
        sender=sender,
        text=body.message,
        chosen_language=_chosen_language(body.language),
        stated_language=accepted_language(request.headers.get("accept-language")),
        city=body.city,
        # Only this page's own scripts send that cookie along.
        subscriber=who.subscriber_id if who is not None else None,
        is_proven=who is not None and who.is_proven,
    )
    answer = await hub.conversations.handle(message)
    return ChatResponse(sender=sender, **answer.model_dump())


@router.get("/chat/replies", summary="What came in later, such as a person's answer")
async def late_replies(
    hub: HubParts, sender: Annotated[Sender, Query()], after: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0
) -> LateReplies:
    """Replies since ``after`` (0 for all of the last 30 days)."""
    key = hub.conversations.sender_key(CHANNEL, sender)
    async with hub.database.session() as session:
        found = await list_late_replies(session, key, after=after)
    replies = [
        Reply(
            id=f"late-{late.id}",
            text=hub.wording.texts.get("flow.handoff_answer", late.language, text=late.text),
            language=late.language,
        )
        for late in found
    ]
    return LateReplies(after=max((late.id or 0 for late in found), default=after), replies=replies)


@router.post("/feedback", summary="Say whether a reply helped", status_code=204)
async def feedback(body: FeedbackRequest, request: Request, hub: HubParts) -> None:
    """Thumbs up or down; the last one counts."""
    await hub.limits.check(request, body.sender)
    await hub.conversations.give_feedback(CHANNEL, body.sender, body.reply, helpful=body.helpful)


@router.post("/contact-doubts", summary="Say that a service's contact seems wrong", status_code=204)
async def contact_doubts(body: ContactDoubtRequest, request: Request, hub: HubParts) -> None:
    """Counted for the team to check; nothing of the sender is kept."""
    await hub.limits.check(request, None)
    entry = hub.wording.base.get_entry(body.entry)
    async with hub.database.session() as session:
        await doubt_contact(session, entry=entry.id, field=body.field, clock=hub.clock)


@router.get("/knowledge", tags=["knowledge"], summary="List entries")
async def list_knowledge(
    hub: HubParts,
    request: Request,
    kind: Kind | None = None,
    area: Annotated[str | None, Query(max_length=60)] = None,
    country: Annotated[str | None, Query(max_length=60)] = None,
    city: Annotated[str | None, Query(max_length=120)] = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    language: Annotated[LanguageTag | None, Query()] = None,
) -> dict[str, Any]:
    """Entries that fit every filter; ``q`` searches titles, other names and summaries."""
    spoken = _text_language(language, request)
    wanted = Filter(kind=kind, area=area, country=_country(hub, country), city=_city(hub, city))
    entries = list_filtered(hub.wording.base, wanted)
    if q:
        entries = search(hub.wording.base, q, spoken, entries=entries)
    return {"language": spoken, "count": len(entries), "entries": [_short(entry, spoken) for entry in entries]}


@router.get("/knowledge/{kind}/{name}", tags=["knowledge"], summary="One entry")
async def get_knowledge(
    kind: str, name: str, hub: HubParts, request: Request, language: Annotated[LanguageTag | None, Query()] = None
) -> JSONResponse:
    """Everything known about one entry: facts with source and date, the texts of the language, and the answer."""
    spoken = _text_language(language, request)
    entry = hub.wording.base.get_entry(f"{kind}/{name}")
    reply = hub.wording.entry(entry, spoken, today=hub.clock.now().date())
    whole = _short(entry, spoken) | {
        "text": entry.text(spoken).model_dump(mode="json"),
        "fact": entry.fact.model_dump(mode="json"),
        "reply": reply.model_dump(mode="json", exclude={"id"}),
        "languages": sorted(entry.texts),
    }
    return JSONResponse(whole)


def _chosen_language(tag: str | None) -> str | None:
    """The chosen language; a valid code of another language is kept apart by its having no texts."""
    if tag is None:
        return None
    try:
        # Extensions tell nothing of the language ('de-DE-u-co-phonebk').
        return match_language(re.split(r"-\w-", tag, maxsplit=1)[0]) or UNKNOWN_LANGUAGE
    except ValueError:
        raise LanguageMalformedError(language=tag[:35]) from None


UNKNOWN_LANGUAGE = "und"
"""ISO 639 code for 'undetermined': a valid language that is not on the hub's list."""


def _text_language(tag: str | None, request: Request) -> str:
    chosen = _chosen_language(tag) if tag else accepted_language(request.headers.get("accept-language"))
    return chosen if chosen in LANGUAGES and LANGUAGES[chosen].released else SOURCE_LANGUAGE


def _country(hub: Hub, value: str | None) -> str | None:
    if not value:
        return None
    place = place_from_input(hub.wording.gazetteer, value)
    return place.country if place and place.kind is PlaceKind.COUNTRY else value


def _city(hub: Hub, value: str | None) -> str | None:
    if not value:
        return None
    place = place_from_input(hub.wording.gazetteer, value)
    return place.id if place and place.kind is PlaceKind.CITY else value


def _short(entry: Entry, language: str) -> dict[str, Any]:
    text, fact = entry.text(language), entry.fact
    short: dict[str, Any] = {"id": entry.id, "kind": entry.kind, "title": text.title, "summary": text.summary}
    match fact:
        case ToolFact():
            short |= {
                "tool_kind": fact.kind,
                "areas": fact.policy_areas,
                "audience": fact.audience,
                "state": fact.state,
            }
            short |= {"url": page_for_reader(str(fact.url), language) if fact.url else None, "url_kind": fact.url_kind}
        case ServiceFact():
            short |= {"country": fact.country, "city": fact.city, "grounds": fact.grounds, "needs": fact.needs}
            short |= {"url": str(fact.url) if fact.url else None, "phone": fact.phone, "email": fact.email}
        case _:
            short |= {"topic": fact.topic}
    return short | {"as_of": fact.as_of, "source_url": fact.source_url}
