"""What the understanding learns from: training messages, the knowledge base's own texts, messages said politely.

- Facts that are told as one answer (knowledge/facts/groups.yaml) are one label, named by their first member.
- Titles, other names and summaries of entries count as messages about them.
- People wrap a question in a greeting or thanks. Some messages are learnt a second time with one, taken from the
  messages of that language, so that "hi" or "thx" alone does not make a question small talk.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from rasa_components.understanding import Example

KNOWLEDGE = Path(__file__).resolve().parents[2] / "knowledge"
TOLD_FIELDS = ("title", "summary", "first_step")
POLITE_SHARE = 0.12
"""Of the messages that ask for something, learnt again with a greeting or thanks."""
LONGEST_COURTESY = 2
"""Words."""
_SEED = 1
_SOCIAL = frozenset("greet say_goodbye thank ask_capabilities ask_identity insult affirm deny child".split())

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def gather(messages: Sequence[Example], *, knowledge: Path = KNOWLEDGE) -> list[Example]:
    """All examples, with the labels of groups merged."""
    first = read_groups(knowledge / "facts" / "groups.yaml")
    languages = sorted({each.language for each in messages})
    lessons = [*messages, *(text for language in languages for text in read_texts(knowledge, language))]
    lessons = [Example(each.text, first.get(each.label, each.label), each.language) for each in lessons]
    return lessons + [polite for language in languages for polite in say_politely(lessons, language)]


def read_groups(path: Path) -> dict[str, str]:
    """Each member of a group, and the group's first member."""
    groups: Mapping[str, list[str]] = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {member: members[0] for members in groups.values() for member in members}


def read_texts(knowledge: Path, language: str) -> Iterator[Example]:
    """What the knowledge base says of tools and membership in a language."""
    folder = knowledge / "texts" / language
    for path in [*sorted(folder.glob("tools/*.yaml")), *folder.glob("membership.yaml")]:
        entries: Mapping[str, Mapping[str, object]] = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
        for entry, text in entries.items():
            if "/" not in entry:
                continue
            aliases = text.get("aliases")
            told = [str(text[field]) for field in TOLD_FIELDS if field in text]
            for said in [*told, *(aliases if isinstance(aliases, list) else [])]:
                yield Example(str(said), entry, language)


def say_politely(messages: Sequence[Example], language: str) -> Iterator[Example]:
    """Some of the language's messages with a greeting before or thanks after them."""
    own = [each for each in messages if each.language == language]
    greetings, thanks = _short(own, "greet"), _short(own, "thank")
    if not greetings or not thanks:
        return
    dice = random.Random(_SEED)
    for each in own:
        chance = dice.random()
        if each.label in _SOCIAL or chance >= POLITE_SHARE:
            continue
        before = chance < POLITE_SHARE / 2
        text = f"{dice.choice(greetings)} {each.text}" if before else f"{each.text} {dice.choice(thanks)}"
        yield Example(text, each.label, language)


def _short(messages: Sequence[Example], label: str) -> list[str]:
    return [each.text for each in messages if each.label == label and len(each.text.split()) <= LONGEST_COURTESY]
