"""Places are found in every language, case form and common misspelling, and words that are no places are not."""

from __future__ import annotations

import pytest

from conversation.replies import Wording
from knowledge.places import place_from_input


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("who can help me in Bologna", "it-bologna"),
        ("uno sfratto a Torino", "it-torino"),
        ("racism in Turin", "it-torino"),
        ("مساعدة في بولونيا", "it-bologna"),
        ("عنصرية بمالمو", "se-malmo"),
        ("dyskryminacja w Krakowie", "pl-krakow"),
        ("je cherche de l'aide à Genève", "ch-geneva"),
        ("reggio emillia", "it-reggio-emilia"),
        ("barcellona", "es-barcelona"),
        ("je suis à Bruxelles", "BE"),
        ("does 116 006 work in Italy", "IT"),
        ("بسويسرا", "CH"),
        ("الهيئة القبرصية", "CY"),
        ("東京で差別", "JP"),
        ("equality body in Germany", "DE"),
        ("en Allemagne", "DE"),
        ("w Niemczech", "DE"),
        ("i live in Munich", "de-munich"),
    ],
)
def test_a_place_is_found(wording: Wording, text: str, place: str) -> None:
    found = wording.gazetteer.find_one(text)
    assert found is not None
    assert found.id == place


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("réunion annuelle des coordinateurs", "fr"),
        ("my child was insulted at school", "en"),
        ("roma community", "en"),
        ("a nice handbook", "en"),
        ("ok", "en"),
        ("", "en"),
    ],
)
def test_an_ordinary_word_is_no_place(wording: Wording, text: str, language: str) -> None:
    assert wording.gazetteer.find(text, language) == []


def test_a_city_comes_before_its_country(wording: Wording) -> None:
    assert [place.id for place in wording.gazetteer.find("Italy, Bologna")] == ["it-bologna", "IT"]


@pytest.mark.parametrize("value", ["Reggio Emilia", "it-reggio-emilia", "REGGIO EMILIA"])
def test_a_client_may_state_a_city_by_name_or_id(wording: Wording, value: str) -> None:
    place = place_from_input(wording.gazetteer, value)
    assert place is not None
    assert place.id == "it-reggio-emilia"


def test_every_city_is_found_by_its_own_name(wording: Wording) -> None:
    lost = [
        city.name
        for city in wording.base.cities.values()
        if city.id not in {place.id for place in wording.gazetteer.find(city.name, city.languages[0])}
    ]
    assert lost == []


@pytest.mark.parametrize("language", ["en", "fr", "it", "ar"])
def test_every_country_with_emergency_numbers_is_found_by_its_name(wording: Wording, language: str) -> None:
    from babel import Locale

    territories = Locale.parse(language).territories
    lost = [
        code
        for code in wording.base.emergency
        if code not in {place.country for place in wording.gazetteer.find(str(territories[code]), language)}
    ]
    assert lost == []


@pytest.mark.parametrize(
    ("text", "language", "place"),
    [
        ("someone who answers in Polish", "en", None),
        ("a lawyer in Polish or German", "en", None),
        ("help in Italian cities", "en", "IT"),
        ("centre de conseil au Tessin, en allemand ou en russe", "fr", None),
        ("un organisme allemand", "fr", "DE"),
        ("chi mi risponde in albanese o turco", "it", None),
        ("a Zurigo, in italiano", "it", "ch-zurich"),
        ("il difensore civico albanese", "it", "AL"),
    ],
)
def test_a_language_to_speak_is_no_country(wording: Wording, text: str, language: str, place: str | None) -> None:
    found = wording.gazetteer.find_one(text, language)
    assert (found.id if found else None) == place


@pytest.mark.parametrize(
    ("text", "language", "place"),
    [
        ("racisme à Lausanne, qui peut m'aider", "fr", "CH"),
        ("à La Chaux-de-Fonds on m'insulte", "fr", "CH"),
        ("aiuto contro il razzismo in Ticino", "it", "CH"),
        ("una denuncia a Moncalieri", "it", "IT"),
        ("gdynia, who can i call", "en", "PL"),
        ("عنصرية في لوزان", "ar", "CH"),
        ("je vais prendre un bain", "fr", None),
        ("my bath is broken and the roses are dead", "en", None),
        ("Bourse Erasmus+ : combien par mois ?", "fr", None),
    ],
)
def test_a_town_that_is_no_member_means_its_country(
    wording: Wording, text: str, language: str, place: str | None
) -> None:
    found = wording.gazetteer.find_one(text, language)
    assert (found.id if found else None) == place


@pytest.mark.parametrize(
    ("text", "language", "place"),
    [
        ("mes copains marocains sont recalés : quel organisme belge contacter ?", "fr", "BE"),
        ("quale ente svizzero decide?", "it", "CH"),
        ("is there a Turkish equality body", "en", "TR"),
        ("أي هيئة تركية تبت في هذا؟", "ar", "TR"),
        ("مؤسسة حقوق الإنسان والمساواة التركية", "ar", "TR"),
        ("mes copains marocains sont toujours recalés", "fr", None),
        ("elle est rom, l'école l'a refusée", "fr", None),
        ("mi hanno insultato perché sono rom", "it", None),
        ("my Polish neighbour was insulted", "en", None),
    ],
)
def test_a_nationality_means_the_country_only_beside_a_body(
    wording: Wording, text: str, language: str, place: str | None
) -> None:
    found = wording.gazetteer.find_one(text, language)
    assert (found.id if found else None) == place
