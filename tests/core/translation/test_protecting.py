"""What comes through a translation as it was, or as people wrote it for the other language."""

from __future__ import annotations

import pytest

from core.translation.protecting import FORMS, HELD, Held, decode, decode_words, encode, protect, with_words


def put_back(text: str, source: str = "en", target: str = "it", names: dict[str, str] | None = None) -> str:
    held = Held()
    protected = protect(text, held, source=source, target=target, names=names or {})
    return HELD.sub(lambda found: f"<{held[found.group()]}>", protected)


@pytest.mark.parametrize(
    ("text", "protected"),
    [
        ("See https://www.coe.int/a_b?c=1, please.", "See <https://www.coe.int/a_b?c=1>, please."),
        ("Write to icc_team@coe.int.", "Write to <icc_team@coe.int>."),
        ("Dear {name}, hello", "Dear <{name}>, hello"),
        ("Call +39 051 219 4747 now", "Call <+39 051 219 4747> now"),
        ("There are 1,200 places", "There are <1,200> places"),
        ("The A4 sheet and COVID-19", "The <A4> sheet and <COVID-19>"),
        ("It rose by 12.5% there.", "It rose by <12.5%> there."),
        ("On 12 May 2026, come.", "On <12 maggio 2026>, come."),
        ("On May 12th, 2026", "On <12 maggio 2026>"),
        ("On May 12, 2026 we meet", "On <12 maggio 2026> we meet"),
        ("before 3 May", "before <3 maggio>"),
        ("by 2026-05-12.", "by <12 maggio 2026>."),
        ("at 2 pm", "at <14:00>"),
        ("at 14:30", "at <14:30>"),
        ("on 31 February", "on <31 February>"),
    ],
)
def test_links_addresses_numbers_and_dates_are_taken_out(text: str, protected: str) -> None:
    assert put_back(text) == protected


@pytest.mark.parametrize(
    ("source", "target", "text", "date"),
    [
        ("fr", "it", "le 3 mars 2026", "le <3 marzo 2026>"),
        ("it", "fr", "il 1º maggio 2026", "il <1 mai 2026>"),
        ("de", "en", "am 3. Mai 2026", "am <May 3, 2026>"),
        ("es", "en", "el 3 de mayo de 2026", "el <May 3, 2026>"),
        ("en", "ar", "on 12 May 2026", "on <12 مايو 2026>"),
        ("en", "de", "on 12 May", "on <12. Mai>"),
    ],
)
def test_a_date_is_written_as_the_other_language_writes_it(source: str, target: str, text: str, date: str) -> None:
    assert put_back(text, source, target) == date


def test_a_name_becomes_what_people_call_it_and_only_as_a_whole_word() -> None:
    names = {"Geneva": "Ginevra", "Intercultural Cities": "Città interculturali", "Bari": "Bari"}
    text = "Geneva's part in Intercultural Cities, in Baricella and Bari."
    assert put_back(text, names=names) == "<Ginevra>'s part in <Città interculturali>, in Baricella and <Bari>."


@pytest.mark.parametrize("form", FORMS)
def test_a_code_that_is_lost_doubled_or_made_up_is_noticed(form: str) -> None:
    held = Held()
    sentence, signs = encode(protect("From 3 to 5 people", held, source="en", target="it", names={}), form)
    assert sentence == f"From {form.format(1)} to {form.format(2)} people"
    back = decode(f"Da {form.format(1)} a {form.format(2)} persone", form, signs)
    assert back is not None
    assert HELD.sub(lambda found: held[found.group()], back) == "Da 3 a 5 persone"
    assert decode(f"Da {form.format(1)} persone", form, signs) is None
    assert decode(f"Da {form.format(1)} a {form.format(2)} o {form.format(2)}", form, signs) is None
    assert decode(f"Da {form.format(1)} a {form.format(2)} o {form.format(3)}", form, signs) is None


def test_a_code_in_other_digits_or_with_a_space_is_still_known() -> None:
    assert decode("إلى xq ١", FORMS[0], ["\ue000"]) == "إلى \ue000"


def test_words_left_in_place_must_come_through_unchanged() -> None:
    held = Held()
    protected = protect("Write to a@b.org", held, source="en", target="it", names={})
    signs = HELD.findall(protected)
    assert with_words(protected, held) == "Write to a@b.org"
    assert decode_words("Scrivi a a@b.org", signs, held) == "Scrivi a \ue000"
    assert decode_words("Scrivi a a @ b.org", signs, held) is None
