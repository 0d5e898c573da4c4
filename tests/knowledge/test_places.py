"""Places are found in every language, case form and common misspelling, and words that are no places are not."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml

from conversation.replies import Wording
from core.normalise import words
from core.settings import PROJECT_ROOT
from knowledge.base import FOLDER
from knowledge.place_words import Reading
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


@pytest.mark.parametrize(
    ("text", "language", "place"),
    [
        ("j'habite à Nice", "fr", "FR"),
        ("nice, agression raciste", "fr", "FR"),
        ("i was attacked in Nice, who can help", "en", "FR"),
        ("Nizza: una guardia perquisisce solo me", "it", "FR"),
        ("نيس، دعم للنساء", "ar", "FR"),
        ("racisme à Tours", "fr", "FR"),
        ("je vis à tours", "fr", "FR"),
        ("racisme à cannes, qui appeler", "fr", "FR"),
        ("harassed in cork, who can i call", "en", "IE"),
        ("A letting agent in Cork hung up on me", "en", "IE"),
        ("je loge à Bath", "fr", "GB"),
        ("my landlord in bath threw me out", "en", "GB"),
        ("racism at work in Reading", "en", "GB"),
        ("I live in Hull", "en", "GB"),
        ("polonaise, frappée, habitant hull", "fr", "GB"),
        ("i come from derby and need help", "en", "GB"),
        ("racism in Pula", "en", "HR"),
        ("mi hanno insultato a Pola", "it", "HR"),
        ("A Parla mi impongono di togliere il velo", "it", "es-parla"),
        ("our partner Parla is in RECI", "en", "es-parla"),
        ("who can help me in Beja", "en", "pt-beja"),
        ("je travaille en Beja", "fr", "pt-beja"),
        ("Beja migrant support office", "en", "pt-beja"),
        ("someone who answers in beja", "en", None),
        ("Thank you! Nice work", "en", None),
        ("Nice try, but I need a colleague", "en", None),
        ("Nice!", "en", None),
        ("some nice words", "en", None),
        ("some reading on migration, the best readings", "en", None),
        ("Our meetings are dull. Reading is better", "en", None),
        ("do you offer tours of the centre", "en", None),
        ("au pied de tours où l'on parle trente langues", "fr", None),
        ("il marche avec des cannes", "fr", None),
        ("my bath is broken and the boat has a hull of cork", "en", None),
        ("chi ha vinto il derby ieri sera", "it", None),
        ("billet derby Reggiana", "fr", None),
        ("Buongiorno. Parla arabo qualcuno da voi?", "it", None),
        ("itaca, de che parla?", "it", None),
        ("i am from Eastern Europe", "en", None),
        ("المدينة كان فيها مشروع، هل تساعدونني؟", "ar", None),
    ],
)
def test_a_name_that_is_a_usual_word_counts_only_where_a_place_is_meant(
    wording: Wording, text: str, language: str, place: str | None
) -> None:
    found = wording.gazetteer.find_one(text, language)
    assert (found.id if found else None) == place


def test_every_name_that_is_somewhere_the_place_has_a_place(wording: Wording) -> None:
    groups = yaml.safe_load((FOLDER / "facts" / "country_groups.yaml").read_text(encoding="utf-8"))
    ambiguous: dict[str, list[str]] = groups["ambiguous"]
    is_place = wording.gazetteer.is_place
    assert [name for name, where in ambiguous.items() if where and not is_place((name,))] == []


@pytest.mark.parametrize(
    ("stated", "place"),
    [("Nice", "FR"), ("Nice, France", "FR"), ("Beja, Portugal", "pt-beja"), ("parla, madrid", "es-parla")],
)
def test_what_a_client_states_is_a_place_whatever_the_word_means(wording: Wording, stated: str, place: str) -> None:
    found = place_from_input(wording.gazetteer, stated)
    assert found is not None
    assert found.id == place


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


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("venez vite ils nous frappent", "fr"),
        ("my manager hits me", "en"),
        ("they beat me in August because I am gay", "en"),
        ("i was beaten at the parish", "en"),
        ("they laugh at my foreign surname at work", "en"),
        ("i am so hungry they fired me", "en"),
        ("je suis si triste, on m'insulte tous les jours", "fr"),
        ("non mi dà il giorno libero", "it"),
        ("all'angolo della strada mi hanno picchiato", "it"),
        ("in trenta mi hanno insultato", "it"),
        ("هددوني بالاكراه", "ar"),
        ("طلعوني من الاستراحة لاني اسود", "ar"),
        ("the boss is a modernist and shouts", "en"),
    ],
)
def test_an_everyday_word_that_looks_like_a_name_is_no_place(wording: Wording, text: str, language: str) -> None:
    assert wording.gazetteer.find(text, language) == []


@pytest.mark.parametrize(
    ("text", "language", "place"),
    [
        ("mieszkam w krakowie i mnie obrażają", "en", "pl-krakow"),
        ("à Neuchatel on m'insulte tous les jours", "fr", "ch-neuchatel"),
        ("neuchatell", "fr", "ch-neuchatel"),
        ("and krakowie", "en", "pl-krakow"),
        ("mi insultano sempre qui a torinno da anni", "it", "it-torino"),
        ("they insult me since I came to Torinos last year", "en", "it-torino"),
        ("ضربوني بليدز", "ar", "gb-leeds"),
        ("ناس في ليدز ضربوني اليوم", "ar", "gb-leeds"),
        ("المغاربة فبولونيا وتورينو مجموعين", "ar", "it-torino"),
    ],
)
def test_a_name_with_another_ending_or_misspelt_is_one_where_a_place_stands(
    wording: Wording, text: str, language: str, place: str
) -> None:
    assert place in {found.id for found in wording.gazetteer.find(text, language)}


@pytest.mark.parametrize("language", ["en", "fr", "it", "ar"])
def test_no_word_of_a_told_story_is_a_place_by_its_looks_alone(wording: Wording, language: str) -> None:
    """What people tell in the training messages names places as they are spelt, or none."""
    towns = {
        line.partition("\t")[0]
        for line in (FOLDER / "facts" / "towns_by_name.tsv").read_text(encoding="utf-8").splitlines()
    }

    def is_spelt(text: str) -> bool:
        bare = [re.sub("^[وف]?[بلك]?(?:ال|ل)?(?=\\w{2})", "", word) for word in words(text)]
        runs = (run for said in (words(text), bare, [f"ا{word}" for word in bare]) for run in _runs(said))
        return any(wording.gazetteer.is_place(run) or " ".join(run) in towns for run in runs)

    gazetteer = wording.gazetteer
    places = ((text, gazetteer.find_one(text, language, Reading.TOLD)) for text in _told(language))
    assert [(text, place.id) for text, place in places if place and not is_spelt(text)] == []


def _told(language: str) -> Iterator[str]:
    for name in ("report", "safety"):
        path = PROJECT_ROOT / "nlu_data" / language / f"{name}.yml"
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            yield from (line.removeprefix("- ") for line in group["examples"].splitlines())


def _runs(said: list[str]) -> Iterator[tuple[str, ...]]:
    for start in range(len(said)):
        yield from (tuple(said[start:end]) for end in range(start + 1, min(start + 5, len(said) + 1)))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("they are beating me because i am moroccan help", "en"),
        ("i am Nigerian and they hit me", "en"),
        ("i want to die they call me dirty romanian every day", "en"),
        ("i am 12 and they say go back to Syria", "en"),
        ("they did not hire me because i am from Ukraine", "en"),
        ("i was born in Nigeria, teacher mocks my son", "en"),
        ("mi picchiano perché sono albanese, aiuto", "it"),
        ("non mi hanno assunto perché vengo dal Marocco", "it"),
        ("mi dicono torna in Romania", "it"),
        ("mi hanno picchiato perché sono del Mali", "it"),
        ("il padrone di casa vuole solo italiani", "it"),
        ("io no capire bene italiano, padrone no dare casa, io nero", "it"),
        ("il m'a frappé car je suis tunisien, j'ai peur", "fr"),
        ("on m'a pas pris parce que je viens du Maroc", "fr"),
        ("retourne chez toi en Algérie, disent-ils", "fr"),
        ("ما شغلوني لاني من المغرب", "ar"),
        ("قالولي ارجع على سوريا", "ar"),
        ("رفضوا يشغلوني لاني روماني", "ar"),
        ("Мене не взяли на роботу, бо я з України", "en"),
        ("nie dali mi pracy bo jestem z Ukrainy", "en"),
        ("we are from Brazil and Angola and they laugh", "en"),
        ("يضحكون علينا لاننا من البرازيل وأنغولا", "ar"),
    ],
)
def test_where_somebody_comes_from_is_not_where_something_happened(wording: Wording, text: str, language: str) -> None:
    assert wording.gazetteer.find(text, language, Reading.TOLD) == []


@pytest.mark.parametrize(
    ("text", "language", "place"),
    [
        ("mi hanno picchiato a Milano perché sono del Mali", "it", "it-milano"),
        ("in Leeds they said go home to Poland", "en", "gb-leeds"),
        ("I am Serbian and they hit me in Torino", "en", "it-torino"),
        ("I am writing from Leeds, they insulted me", "en", "gb-leeds"),
        ("they insult me in Morocco because i am black", "en", "MA"),
        ("on m'a insultée au Maroc", "fr", "MA"),
        ("cerco casa a Bologna e mi dicono no", "it", "it-bologna"),
        ("Bolonya, they spat at my sister again", "en", "IT"),
        ("ضربوني فتونس امس في الشارع", "ar", "TN"),
    ],
)
def test_where_it_happened_counts_beside_where_somebody_comes_from(
    wording: Wording, text: str, language: str, place: str
) -> None:
    assert [found.id for found in wording.gazetteer.find(text, language, Reading.TOLD)] == [place]


@pytest.mark.parametrize(
    ("text", "language", "place"),
    [
        ("I am from Bologna, who can help me", "en", "it-bologna"),
        ("i come from derby and need help", "en", "GB"),
        ("I am from Syria, who can help me", "en", None),
        ("vengo dal Marocco, chi mi aiuta?", "it", None),
        ("je viens du Mali et je vis à Lyon, qui m'aide ?", "fr", "fr-lyon"),
        ("116 006 from Lithuania?", "en", "LT"),
        ("can I ring the Norwegian ombud without a name?", "en", "NO"),
    ],
)
def test_who_looks_for_help_may_live_in_the_town_they_come_from_but_not_in_the_country(
    wording: Wording, text: str, language: str, place: str | None
) -> None:
    found = wording.gazetteer.find_one(text, language, Reading.LIVING)
    assert (found.id if found else None) == place
