"""How often the hub understands, on questions that no author of its examples saw, beside Rasa's linear pipeline.

The questions are nlu_data/evaluation/*.jsonl, judged as `icchub evaluate` does. The rival is bot/config/logistic.yml,
trained on the same examples: one model a language, which is told the language and so gets its best chance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import track

from benchmarks import rival
from benchmarks.bots import EVALUATION, HubBot, running
from benchmarks.figures import MET, MISSED, Section, Table
from cli import client
from cli.evaluation import CHOOSE, OUT_OF_SCOPE, Outcome, Question, Report, judge, read_questions, share
from knowledge.base import load_knowledge

SERVICES = "find_service"
LABELS = {
    OUT_OF_SCOPE: "out_of_scope",
    CHOOSE: "browse_entries",
    "report": "report_discrimination",
    "preferences": "change_preferences",
    "handoff": "talk_to_person",
}
"""What the rival calls what a question may expect beside entries."""

TARGETS: dict[str, tuple[float, float | None]] = {
    "knowledge": (0.95, 0.98),
    "out_of_scope": (0.90, None),
    "report": (0.97, None),
    "preferences": (0.97, None),
}
"""Least share right first, and among the first three; other kinds are counted without a target."""

EXPLANATION = (
    "The running hub on every question of the evaluation sets, in a conversation of its own, with Wilson intervals at "
    "95 %. `knowledge` is tools and membership together. By label, both are asked only what a message means: any "
    "service counts as the label `find_service`, since only the hub ranks services, and an entry of a group that is "
    "told as one answer counts as the group."
)


@dataclass(frozen=True)
class Verdict:
    """What both made of a question, by label."""

    question: Question
    hub: bool
    rival: bool


def run(console: Console) -> Section:
    """Ask the hub, then the rival. Raises BenchmarkError."""
    hub = HubBot()
    hub.prepare(console)
    files = sorted(EVALUATION.glob("*.jsonl"))
    report, answers = Report(), list[dict[str, Any]]()
    with running(hub) as started:
        started.wait_for_first_answer()
        with client.connect(f"http://127.0.0.1:{started.port}") as http:
            for question in track(_all(files), "asking the hub", console=console, transient=True):
                answer = client.ask_through(http, question.text, language=question.language, city=question.city)
                report.outcomes.append(judge(question, answer))
                answers.append(answer)
    labels = rival.read_labels([outcome.question for outcome in report.outcomes], console)
    members = {entry: set(group.members) for entry, group in load_knowledge().group_of.items()}
    verdicts = [
        Verdict(
            outcome.question, _hub_is_right(outcome, answer), bool(wanted_labels(outcome.question, members) & {label})
        )
        for outcome, answer, label in zip(report.outcomes, answers, labels, strict=True)
    ]
    return Section(
        "understanding",
        EXPLANATION,
        [_hub_table(report), _rival_table(verdicts)],
        ["Rasa's pipeline: WhitespaceTokenizer, CountVectorsFeaturizer (words; char_wb 1-4), LogisticRegression."],
        [_miss_line(outcome) for outcome in report.misses()],
    )


def wanted_labels(question: Question, members: dict[str, set[str]]) -> set[str]:
    """The labels that are right for a question; each entry of a group stands for the whole group."""
    if isinstance(question.expect, str):
        return {LABELS.get(question.expect, question.expect)}
    entries = {SERVICES if entry.startswith("service/") else entry for entry in question.expect}
    return entries | {other for entry in entries for other in members.get(entry, ())}


def _hub_is_right(outcome: Outcome, answer: dict[str, Any]) -> bool:
    return outcome.is_first or (SERVICES in wanted_labels(outcome.question, {}) and speaks_of_services(answer))


def speaks_of_services(answer: dict[str, Any]) -> bool:
    """Whether services are given, or the place is asked for to find some, or none is known there."""
    for reply in answer["replies"]:
        payloads = [button["payload"] for button in reply["buttons"]]
        if (reply["answer"] or "").startswith("service/") or any(each.startswith("/place/") for each in payloads):
            return True
        if answer["understood"] and payloads == ["/services"]:
            return True
    return False


def _all(files: Iterable[Any]) -> list[Question]:
    return [question for path in files for question in read_questions(path)]


def _hub_table(report: Report) -> Table:
    rows = []
    for (language, kind), (count, first, three) in report.tallies().items():
        least_first, least_three = TARGETS.get(kind, (None, None))
        target = " / ".join(f"{100 * least:.0f} %" for least in (least_first, least_three) if least is not None)
        met = (least_first is None or first / count >= least_first) and (
            least_three is None or three / count >= least_three
        )
        verdict = (MET if met else MISSED) if target else ""
        rows.append([language, kind, str(count), share(first, count), share(three, count), target, verdict])
    return Table(["language", "kind", "questions", "right first", "among three", "target", ""], rows)


def _rival_table(verdicts: list[Verdict]) -> Table:
    counted: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        for kind in ("all", verdict.question.kind):
            counted[verdict.question.language, kind].append(verdict)
    rows = []
    for (language, kind), found in sorted(counted.items()):
        ours, theirs = sum(each.hub for each in found), sum(each.rival for each in found)
        verdict = (MET if ours > theirs else MISSED) if kind == "all" else ""
        target = "ahead" if kind == "all" else ""
        rows.append(
            [language, kind, str(len(found)), share(ours, len(found)), share(theirs, len(found)), target, verdict]
        )
    return Table(["language", "kind", "questions", "hub, by label", "Rasa's LogisticRegression", "target", ""], rows)


def _miss_line(outcome: Outcome) -> str:
    question = outcome.question
    expected = question.expect if isinstance(question.expect, str) else ", ".join(question.expect)
    return (
        f"{question.language} {question.kind}: {question.text} → {', '.join(outcome.offered[:3]) or '-'} ({expected})"
    )
