"""The chat page and its frame for other sites. Both speak to the API by script; the page also works as a form."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError

from channels.base import MOST_CHARACTERS, IncomingMessage, Reply
from conversation.errors import MessageTooLongError
from conversation.replies import REPORT, contact_line
from core.errors import HubError
from core.languages import LANGUAGES, RELEASED, accepted_language
from knowledge.schema import Kind
from web.api import CHANNEL, Sender, late_replies
from web.forms import as_typed
from web.pages import STATIC, Page, PageParts
from web.preferences.session import PreferenceSession, find_preference_session
from web.static_files import FingerprintedFiles

LONGEST_CITY = 120
POLL_SECONDS = 20
"""How often an open chat asks for the answer of a person."""
SCRIPT_TEXTS = (
    "assistant team you links contacts suggestions machine_translated wrong_number wrong_address report_wrong "
    "wrong_thanks helpful helpful_yes helpful_no helpful_thanks error_offline error_slow error_server error_small "
    "left forgotten late"
).split()
"""Keys below ``page.chat.`` that the script shows."""

_SENDER: TypeAdapter[str] = TypeAdapter(Sender)

router = APIRouter(include_in_schema=False)


@dataclass
class Exchange:
    """What the page without JavaScript shows of one turn: what was said, and what came back."""

    said: str = ""
    language: str = ""
    replies: list[Reply] = field(default_factory=list)
    late: list[Reply] = field(default_factory=list)
    nothing_new: bool = False
    error: str | None = None
    unsent: str = ""
    sender: str = ""
    after: int = 0
    words: str = ""
    """The sentence with which somebody told of discrimination; offered as the first words of a report."""


@dataclass(frozen=True)
class ShownReply:
    """A reply as a page lays it out: lines become paragraphs, without what stands in rows of its own."""

    reply: Reply
    title: str | None
    lines: list[str]

    @classmethod
    def of(cls, reply: Reply) -> ShownReply:
        rows = {contact_line(contact, reply.language) for contact in reply.contacts}
        rows |= {link.note for link in reply.links if link.note}
        lines = [line for line in reply.text.split("\n") if line.strip() and line not in rows]
        is_entry = (reply.answer or "").partition("/")[0] in set(Kind)
        title = lines.pop(0) if is_entry and len(lines) > 1 else None
        return cls(reply, title, lines)


@router.get("/")
async def chat_page(
    page: PageParts,
    ask: str = "",
    city: str = "",
) -> HTMLResponse:
    """The chat; ``ask`` is the id of an entry to begin with, ``city`` goes along with each message."""
    return _render(page, "chat.html", Exchange(), ask=ask, city=city)


@router.get("/chat")
async def chat_without_a_message(page: PageParts) -> Response:
    """The address of the form, opened by hand."""
    return RedirectResponse(page.url("/"), status_code=303)


@router.post("/chat")
async def chat_form(
    page: PageParts,
    message: Annotated[str, Form()] = "",
    said: Annotated[str, Form()] = "",
    sender: Annotated[str, Form()] = "",
    city: Annotated[str, Form()] = "",
    after: Annotated[str, Form()] = "0",
    look: Annotated[str, Form()] = "",
    words: Annotated[str, Form()] = "",
) -> HTMLResponse:
    """One turn without JavaScript. The conversation's name travels in the form."""
    message = as_typed(message)
    exchange = Exchange(
        said=(said or message)[:MOST_CHARACTERS],
        sender=_read_sender(sender) or page.hub.conversations.new_sender(),
        after=int(after) if after.isdecimal() and len(after) < 10 else 0,
        words=words[:MOST_CHARACTERS],
    )
    status, headers = 200, {}
    try:
        await page.hub.limits.check(page.request, exchange.sender)
        await _take_turn(page, exchange, message, city[:LONGEST_CITY], look=bool(look))
    except HubError as error:
        status = error.status
        headers = {"Retry-After": str(error.values["seconds"])} if status == 429 else {}
        exchange.error = page.t(error.text_key, **error.values)
        exchange.unsent, exchange.said = message, ""
    return _render(page, "chat.html", exchange, city=city, status=status, headers=headers)


@router.get("/embed")
async def embedded_chat(page: PageParts, city: str = "") -> HTMLResponse:
    """The same chat for a frame in a city's own site."""
    return _render(page, "embed.html", Exchange(), city=city)


@router.get("/embed.js")
async def embed_script(page: PageParts) -> Response:
    """The one line for a city's own site. Carries its few words in every released language, so it needs no request."""
    texts = page.hub.wording.texts
    words = {
        code: {name: texts.get(f"page.embed.{name}", code) for name in ("open", "frame")}
        | {"dir": LANGUAGES[code].direction}
        for code in RELEASED
    }
    script = (STATIC / "embed.js").read_text(encoding="utf-8")
    script = script.replace('"WORDS"', json.dumps(words).replace("<", "\\u003c"), 1)
    return Response(script, media_type="text/javascript", headers={"Cache-Control": "public, max-age=3600"})


def mount_static(app: FastAPI) -> None:
    """Serve the static files."""
    app.mount("/static", FingerprintedFiles(), name="static")


def _read_sender(value: str) -> str | None:
    """The conversation's name out of the form, or None where it is missing or damaged."""
    try:
        return str(_SENDER.validate_python(value))
    except ValidationError:
        return None


async def _take_turn(page: Page, exchange: Exchange, message: str, city: str, *, look: bool) -> None:
    """Answer the message, or only look for late answers. Raises HubError."""
    if len(message) > MOST_CHARACTERS:
        raise MessageTooLongError(most=MOST_CHARACTERS)
    if look:
        exchange.said = ""
    else:
        who = _find_sender(page)
        incoming = IncomingMessage(
            channel=CHANNEL,
            sender=exchange.sender,
            text=message,
            chosen_language=page.language if page.chosen else None,
            stated_language=accepted_language(page.request.headers.get("accept-language")),
            city=city or None,
            subscriber=who.subscriber_id if who is not None else None,
            is_proven=who is not None and who.is_proven,
        )
        answer = await page.hub.conversations.handle(incoming)
        exchange.replies, exchange.language = answer.replies, answer.language
        exchange.words = _first_words(answer.replies, message, exchange.words)
    late = await late_replies(page.hub, exchange.sender, exchange.after)
    exchange.late, exchange.after = late.replies, late.after
    exchange.nothing_new = look and not late.replies


def _find_sender(page: Page) -> PreferenceSession | None:
    """Who is signed in to the preference centre in this browser, where a page of ours sent the form.

    The cookie stays away from forms of other sites; those of a neighbour, such as another name of the same city, would
    still carry it, so the browser must say that the page was ours.
    """
    headers = page.request.headers
    sent_from = urlsplit(headers.get("origin", "")).netloc
    is_ours = headers.get("sec-fetch-site") == "same-origin" or (bool(sent_from) and sent_from == headers.get("host"))
    return find_preference_session(page.request, page.hub) if is_ours else None


def _first_words(replies: list[Reply], message: str, before: str) -> str:
    """What was typed to say that something happened; a button pressed after it keeps it, anything else forgets it."""
    if not any(reply.answer == REPORT for reply in replies):
        return ""
    return before if message.startswith("/") else message


def _render(
    page: Page,
    template: str,
    exchange: Exchange,
    *,
    ask: str = "",
    city: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    return page.render(
        template,
        status=status,
        headers=headers,
        exchange=exchange,
        shown=[ShownReply.of(reply) for reply in exchange.replies],
        late=[ShownReply.of(reply) for reply in exchange.late],
        ask=page.hub.wording.base.entries.get(ask),
        city=city[:LONGEST_CITY],
        report=REPORT if page.hub.form is not None else None,
        most=MOST_CHARACTERS,
        config=_script_config(page, city[:LONGEST_CITY]),
    )


def _script_config(page: Page, city: str) -> dict[str, Any]:
    """What the script needs to know, as a block of data in the page."""
    texts = page.hub.wording.texts
    switch = {
        code: texts.get("page.chat.show_page", code)
        for code in RELEASED
        if code != page.language and texts.has("page.chat.show_page", code)
    }
    return {
        "language": page.language,
        "chosen": page.chosen,
        "city": city or None,
        "rtl": [code for code, language in LANGUAGES.items() if language.right_to_left],
        "released": RELEASED,
        "switch": switch,
        "poll": POLL_SECONDS,
        "report": page.hub.form is not None,
        "texts": {name: page.t(f"chat.{name}") for name in SCRIPT_TEXTS}
        | {"external": page.t("site.external"), "new_tab": page.t("site.new_tab")}
        | {"tell": page.t("report_page.tell")},
    }
