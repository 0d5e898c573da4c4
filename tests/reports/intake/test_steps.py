"""The steps as data, and the engine that says which comes next."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.texts import Texts
from knowledge.errors import KnowledgeError
from reports.intake.steps import FILE, Answer, Progress, Steps

STEPS = Steps.load()
WEB = {"origin": "web", "city": "none", "route": "desk", "files": "none"}
ORDER_OF_THE_ISSUE = (
    "safe minor where about_city desk consent story when area grounds who witnesses wishes for_whom evidence contact "
    "review receipt send"
).split()


def test_the_steps_come_in_the_order_that_was_promised() -> None:
    asked = [step.id for step in STEPS.asked(Progress(), WEB)]
    assert [step for step in asked if step in ORDER_OF_THE_ISSUE] == ORDER_OF_THE_ISSUE


def test_consent_comes_before_what_happened_and_cannot_be_skipped() -> None:
    ids = [step.id for step in STEPS.all]
    assert ids.index("consent") < min(ids.index(step) for step in ("story", "when", "area", "grounds", "who"))
    assert STEPS.get("consent").required


def test_every_question_can_be_skipped_but_those_that_say_who_reads_it() -> None:
    required = {step.id for step in STEPS.all if step.required}
    assert required == {"danger", "minor_help", "desk", "consent", "review", "receipt", "send", "letter"}


def test_papers_and_residence_are_never_asked(wording_texts: Texts) -> None:
    ids = " ".join(step.id + " " + " ".join(step.choices) for step in STEPS.all)
    assert not any(word in ids for word in ("paper", "resid", "visa", "permit", "migra", "status", "legal"))


def test_every_step_and_choice_has_its_sentence(wording_texts: Texts) -> None:
    keys = wording_texts.keys("en")
    wanted = {f"report.step.{step.id}.title" for step in STEPS.all}
    wanted |= {f"report.choice.{step.id}.{value}" for step in STEPS.all for value in step.choices}
    assert wanted - keys == set()


@pytest.fixture(scope="module")
def wording_texts() -> Texts:
    return Texts.load(FILE.parents[2] / "locales")


@pytest.mark.parametrize(
    ("line", "broken", "reason"),
    [
        ('  choices: ["yes", "no"]', "  choices: [yes, no]", "minor: choices.0: Input should be a valid string"),
        ("  kind: files", "  kind: photographs", "evidence: kind: Input should be"),
        ("  when: {for_whom: [organisation]}", "  when: {mood: [organisation]}", "organisation: rests on mood"),
        ("- id: area", "- id: story", "story: stands twice in this file"),
    ],
)
def test_a_broken_step_is_named_with_file_line_and_reason(tmp_path: Path, line: str, broken: str, reason: str) -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    at = lines.index(line)
    lines[at] = broken
    path = tmp_path / "steps.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")

    with pytest.raises(KnowledgeError) as caught:
        Steps.load(path)

    found = caught.value.problems[0]
    assert found.startswith(f"steps.yaml:{at + 1}: ")
    assert reason in found


def test_an_answer_changed_later_asks_again_only_what_rests_on_it() -> None:
    progress = Progress()
    for step in ("safe", "minor", "where", "about_city", "desk", "keep_out", "consent", "story"):
        STEPS.record(progress, STEPS.get(step), Answer(values=["first"]))
    STEPS.record(progress, STEPS.get("about_city"), Answer(values=["yes"]))
    assert [step.id for step in STEPS.asked(progress, WEB) if step.id not in progress.seen][:3] == [
        "desk",
        "keep_out",
        "consent",
    ]
    assert "story" in progress.seen
    STEPS.record(progress, STEPS.get("story"), Answer(text="changed"))
    assert STEPS.current(progress, WEB).id == "desk"


def test_an_answer_given_again_unchanged_asks_nothing_again() -> None:
    progress = Progress()
    for step in ("where", "about_city", "desk", "keep_out", "consent"):
        STEPS.record(progress, STEPS.get(step), Answer(values=["same"]))
    STEPS.record(progress, STEPS.get("where"), Answer(values=["same"]))
    assert {"desk", "keep_out", "consent"} <= set(progress.seen)


moves = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.integers(0, 20)),
        st.tuples(st.just("skip"), st.just(0)),
        st.tuples(st.just("back"), st.just(0)),
    ),
    max_size=120,
)


@given(moves)
def test_without_going_back_no_step_is_asked_twice(sequence: list[tuple[str, int]]) -> None:
    progress, facts, answered = Progress(), dict(WEB), set[str]()
    for move, number in sequence:
        step = STEPS.current(progress, facts)
        previous = STEPS.previous(progress, facts)
        if move == "back":
            progress.at = previous.id if previous else None
            continue
        came_back = progress.at is not None
        assert came_back or step.id not in answered or step.required
        before = progress.answer(step.id)
        value = step.choices[number % len(step.choices)] if step.choices and move == "answer" else None
        answer = Answer(values=[value]) if value else Answer()
        STEPS.record(progress, step, answer)
        answered.add(step.id)
        if came_back and before != answer:
            answered -= {"desk", "keep_out", "consent"}
    assert set(progress.answers) <= {step.id for step in STEPS.all}
