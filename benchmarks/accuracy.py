"""How often the hub understands, on questions that no author of its examples saw, beside Rasa's linear pipeline.

The questions are nlu_data/evaluation/*.jsonl, judged as `icchub evaluate` does. The rival is bot/config/logistic.yml,
trained on the same examples: one model a language, which is told the language and so gets its best chance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from rich.console import Console
from rich.progress import track

from benchmarks.bots import EVALUATION, HubBot
from benchmarks.errors import BenchmarkError
from benchmarks.figures import MET, MISSED, NO_TARGET, Section, Table
from benchmarks.rival import Diet, Rival
from benchmarks.servers import running
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

DIET_LANGUAGE = "en"
DIET_EXPLANATION = (
    "The English questions, by label as above, beside the pipeline that `rasa init` writes (DIET) with 30 epochs. "
    "Training it takes an hour on two cores, so it is run by hand: `python -m benchmarks diet --write`."
)


@dataclass(frozen=True)
class Verdict:
    """What both made of a question, by label."""

    question: Question
    hub: bool
    rival: bool


def run(console: Console) -> Section:
    """Ask the hub, then the rival of each language. Raises BenchmarkError."""
    hub = HubBot()
    rivals = {path.stem: Rival(path.stem) for path in sorted(EVALUATION.glob("*.jsonl"))}
    for server in (hub, *rivals.values()):
        server.prepare(console)
    by_language = {language: read_questions(EVALUATION / f"{language}.jsonl") for language in rivals}
    questions = [question for each in by_language.values() for question in each]
    try:
        report, answers = _ask_hub(hub, questions, console)
        asked = [_ask_rival(rival, by_language[language], console) for language, rival in rivals.items()]
    except (httpx.HTTPError, client.NoHubError) as error:
        raise BenchmarkError(f"A server stopped answering: {error!r}") from error
    labels = [label for each in asked for label in each]
    return Section(
        "understanding",
        EXPLANATION,
        [_hub_table(report), _rival_table(_compare(report, answers, labels), "Rasa's LogisticRegression")],
        ["Rasa's pipeline: WhitespaceTokenizer, CountVectorsFeaturizer (words; char_wb 1-4), LogisticRegression."],
        "Every miss of the hub, with what it offered and, in brackets, what was expected",
        [_miss_line(outcome) for outcome in report.misses()],
    )


def run_diet(console: Console) -> Section:
    """Rasa's default pipeline in English, trained when it is not there yet. Raises BenchmarkError."""
    hub, diet = HubBot(), Diet(DIET_LANGUAGE)
    for server in (hub, diet):
        server.prepare(console)
    questions = read_questions(EVALUATION / f"{DIET_LANGUAGE}.jsonl")
    try:
        report, answers = _ask_hub(hub, questions, console)
        labels = _ask_rival(diet, questions, console)
    except (httpx.HTTPError, client.NoHubError) as error:
        raise BenchmarkError(f"A server stopped answering: {error!r}") from error
    table = _rival_table(_compare(report, answers, labels), "Rasa's DIET, 30 epochs")
    return Section("diet", DIET_EXPLANATION, [table], [], "", [])


def _compare(report: Report, answers: list[dict[str, Any]], labels: list[str]) -> list[Verdict]:
    """What both made of each question, by label."""
    members = {entry: frozenset(group.members) for entry, group in load_knowledge().group_of.items()}
    verdicts = []
    for outcome, answer, label in zip(report.outcomes, answers, labels, strict=True):
        wanted = wanted_labels(outcome.question, members)
        ours = outcome.is_first or (SERVICES in wanted and speaks_of_services(answer))
        verdicts.append(Verdict(outcome.question, hub=ours, rival=label in wanted))
    return verdicts


def _ask_hub(hub: HubBot, questions: list[Question], console: Console) -> tuple[Report, list[dict[str, Any]]]:
    report, answers = Report(), list[dict[str, Any]]()
    with running(hub) as started:
        started.wait_for_first_answer()
        with client.connect(f"http://127.0.0.1:{started.port}") as http:
            for question in track(questions, "asking the hub", console=console, transient=True):
                answer = client.ask_through(http, question.text, language=question.language, city=question.city)
                report.outcomes.append(judge(question, answer))
                answers.append(answer)
    return report, answers


def _ask_rival(rival: Rival, questions: list[Question], console: Console) -> list[str]:
    labels = []
    with running(rival) as started:
        started.wait_for_first_answer()
        with client.connect(f"http://127.0.0.1:{started.port}") as http:
            for question in track(questions, f"asking the {rival.name}", console=console, transient=True):
                response = http.post(rival.path, json=rival.body(question.text))
                labels.append(rival.label_of(response.raise_for_status().json()))
    return labels


def wanted_labels(question: Question, members: Mapping[str, frozenset[str]]) -> set[str]:
    """The labels that are right for a question; each entry of a group stands for the whole group."""
    if isinstance(question.expect, str):
        return {LABELS.get(question.expect, question.expect)}
    entries = {SERVICES if entry.startswith("service/") else entry for entry in question.expect}
    return entries | {other for entry in entries for other in members.get(entry, ())}


def speaks_of_services(answer: dict[str, Any]) -> bool:
    """Whether services are given, or the place is asked for to find some, or none is known there."""
    for reply in answer["replies"]:
        payloads = [button["payload"] for button in reply["buttons"]]
        if (reply["answer"] or "").startswith("service/") or any(each.startswith("/place/") for each in payloads):
            return True
        if answer["understood"] and payloads == ["/services"]:
            return True
    return False


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


def _rival_table(verdicts: list[Verdict], rival: str) -> Table:
    counted: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        for kind in ("all", verdict.question.kind):
            counted[verdict.question.language, kind].append(verdict)
    rows = []
    for (language, kind), found in sorted(counted.items()):
        ours, theirs = sum(each.hub for each in found), sum(each.rival for each in found)
        target = ["ahead", MET if ours > theirs else MISSED] if kind == "all" else NO_TARGET
        count = len(found)
        rows.append([language, kind, str(count), share(ours, count), share(theirs, count), *target])
    return Table(["language", "kind", "questions", "hub, by label", rival, "target", ""], rows)


def _miss_line(outcome: Outcome) -> str:
    question = outcome.question
    expected = question.expect if isinstance(question.expect, str) else ", ".join(question.expect)
    return (
        f"{question.language} {question.kind}: {question.text} → {', '.join(outcome.offered[:3]) or '-'} ({expected})"
    )
