"""A Markdown text keeps its shape, whatever becomes of its words."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.clock import FixedClock
from core.translation.checking import Check
from core.translation.documents import Document, shape
from core.translation.errors import PairMissingError, TranslationRefusedError
from core.translation.translator import Translator
from tests.core.translation.conftest import Model

TEXTS = [
    "# Title\n\nWords *here* and **there**, `code` and [a link](https://example.org/a_(b) \"Tip\").\n",
    "Line one\\\nline two\n\n- one\n- two\n\n  more\n- three\n",
    "3. third\n4. fourth\n   - inner\n     > quoted\n     > twice\n",
    "> quoted\n>\n> # head\n\n---\n\n```py\nx = 1\n```\n",
    "| a | b |\n| :--- | ---: |\n| 1 | **two** |\n",
    "Bare https://example.org/x_y_z and <https://example.org> and <a@example.org>.\n",
    "2\\. No \\*st\\*, a\\_b, &amp; <b>t</b>.\n",
    "~~gone~~ and [**stressed** link](mailto:a@example.org)\n",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_read_and_written_again_has_the_same_shape(text: str) -> None:
    document = Document.read(text)
    for passage in document.passages:
        for one in passage.inner():
            one.prepare(source="en", target="it", names={})
    written = document.write()
    assert shape(written) == shape(text)


@pytest.mark.parametrize("text", TEXTS)
async def test_a_draft_has_the_shape_of_its_original(text: str, packages: Path, clock: FixedClock) -> None:
    translator = Translator(packages, clock=clock, engine=Model(lambda said: f"¡{said}!"))
    made = await translator.draft("Title", text, source="en", target="it")
    assert shape(made.body) == shape(text)
    assert Check.STRUCTURE not in {problem.check for problem in made.problems}


async def test_words_of_a_model_that_look_like_markdown_stay_words(packages: Path, clock: FixedClock) -> None:
    translator = Translator(packages, clock=clock, engine=Model(lambda _: "# *forte* [x](http) <b>"))
    made = await translator.draft("Title", "Dear friends of the city", source="en", target="it")
    assert shape(made.body) == shape("Dear friends of the city")


async def test_a_sentence_that_fails_stays_in_its_own_language_and_is_named(packages: Path, clock: FixedClock) -> None:
    def say(said: str) -> str:
        return said if "house" in said else "Venite tutti alla riunione della nostra rete in città."

    translator = Translator(packages, clock=clock, engine=Model(say))
    body = "Please come to our meeting in the town. There is a house beside the river. Please come to the meeting soon."
    made = await translator.draft("Come to the meeting", body, source="en", target="it")
    assert made.body.count("Venite tutti") == 2
    assert "There is a house beside the river." in made.body
    assert [problem.as_data() for problem in made.problems] == [
        {"check": "untranslated", "text": "There is a house beside the river."}
    ]


async def test_a_code_that_is_lost_is_tried_another_way_before_giving_up(packages: Path, clock: FixedClock) -> None:
    def say(said: str) -> str:
        return said.replace("There are", "Ci sono").replace("places", "posti").replace("XQ1", "").replace("[1]", "")

    model = Model(say)
    translator = Translator(packages, clock=clock, engine=model)
    made = await translator.draft("There are 40 places", "There are 40 places", source="en", target="it")
    assert made.subject == "Ci sono 40 posti"
    assert {"There are XQ1 places", "There are [1] places", "There are #1 places"} <= set(model.asked)


async def test_a_draft_that_is_mostly_wrong_is_none(packages: Path, clock: FixedClock) -> None:
    translator = Translator(packages, clock=clock, engine=Model(lambda said: said))
    with pytest.raises(TranslationRefusedError):
        await translator.draft("Title of it all", "Please come to our meeting in the town.", source="en", target="it")
    words = "Please come to our meeting in the town."
    assert await translator.translate_plain(words, source="en", target="it") is None


async def test_without_packages_for_the_languages_it_says_so(packages: Path, clock: FixedClock) -> None:
    translator = Translator(packages, clock=clock, engine=Model(str.upper))
    assert translator.targets("fr") == ["en", "it"]
    assert translator.targets("ar") == []
    with pytest.raises(PairMissingError):
        await translator.draft("Title", "Words", source="it", target="fr")
    assert await translator.translate_plain("Words", source="it", target="fr") is None
