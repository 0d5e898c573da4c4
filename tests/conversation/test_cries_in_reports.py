"""Who tells of discrimination and wants to die, or is in danger, gets help first, and the way to a report after it."""

from __future__ import annotations

import pytest

from conversation.replies import REPORT
from conversation.safety import MOST_WORDS, hear_cry
from core.languages import detect_language
from tests.conversation.test_turns import Chat, chat  # noqa: F401
from tests.fakes import FakeAssistant

DESPAIR = [
    ("my landlord refused me because I am black and I want to die", "en"),
    ("my daughter is bullied for her skin, she wants to die", "en"),
    ("they call me monkey at work every day, I wish I was dead", "en"),
    ("je veux mourir, on me refuse partout parce que je suis noir", "fr"),
    ("ma fille veut mourir, on l'insulte à l'école parce qu'elle est arabe", "fr"),
    ("on se moque de ma couleur tous les jours et j'ai envie de me tuer", "fr"),
    ("il mio capo mi insulta perché sono nero, voglio morire", "it"),
    ("voglio uccidermi, al lavoro mi chiamano scimmia", "it"),
    ("mio figlio dice che vuole morire, i compagni lo chiamano scimmia", "it"),
    ("صاحب البيت رفضني لاني اسود وبدي اموت", "ar"),
    ("بنتي تريد أن تموت لأنهم يشتمون لونها في المدرسة", "ar"),
    ("أريد الموت، كلهم يرفضونني لأنني أسود", "ar"),
]
DANGER = [
    ("I was raped", "en"),
    ("my husband beats me and the police laughs because I am Roma", "en"),
    ("they hit me at work because I am a Muslim, they are at my door now", "en"),
    ("they want to kill us because we are Roma", "en"),
    ("j'ai été violée parce que je suis lesbienne", "fr"),
    ("mon mari me bat et la police rit parce que je suis rom", "fr"),
    ("venez vite, ils nous frappent parce que nous sommes noirs", "fr"),
    ("mi hanno violentata perché sono trans", "it"),
    ("sono stata violentata perché sono lesbica", "it"),
    ("ci stanno picchiando perché siamo neri", "it"),
    ("زوجي يضربني والشرطة تضحك لأنني غجرية", "ar"),
    ("اغتصبوني لأنني سوداء", "ar"),
    ("يضربوننا لأننا لاجئون", "ar"),
]


def has_numbers(chat: Chat, text: str, language: str) -> bool:  # noqa: F811
    return text in {
        chat.hub.wording.emergency_anywhere(language).text,
        *(reply.text for code in ("NO", "IT") if (reply := chat.hub.wording.emergency(code, language))),
    }


@pytest.mark.parametrize("city", [None, "Oslo"])
@pytest.mark.parametrize("understood", ["report_discrimination", "out_of_scope", "danger", "unclear"])
@pytest.mark.parametrize(("text", "language"), DESPAIR)
async def test_who_wants_to_die_is_comforted_whatever_else_is_told(
    chat: Chat,  # noqa: F811
    assistant: FakeAssistant,
    text: str,
    language: str,
    understood: str,
    city: str | None,
) -> None:
    assistant.understand(text, understood)
    answer = await chat.say(text, city=city)

    assert answer.language == language
    assert answer.replies[0].text == chat.hub.wording.texts.get("talk.distress", language)
    if city:
        line = chat.hub.wording.texts.get("talk.crisis_line", language)
        assert answer.replies[1].text.startswith(line)
    assert has_numbers(chat, answer.replies[2 if city else 1].text, language)
    assert [reply.answer == REPORT for reply in answer.replies].count(True) == (understood == "report_discrimination")


@pytest.mark.parametrize("city", [None, "Oslo"])
@pytest.mark.parametrize(("text", "language"), DANGER)
async def test_who_is_in_danger_gets_the_numbers_before_the_report(
    chat: Chat,  # noqa: F811
    assistant: FakeAssistant,
    text: str,
    language: str,
    city: str | None,
) -> None:
    assistant.understand(text, "report_discrimination")
    answer = await chat.say(text, city=city)

    assert answer.language == language
    assert has_numbers(chat, answer.replies[0].text, language)
    said = [reply.text for reply in answer.replies]
    assert len(set(said)) == len(said)
    [report] = [reply for reply in answer.replies if reply.answer == REPORT]
    assert report.place == ("no-oslo" if city else None)
    titles = [button.title for reply in answer.replies for button in reply.buttons]
    assert len(set(titles)) == len(titles)


async def test_the_way_back_to_a_report_is_no_help_in_danger(chat: Chat, assistant: FakeAssistant) -> None:  # noqa: F811
    text = "I told you last week and now they are at my door and I am in danger"
    assistant.understand(text, "report_status")
    answer = await chat.say(text)
    assert has_numbers(chat, answer.replies[0].text, "en")


async def test_a_report_with_a_cry_leaves_nothing_to_read_or_count(chat: Chat, assistant: FakeAssistant) -> None:  # noqa: F811
    text, _ = DESPAIR[0]
    assistant.understand(text, "report_discrimination")
    await chat.say(text)
    [slots] = assistant.slots.values()
    assert "black" not in str(slots)


@pytest.mark.parametrize(
    ("cry", "intent"),
    [
        ("I want to die", "distress"),
        ("je veux mourir", "distress"),
        ("voglio morire", "distress"),
        ("أريد أن أموت", "distress"),
        ("my husband beats me", "danger"),
        ("mi picchiano", "danger"),
    ],
)
@pytest.mark.parametrize("before", [10, 30, 60, 200])
def test_a_cry_is_heard_in_a_long_story_wherever_it_stands(cry: str, intent: str, before: int) -> None:
    text = f"{'word ' * before}{cry}{' word' * 50}"
    heard = hear_cry(text, first=detect_language(text).code)
    assert heard is not None
    assert heard.intent == intent


def test_a_long_text_about_such_things_is_no_cry() -> None:
    text = "Our workshop tells officers what to do when a man has a knife, and gives the police number. " * 3
    assert len(text.split()) > MOST_WORDS
    assert hear_cry(text, first="en") is None


@pytest.mark.parametrize(
    "text",
    [
        "les droits des Roms ont été violés",
        "the food at this place makes me want to die laughing",
        "la città non vuole morire di noia",
        "النفايات أمام بابي كل يوم",
        "le voisin jette ses ordures devant ma porte",
        "القتلى في الحرب",
    ],
)
def test_words_near_a_cry_are_none(text: str) -> None:
    assert hear_cry(text, first="en") is None
