"""Which language a conversation speaks: chosen, then a real sentence, then what it had, then what the client states."""

from __future__ import annotations

import pytest

from conversation.replies import find_language_name
from core.languages import LANGUAGES, RELEASED, accepted_language, detect_language, match_language
from tests.conversation.test_turns import Chat, chat  # noqa: F401  (a fixture)
from tests.fakes import FakeAssistant


async def test_a_choice_beats_everything(chat: Chat) -> None:  # noqa: F811
    answer = await chat.say("dove trovo il pacchetto di benvenuto per le nuove città?", language="fr", stated="ar")
    assert answer.language == "fr"


async def test_a_real_sentence_beats_what_the_client_states(chat: Chat) -> None:  # noqa: F811
    answer = await chat.say("dove trovo il pacchetto di benvenuto per le nuove città?", stated="en")
    assert answer.language == "it"


async def test_a_mixed_sentence_is_answered_in_the_language_of_the_sentence(chat: Chat) -> None:  # noqa: F811
    assert (await chat.say("dove trovo il welcome pack?")).language == "it"


@pytest.mark.parametrize("word", ["ok", "salut", "😀", "Bologna", "merci", "no", "12"])
async def test_a_short_word_never_switches(chat: Chat, word: str) -> None:  # noqa: F811
    await chat.say("dove trovo il pacchetto di benvenuto per le nuove città?")
    assert (await chat.say(word)).language == "it"


async def test_the_client_states_the_language_of_a_first_short_word(chat: Chat) -> None:  # noqa: F811
    assert (await chat.say("ok", stated="ar")).language == "ar"


@pytest.mark.parametrize(
    ("text", "language"), [("juste une fois par mois", "fr"), ("basta mail per favore, grazie", "it")]
)
async def test_a_likely_language_begins_a_conversation_that_has_none(chat: Chat, text: str, language: str) -> None:  # noqa: F811
    assert (await chat.say(text)).language == language


@pytest.mark.parametrize(("text", "language"), [("who is it for?", "en"), ("c'est pour qui ?", "fr"), ("ok", "it")])
async def test_a_short_question_is_read_in_its_own_language_and_answered_in_the_chosen(
    chat: Chat,  # noqa: F811
    assistant: FakeAssistant,
    text: str,
    language: str,
) -> None:
    answer = await chat.say(text, language="it")
    assert answer.language == "it"
    assert assistant.asked[-1][2]["language"] == language


async def test_a_language_chosen_by_button_stays(chat: Chat) -> None:  # noqa: F811
    await chat.say("/language/ar")
    assert (await chat.say("where can I find the anti-rumours handbook for my city?")).language == "ar"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("gdzie mogę znaleźć podręcznik antyplotkowy dla mojego miasta?", "pl"),
        ("wo finde ich das Handbuch gegen Gerüchte für unsere Stadt?", "de"),
        ("¿dónde puedo denunciar una discriminación en mi ciudad?", "es"),
        ("де я можу знайти посібник проти чуток?", "uk"),
        ("差別について相談したいです", "ja"),
    ],
)
async def test_an_unreleased_language_is_told_so_in_that_language(chat: Chat, text: str, language: str) -> None:  # noqa: F811
    answer = await chat.say(text)
    texts = chat.hub.wording.texts
    assert texts.has("language.not_yet", language)
    assert answer.language == language
    assert answer.replies[0].text == texts.get("language.not_yet", language)
    assert {button.payload for button in answer.replies[0].buttons} >= {"/language/en", "/language/ar"}


async def test_an_unreleased_language_still_gets_numbers_and_services_of_the_place(chat: Chat) -> None:  # noqa: F811
    answer = await chat.say("gdzie mogę zgłosić dyskryminację w Krakowie, potrzebuję pomocy")
    assert answer.replies[1].contacts[0].href == "tel:112"
    assert "service/pl-rpo" in {reply.answer for reply in answer.replies}


@pytest.mark.parametrize("text", ["Мене не взяли на роботу, бо я з України", "nie dali mi pracy, bo jestem z Ukrainy"])
async def test_in_an_unreleased_language_too_an_origin_is_no_place(chat: Chat, text: str) -> None:  # noqa: F811
    answer = await chat.say(text)
    assert not any(str(reply.answer).startswith("service/ua") for reply in answer.replies)
    assert answer.replies[-1].buttons


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("bghit n3raf fin kayn l kitab dyal lmadina", "ar"),
        ("3andi mochkil ma3a lkhedma dyali", "ar"),
        ("أين أجد دليل مكافحة الشائعات؟", "ar"),
        ("où se trouve le manuel anti-rumeurs", "fr"),
        ("where is the handbook against rumours", "en"),
    ],
)
def test_detection(text: str, language: str) -> None:
    found = detect_language(text)
    assert found.code == language
    assert found.is_sure


@pytest.mark.parametrize("text", ["ok", "hello", "salut", "😀", "Bologna", ""])
def test_a_short_text_is_never_sure(text: str) -> None:
    assert not detect_language(text).is_sure


def test_codes_are_matched_by_their_base() -> None:
    assert match_language("fr-CH") == "fr"
    assert match_language("no") == "nb"
    assert match_language("sw") is None
    with pytest.raises(ValueError, match="xx"):
        match_language("xx_!!")


def test_the_best_accepted_language_counts() -> None:
    assert accepted_language("de;q=0.9, it;q=0.8, en;q=0.5") == "it"
    assert accepted_language("*") is None
    assert accepted_language("garbage;;;q=x") is None
    assert all(LANGUAGES[code].own_name for code in LANGUAGES)


@pytest.mark.parametrize(
    "text", ["Wo finde ich bitte das Handbuch gegen Gerüchte?", "Gdzie znajdę podręcznik o plotkach?"]
)
async def test_a_language_not_spoken_yet_is_met_with_few_buttons(chat: Chat, text: str) -> None:  # noqa: F811
    answer = await chat.say(text)

    first, emergency = answer.replies
    assert [button.payload for button in first.buttons] == [f"/language/{code}" for code in RELEASED]
    assert [button.payload for button in emergency.buttons] == ["/services"]
    assert answer.language not in RELEASED


@pytest.mark.parametrize(
    "text", ["fein el index", "bel faransi", "ana mosh 3aref ashtki le min fi milano", "وين welcome pack"]
)
def test_short_arabic_in_latin_letters_or_beside_them_is_arabic(text: str) -> None:
    assert detect_language(text).code == "ar"
    assert detect_language(text).is_sure


@pytest.mark.parametrize("text", ["la 3eme reunion et 5euros", "from 5pm to 7pm", "un bel progetto per la città"])
def test_numbers_at_the_beginning_of_words_make_no_arabic(text: str) -> None:
    assert detect_language(text).code != "ar"


@pytest.mark.parametrize(
    ("text", "spoken", "wanted"),
    [
        ("English is hard going for me, could you write Arabic", "en", "ar"),
        ("en français s'il vous plaît", "fr", "fr"),
        ("بالفرنسية لو سمحت", "ar", "fr"),
    ],
)
def test_of_two_languages_the_one_that_is_not_spoken_yet_is_wanted(text: str, spoken: str, wanted: str) -> None:
    assert find_language_name(text, but=spoken) == wanted
