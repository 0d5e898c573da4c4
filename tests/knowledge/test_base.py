"""The knowledge base is whole, and a broken file is named with its line and reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from conversation.replies import Wording
from core.languages import LANGUAGES, RELEASED
from knowledge.base import FOLDER, load_knowledge, missing_texts
from knowledge.errors import KnowledgeError
from knowledge.schema import Kind


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the knowledge base that a test may break."""
    for part in ("facts", "texts"):
        shutil.copytree(FOLDER / part, tmp_path / "knowledge" / part)
    return tmp_path / "knowledge"


def test_every_fact_is_an_entry(wording: Wording) -> None:
    counts = {kind: len(wording.base.list_entries(kind)) for kind in Kind}
    assert counts == {Kind.TOOL: 121, Kind.MEMBERSHIP: 57, Kind.SERVICE: 94, Kind.ANSWER: 0}
    assert len(wording.base.cities) >= 154


@pytest.mark.parametrize("language", RELEASED)
def test_a_released_language_lacks_nothing(wording: Wording, language: str) -> None:
    assert missing_texts(wording.base, language) == []


@pytest.mark.parametrize("language", [code for code in RELEASED if code != "en"])
def test_texts_of_a_language_are_its_own(wording: Wording, language: str) -> None:
    """A text that equals the English one would be English shown as another language."""
    same = [entry.id for entry in wording.base.entries.values() if entry.text(language) == entry.text("en")]
    assert same == []


def test_every_fact_names_its_source(wording: Wording) -> None:
    assert all(entry.fact.source_url for entry in wording.base.entries.values())


def test_a_broken_fact_is_named_with_file_line_and_reason(copy: Path) -> None:
    path = copy / "facts" / "tools.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip() == "url_kind: page")
    lines[at] = "  url_kind: somewhere"
    path.write_text("\n".join(lines), encoding="utf-8")

    with pytest.raises(KnowledgeError) as caught:
        load_knowledge(copy)

    assert caught.value.problems[0].startswith(f"knowledge/facts/tools.yaml:{at + 1}: icc-index: url_kind")


def test_every_problem_is_named_at_once(copy: Path) -> None:
    text = copy / "texts" / "en" / "membership.yaml"
    text.write_text(text.read_text(encoding="utf-8").replace("membership/join-who:", "membership/join-whom:"), "utf-8")
    (copy / "facts" / "groups.yaml").write_text("fee: [membership/nothing]\n", encoding="utf-8")

    with pytest.raises(KnowledgeError) as caught:
        load_knowledge(copy)

    problems = "\n".join(caught.value.problems)
    assert "membership/join-whom: no fact has this id" in problems
    assert "membership/join-who: has no text in English" in problems
    assert "fee: no fact has the id membership/nothing" in problems


def test_a_contact_inside_a_text_is_refused(copy: Path) -> None:
    path = copy / "texts" / "en" / "services.yaml"
    content = path.read_text(encoding="utf-8").replace("  how: ", "  how: Write to help@example.org. ", 1)
    path.write_text(content, encoding="utf-8")

    with pytest.raises(KnowledgeError, match="belongs into the facts"):
        load_knowledge(copy)


def test_yaml_that_cannot_be_read_is_named(copy: Path) -> None:
    path = copy / "texts" / "fr" / "membership.yaml"
    path.write_text("membership/join-who: [\n", encoding="utf-8")

    with pytest.raises(KnowledgeError, match=r"membership\.yaml:2: not readable as YAML"):
        load_knowledge(copy)


def test_parity_names_what_an_unreleased_language_lacks(wording: Wording) -> None:
    unreleased = next(code for code, language in LANGUAGES.items() if not language.released)
    assert "tool/icc-index" in missing_texts(wording.base, unreleased)
