"""Follow-ups of every kind, and talk around the subject, each with a fitting reply."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bot.actions.registry import run_action
from bot.actions.turn import Result, Turn
from conversation.replies import Wording

TODAY = date(2026, 11, 22)


def turn(wording: Wording, text: str, *, intent: str = "follow_up", language: str = "en", **parts: Any) -> Turn:
    return Turn(
        wording=wording,
        today=TODAY,
        text=text,
        language=language,
        intent=intent,
        confidence=0.9,
        entities=parts.get("entities", {}),
        ranking=parts.get("ranking", []),
        slots=parts.get("slots", {}),
        metadata=parts.get("metadata", {}),
    )


def follow(wording: Wording, aspect: str, subject: str, text: str = "and?", language: str = "en") -> Result:
    slots = {"subject": subject}
    return run_action(
        "action_follow_up",
        turn(wording, text, entities={"aspect": aspect}, slots=slots, language=language),
    )


@pytest.mark.parametrize("aspect", ["audience", "effort", "first_step", "state"])
def test_a_part_of_a_tool_is_told_alone(wording: Wording, aspect: str) -> None:
    text = wording.base.get_entry("tool/icc-index").text("en")
    [reply] = follow(wording, aspect, "tool/icc-index").replies
    assert getattr(text, aspect) in reply.text
    assert reply.answer == "tool/icc-index"


def test_editions_are_named_in_the_readers_language(wording: Wording) -> None:
    [reply] = follow(wording, "edition", "tool/icc-anti-rumours-handbook", language="fr").replies
    assert "arabe" in reply.text


def test_an_unknown_edition_offers_the_team(wording: Wording) -> None:
    entry = next(entry for entry in wording.base.entries.values() if entry.id == "tool/rpci-portugal-incoming")
    [reply] = follow(wording, "edition", entry.id).replies
    assert [button.payload for button in reply.buttons] == ["/flow/handoff"]


def test_something_newer_is_offered_where_the_facts_know_it(wording: Wording) -> None:
    older = next(entry for entry in wording.base.entries.values() if getattr(entry.fact, "newer", None))
    [reply] = follow(wording, "newer", older.id).replies
    assert [button.payload for button in reply.buttons] == [f"/tool/{older.tool.newer}"]


def test_a_network_of_another_country_is_found_after_one(wording: Wording) -> None:
    [reply] = follow(wording, "place", "membership/network-it", "and in Spain?").replies
    assert reply.answer == "membership/network-es"


def test_the_source_is_linked(wording: Wording) -> None:
    [reply] = follow(wording, "source", "membership/join-who").replies
    assert reply.links


def test_more_offers_neighbours_but_never_the_same(wording: Wording) -> None:
    [reply] = follow(wording, "more", "service/it-unar").replies
    payloads = [button.payload for button in reply.buttons]
    assert payloads
    assert "/service/it-unar" not in payloads


def test_a_follow_up_without_a_subject_offers_the_closest(wording: Wording) -> None:
    asked = turn(wording, "who is it for?", entities={"aspect": "audience"}, ranking=[("tool/icc-index", 0.2)])
    result = run_action("action_follow_up", asked)
    assert result.replies[0].buttons[0].payload == "/tool/icc-index"


@pytest.mark.parametrize("language", ["en", "fr", "it", "ar"])
@pytest.mark.parametrize("intent", ["greet", "say_goodbye", "thank", "ask_capabilities", "ask_identity", "insult"])
def test_talk_gets_a_short_reply_of_its_own(wording: Wording, intent: str, language: str) -> None:
    [reply] = run_action("action_small_talk", turn(wording, "…", intent=intent, language=language)).replies
    assert reply.text == wording.texts.get(f"talk.{intent}", language)
    assert len(reply.text) < 300


def test_who_does_not_know_where_to_begin_is_offered_the_first_steps(wording: Wording) -> None:
    [reply] = run_action("action_small_talk", turn(wording, "…", intent="ask_capabilities")).replies
    assert "/beginner" in {button.payload for button in reply.buttons}
    listed = turn(wording, "", intent="browse_entries", metadata={"payload": "beginner"})
    [choice] = run_action("action_list_entries", listed).replies
    assert choice.buttons[0].payload == "/tool/icc-welcome-pack"


@pytest.mark.parametrize("language", ["en", "fr", "it", "ar"])
def test_who_asks_what_is_kept_reads_how_to_delete_it(wording: Wording, language: str) -> None:
    [reply] = run_action("action_tell_what_is_kept", turn(wording, "…", language=language)).replies
    assert wording.texts.get("page.chat.forget", language) in reply.text
    assert "/delete" in reply.text
    assert reply.links[0].url.endswith("/privacy")


def test_what_a_tool_costs_is_not_made_up(wording: Wording) -> None:
    [reply] = follow(wording, "cost", "tool/icc-index").replies
    assert wording.texts.get("chat.tool_cost", "en") in reply.text
    assert "/flow/handoff" in {button.payload for button in reply.buttons}


@pytest.mark.parametrize(("action", "href"), [("action_comfort", "tel:988"), ("action_help_child", "tel:911")])
def test_distress_and_children_get_a_line_and_the_emergency_number(wording: Wording, action: str, href: str) -> None:
    told = turn(wording, "I am in Montréal")
    result = run_action(action, told)
    assert result.private
    assert result.as_rasa(told)["events"][0] == {"event": "restart"}, "the assistant keeps no word of it"
    assert href in {contact.href for reply in result.replies for contact in reply.contacts}


@pytest.mark.parametrize(
    ("text", "language"),
    [("answer in French", "fr"), ("rispondi in italiano", "it"), ("parle arabe", "ar"), ("تكلم بالفرنسية", "fr")],
)
def test_the_named_language_is_switched_to(wording: Wording, text: str, language: str) -> None:
    result = run_action("action_switch_language", turn(wording, text, intent="switch_language"))
    assert result.chosen_language == language
    assert result.replies[0].text == wording.texts.get("language.switched", language)


def test_a_language_that_is_not_there_yet_is_not_switched_to(wording: Wording) -> None:
    result = run_action("action_switch_language", turn(wording, "speak German please", intent="switch_language"))
    assert result.chosen_language is None
    assert result.replies[0].text == wording.texts.get("language.not_yet", "de")


@pytest.mark.parametrize(
    ("text", "language", "tool", "begins"),
    [
        ("and in French?", "en", "tool/icc-anti-rumours-handbook", "Yes"),
        ("et en arabe ?", "fr", "tool/icc-anti-rumours-handbook", "Oui"),
        ("e in francese?", "it", "tool/icc-anti-rumours-handbook", "Sì"),
        ("وبالفرنسية؟", "ar", "tool/icc-anti-rumours-handbook", "نعم"),
        ("and in Welsh?", "en", "tool/icc-anti-rumours-handbook", "No"),
        ("et en polonais ?", "fr", "tool/icc-anti-rumours-handbook", "Non"),
        ("e in ungherese?", "it", "tool/icc-anti-rumours-handbook", "No"),
        ("وبالهنغارية؟", "ar", "tool/icc-anti-rumours-handbook", "لا"),
    ],
)
def test_whether_there_is_an_edition_is_answered_yes_or_no_first(
    wording: Wording, text: str, language: str, tool: str, begins: str
) -> None:
    [reply] = follow(wording, "edition", tool, text=text, language=language).replies

    _title, answer, *_ = reply.text.splitlines()
    assert answer.startswith(begins), answer


def test_which_editions_there_are_is_answered_with_all_of_them(wording: Wording) -> None:
    [reply] = follow(wording, "edition", "tool/icc-anti-rumours-handbook", text="which languages?").replies

    assert "Yes" not in reply.text
    assert "French" in reply.text
