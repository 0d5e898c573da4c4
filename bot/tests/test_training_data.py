"""The training files, the domain and the rules fit together, and Rasa reads the files as they were written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from rasa.shared.nlu.training_data.formats import RasaYAMLReader

from rasa_components.labels import Meaning, read_labelled_messages

BOT = Path(__file__).parents[1]
NLU_FILES = sorted((BOT.parent / "nlu_data").glob("*/*.yml"))
ASPECTS = {
    "edition",
    "audience",
    "effort",
    "first_step",
    "newer",
    "place",
    "contact",
    "source",
    "state",
    "more",
    "cost",
}


def read_yaml(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return content


def read_all(folder: str, key: str) -> Iterator[Any]:
    for path in sorted((BOT / folder).glob("*.yml")):
        yield from read_yaml(path).get(key, [])


def test_every_intent_has_exactly_one_rule_with_one_action() -> None:
    steps = [rule["steps"] for rule in read_all("rules", "rules")]
    assert all(len(step) == 2 for step in steps)
    assert sorted(step[0]["intent"] for step in steps) == sorted(read_all("domain", "intents"))
    assert {step[1]["action"] for step in steps} == set(read_all("domain", "actions"))


@pytest.mark.parametrize("path", NLU_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_block_names_a_known_intent_and_its_language(path: Path) -> None:
    intents = set(read_all("domain", "intents"))
    for block in read_yaml(path)["nlu"]:
        assert block["intent"] in intents
        assert block["metadata"]["language"] == path.parent.name
        assert ("entry" in block["metadata"]) == (block["intent"] == "ask_entry")
        assert (block["metadata"].get("aspect") in ASPECTS) == (block["intent"] == "follow_up")
        assert all(line.startswith("- ") for line in block["examples"].splitlines())


@pytest.mark.parametrize("path", NLU_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_rasa_reads_the_examples_as_they_were_written(path: Path) -> None:
    blocks = read_yaml(path)["nlu"]
    written = {
        (str(block["metadata"]), line[2:].strip()) for block in blocks for line in block["examples"].splitlines()
    }
    read = RasaYAMLReader().reads(path.read_text(encoding="utf-8"))
    assert sorted(message.get("text") for message in read.training_examples) == sorted(text for _, text in written)
    assert not any(message.get("entities") for message in read.training_examples)


def test_metadata_becomes_the_label() -> None:
    blocks = """
version: "3.1"
nlu:
- intent: ask_entry
  metadata: {entry: tool/icc-index, language: it}
  examples: |
    - dove trovo l'indice
- intent: follow_up
  metadata: {aspect: newer, language: it}
  examples: |
    - qualcosa di più recente?
- intent: greet
  metadata: {language: it}
  examples: |
    - ciao
"""
    labelled = list(read_labelled_messages(RasaYAMLReader().reads(blocks)))
    assert [each.meaning for each in labelled] == [
        Meaning("ask_entry", "entry", "tool/icc-index"),
        Meaning("follow_up", "aspect", "newer"),
        Meaning("greet"),
    ]
    assert [each.meaning.label for each in labelled] == ["tool/icc-index", "follow_up/newer", "greet"]
    assert {each.language for each in labelled} == {"it"}
