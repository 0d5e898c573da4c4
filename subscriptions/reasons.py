"""Why a message came, in words for its reader, and what can be changed about it.

A delivery keeps the choice that caused it (``rules.Cause.as_data``); here it becomes a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.texts import Texts
from subscriptions.rules import Rule, Said


def kind_of(message: str) -> str:
    """``Delivery.message`` before the slash."""
    return message.partition("/")[0]


def tell_reason(texts: Texts, kind: str, because: Mapping[str, Any], language: str) -> str:
    """The sentence "You get this because ...". ``kind`` is what ``kind_of`` says."""
    topic = because.get("topic")
    title = topic_title(texts, topic, language) if topic else ""
    return texts.get(f"mail.because.{_key(kind, because)}", language, topic=title)


def topic_title(texts: Texts, topic: str, language: str) -> str:
    """What a topic is called."""
    try:
        return texts.get(f"topic.{topic}.title", language)
    except KeyError:
        return topic


def is_required(kind: str, because: Mapping[str, Any]) -> bool:
    """Whether it goes to its reader as the contact of a city, asked or not."""
    return because.get("rule") == Rule.MANDATORY or kind in {"reminder", "welcome"}


def can_be_stopped(kind: str, because: Mapping[str, Any]) -> bool:
    """Whether its reader can unsubscribe from what brought it: something that they or their city chose."""
    return because.get("rule") == Rule.TOPIC or kind == "digest"


def _key(kind: str, because: Mapping[str, Any]) -> str:
    if kind in {"confirm", "preferences", "telegram", "handover", "welcome", "reminder", "answer"}:
        return kind
    if kind == "missed":
        return "pause"
    is_citys = because.get("said") == Said.CITY
    if kind == "digest":
        return "digest_city" if is_citys else "digest"
    rule = because.get("rule")
    if rule == Rule.MANDATORY:
        return "mandatory" if because.get("topic") else "mandatory_notice"
    if rule == Rule.GUEST:
        return "invited" if because.get("said") == Said.INVITATION else "guest"
    if rule == Rule.ANSWER:
        return "answer"
    if because.get("hurried"):
        return "hurried_city" if is_citys else "hurried"
    match because.get("said"):
        case Said.CITY:
            return "city"
        case Said.CHOICE:
            return "everything"
    return "topic"
