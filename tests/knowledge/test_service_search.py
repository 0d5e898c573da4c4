"""Services are found nearest first, by ground, by need, by name and by number."""

from __future__ import annotations

from datetime import date

import pytest

from conversation.replies import Wording
from knowledge.dates import format_as_of, is_stale

TODAY = date(2026, 11, 22)


def find(wording: Wording, text: str, language: str = "en") -> list[str]:
    query = wording.services.read_query(text, language=language)
    return [entry.id for entry in wording.services.find(query, today=TODAY)]


@pytest.mark.parametrize(
    ("text", "language", "services"),
    [
        ("help against racism in Bologna", "en", ["service/it-bologna-spad", "service/it-unar"]),
        ("a Parma non mi affittano casa", "it", ["service/it-unar"]),
        ("discriminé à Montréal pour un logement", "fr", ["service/ca-qc-cdpdj"]),
        ("مساعدة ضد العنصرية في مالمو", "ar", ["service/se-malmo-mmd"]),
        ("discrimination in Hungary", "en", ["service/eu-equinet"]),
    ],
)
def test_services_of_a_place_are_found(wording: Wording, text: str, language: str, services: list[str]) -> None:
    assert set(services) <= set(find(wording, text, language))


def test_the_city_comes_before_the_country(wording: Wording) -> None:
    assert find(wording, "racism in Bologna")[:2] == ["service/it-bologna-spad", "service/it-unar"]


@pytest.mark.parametrize(
    ("text", "first", "later"),
    [
        ("complaint against my employer in Montréal", "service/ca-qc-cdpdj", "service/ca-montreal-ombudsman"),
        ("complaint against my employer in Montréal", "service/ca-qc-cdpdj", "service/ca-montreal-brds"),
        ("complaint about the town hall of Montréal", "service/ca-montreal-ombudsman", "service/ca-qc-cdpdj"),
        ("complaint: my boss at the town hall of Montréal", "service/ca-montreal-ombudsman", "service/ca-qc-cdpdj"),
        ("my landlord in Berlin", "service/de-ads", "service/de-berlin-ladg-ombudsstelle"),
        ("a state school in Berlin", "service/de-berlin-ladg-ombudsstelle", "service/de-ads"),
    ],
)
def test_who_does_not_take_the_matter_comes_after_who_does(wording: Wording, text: str, first: str, later: str) -> None:
    found = find(wording, text)
    assert found.index(first) < found.index(later)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("in Lisbon, does anyone answer in Ukrainian?", "en"),
        ("à Lisbonne, qui parle ukrainien ?", "fr"),
        ("a Lisbona qualcuno parla ucraino?", "it"),
        ("هل يتكلم أحد بالأوكرانية في لشبونة؟", "ar"),
    ],
)
def test_who_asks_for_a_language_finds_who_speaks_it(wording: Wording, text: str, language: str) -> None:
    assert find(wording, text, language)[0] == "service/pt-linha-migrantes"


def test_a_language_that_is_only_mentioned_moves_nothing(wording: Wording) -> None:
    assert find(wording, "in Lisbon they mocked my Ukrainian surname")[0] == "service/pt-cicdr"


@pytest.mark.parametrize(
    ("text", "language"),
    [("I just arrived in Iceland", "en"), ("je viens d'arriver en Islande", "fr"), ("وصلت حديثا الى ايسلندا", "ar")],
)
def test_who_has_just_arrived_finds_advice_for_newcomers(wording: Wording, text: str, language: str) -> None:
    assert find(wording, text, language)[0] == "service/is-mcc"


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("what is 021 in spain", "service/es-cedre-021"),
        ("does 116 006 work in Italy", "service/eu-116006"),
        ("à quoi sert le 39 28", "service/fr-defenseur-des-droits"),
        ("1331", "service/kr-nhrck"),
        ("numero UNAR", "service/it-unar"),
        ("Unia belgium contact", "service/be-unia"),
        ("ما هو الرقم ٠٢١", "service/es-cedre-021"),
    ],
)
def test_a_service_is_found_by_name_or_number(wording: Wording, text: str, service: str) -> None:
    assert find(wording, text)[0] == service


def test_a_superseded_desk_comes_after_its_successor(wording: Wording) -> None:
    found = find(wording, "discriminazione a Reggio Emilia", "it")
    assert found[0] == "service/it-reggio-emilia-sportello-antirazzista"


@pytest.mark.parametrize("text", ["ombudsman", "the police", "Austria", "helpline"])
def test_a_word_that_many_share_names_no_service(wording: Wording, text: str) -> None:
    assert wording.services.find_named(text) == []


def test_an_abbreviation_that_is_a_word_names_no_service(wording: Wording) -> None:
    assert wording.services.find_named("dans cet hôtel on a refusé ma famille") == []


def test_without_place_or_name_nothing_is_guessed(wording: Wording) -> None:
    assert find(wording, "somebody insulted me") == []


def test_at_most_three_services_are_shown(wording: Wording) -> None:
    assert len(find(wording, "racism in Reggio Emilia")) <= 3


def test_a_number_that_does_not_work_somewhere_is_said_so(wording: Wording) -> None:
    entry = wording.base.get_entry("service/eu-116006")
    reply = wording.service(entry, "en", today=TODAY, asked_from=wording.gazetteer.find_one("Italy"))
    assert "does not work in this country: Italy" in reply.text


@pytest.mark.parametrize(
    ("as_of", "stale"),
    [(None, True), ("2023", True), ("2024-11", False), ("2021-2025", False), ("2024-10-31", True), ("undated", True)],
)
def test_a_contact_is_stale_after_two_years_or_undated(as_of: str | None, stale: bool) -> None:
    assert is_stale(as_of, TODAY) is stale


@pytest.mark.parametrize(
    ("as_of", "said"),
    [
        (None, None),
        ("about 2018-2019 (page says over 130 cities)", "2019"),
        ("2023-04; update 2025-12", "décembre 2025"),
        ("2022-11-16 for 157", "16 novembre 2022"),
    ],
)
def test_dates_are_said_as_exactly_as_they_are_known(as_of: str | None, said: str | None) -> None:
    assert format_as_of(as_of, "fr") == said
