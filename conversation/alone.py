"""Going on while the assistant is away: buttons do what they say, and typed words are searched by the words alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from channels.base import Reply
from conversation.replies import REPORT, Wording
from knowledge.catalogue import search
from knowledge.schema import Kind

type WithoutAssistant = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Runs the action that a payload stands for without Rasa: (Rasa text, metadata) to the action's message."""


def answer_alone(wording: Wording, act: WithoutAssistant, metadata: dict[str, Any]) -> dict[str, Any]:
    """The answer to typed words: who helps in a place, else what comes closest. Always with a way to help in danger,
    since nobody here understands more than words."""
    text, language = metadata["text"], metadata["reply_language"]
    query = wording.services.read_query(text, language=metadata["language"])
    entries = [entry for entry in search(wording.base, text, language) if entry.kind is not Kind.SERVICE]
    is_about_help = bool(query.grounds or query.needs or query.asks_whom)
    said: dict[str, Any]
    if is_about_help and query.place is not None:
        said = act("/find_service", metadata)
    elif is_about_help and not (query.grounds or query.asks_whom) and entries:
        # "Tools on housing" names a need, and means the catalogue.
        said = act("/unclear", metadata)
    elif is_about_help:
        said = act("/find_service", metadata)
        near = wording.suggestions(entries[:3], "chat.closest", language) if entries else None
        said["replies"] += [near.model_dump(mode="json")] if near else []
    else:
        said = act("/find_service" if query.place is not None and not entries else "/unclear", metadata)
    waiting = wording.say("chat.assistant_away", language)
    replies = [waiting.model_dump(mode="json"), *said["replies"], _way_to_help(wording, language)]
    return said | {"replies": replies, "missed": None}


def _way_to_help(wording: Wording, language: str) -> dict[str, Any]:
    reply: Reply = wording.say("language.emergency", language)
    reply.buttons = [
        wording.button("language.countries", language, "/services"),
        wording.button("button.report", language, f"/{REPORT}"),
    ]
    return reply.model_dump(mode="json")
