"""Measuring the running hub with labelled questions, as `icchub evaluate` and the benchmarks do.

A line is {"text", "language", "expect": [ids] | "out_of_scope" | "report" | "preferences" | "handoff" | "choose",
"city"?}. Intervals are Wilson's at 95 % (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953).
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from cli import client
from cli.words import say

FLOWS = {"report": "flow/report", "preferences": "flow/preferences", "handoff": "flow/handoff"}
CHOOSE, OUT_OF_SCOPE = "choose", "out_of_scope"
Z = 1.959964
"""Two-sided 95 % quantile of the normal distribution."""


@dataclass(frozen=True)
class Question:
    """One labelled question."""

    text: str
    language: str
    expect: list[str] | str
    city: str | None = None

    @property
    def kind(self) -> str:
        """What the question is counted under: the flow, or the kind of its first expected entry."""
        return self.expect if isinstance(self.expect, str) else self.expect[0].partition("/")[0]


@dataclass(frozen=True)
class Outcome:
    """What the hub made of a question."""

    question: Question
    offered: list[str]
    is_first: bool
    is_among_three: bool


@dataclass
class Report:
    """All outcomes."""

    outcomes: list[Outcome] = field(default_factory=list)

    def tallies(self) -> dict[tuple[str, str], tuple[int, int, int]]:
        """(language, kind) to (questions, right first, among three); kind '' is tools and membership together."""
        counted: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        for outcome in self.outcomes:
            kinds = {outcome.question.kind} | (
                {"knowledge"} if outcome.question.kind in {"tool", "membership"} else set()
            )
            for kind in kinds:
                tally = counted[outcome.question.language, kind]
                tally[0] += 1
                tally[1] += outcome.is_first
                tally[2] += outcome.is_among_three
        return {key: (tally[0], tally[1], tally[2]) for key, tally in sorted(counted.items())}

    def misses(self) -> Iterator[Outcome]:
        return (outcome for outcome in self.outcomes if not outcome.is_first)

    def as_data(self) -> dict[str, Any]:
        return {
            "accuracy": [
                {
                    "language": language,
                    "kind": kind,
                    "questions": count,
                    "first": round(first / count, 4),
                    "first_interval": [round(bound, 4) for bound in wilson(first, count)],
                    "three": round(three / count, 4),
                    "three_interval": [round(bound, 4) for bound in wilson(three, count)],
                }
                for (language, kind), (count, first, three) in self.tallies().items()
            ],
            "misses": [
                {
                    "text": outcome.question.text,
                    "language": outcome.question.language,
                    "expect": outcome.question.expect,
                    "got": outcome.offered,
                }
                for outcome in self.misses()
            ],
        }


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Wilson's score interval for a share."""
    if count == 0:
        return 0.0, 1.0
    share = hits / count
    centre = (share + Z * Z / (2 * count)) / (1 + Z * Z / count)
    spread = Z * math.sqrt(share * (1 - share) / count + Z * Z / (4 * count * count)) / (1 + Z * Z / count)
    return max(0.0, centre - spread), min(1.0, centre + spread)


def read_questions(path: Path) -> list[Question]:
    """The questions of a file; a broken line ends the program with its number and reason."""
    questions = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SystemExit(say("evaluate.unreadable", file=path, line=0, reason=error.strerror)) from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            expect = data["expect"]
            if not expect or not isinstance(expect, (str, list)):
                raise ValueError("expect")
            questions.append(Question(data["text"], data["language"], expect, data.get("city")))
        except (ValueError, KeyError, TypeError) as error:
            raise SystemExit(say("evaluate.unreadable", file=path, line=number, reason=repr(error))) from None
    return questions


def evaluate(address: str, path: Path) -> Report:
    """Ask every question in a conversation of its own. Raises NoHubError."""
    report = Report()
    questions = read_questions(path)
    with client.connect(address) as http:
        for question in track(questions, description=path.name, console=Console(stderr=True), transient=True):
            answer = client.ask_through(http, question.text, language=question.language, city=question.city)
            report.outcomes.append(judge(question, answer))
    return report


def judge(question: Question, answer: dict[str, Any]) -> Outcome:
    """Compare an answer with what was expected."""
    offered = offered_ids(answer)
    if question.expect == OUT_OF_SCOPE:
        refused = not answer["understood"]
        return Outcome(question, offered or [f"understood={answer['understood']}"], refused, refused)
    if question.expect == CHOOSE:
        chooses = answer["understood"] and any(reply["buttons"] for reply in answer["replies"]) and not _direct(answer)
        return Outcome(question, offered, chooses, chooses)
    wanted = {FLOWS.get(question.expect, question.expect)} if isinstance(question.expect, str) else set(question.expect)
    direct = _direct(answer)
    is_first = bool(direct) and bool(wanted & set(direct[0]))
    three = {entry for group in direct for entry in group} | set(offered[:3])
    return Outcome(question, offered, is_first, is_first or bool(wanted & three))


def offered_ids(answer: dict[str, Any]) -> list[str]:
    """Ids in the order in which they are offered: given answers first, then buttons."""
    ids = [entry for group in _direct(answer) for entry in group]
    for reply in answer["replies"]:
        ids += [button["payload"][1:] for button in reply["buttons"] if "/" in button["payload"][1:]]
    return list(dict.fromkeys(ids))


def _direct(answer: dict[str, Any]) -> list[list[str]]:
    """The answers given, each with what it covers."""
    return [[reply["answer"], *reply["covers"]] for reply in answer["replies"] if reply["answer"]]


def print_report(report: Report, console: Console, *, with_misses: bool) -> None:
    """The table, and every miss."""
    table = Table(
        say("parity.language"),
        say("evaluate.kind"),
        say("evaluate.count"),
        say("evaluate.first"),
        say("evaluate.three"),
    )
    for (language, kind), (count, first, three) in report.tallies().items():
        table.add_row(language, kind, str(count), share(first, count), share(three, count))
    console.print(table)
    for outcome in report.misses() if with_misses else ():
        question = outcome.question
        expected = question.expect if isinstance(question.expect, str) else ", ".join(question.expect)
        got = ", ".join(outcome.offered[:3]) or "-"
        line = say(
            "evaluate.miss",
            language=question.language,
            kind=question.kind,
            text=question.text,
            expected=expected,
            got=got,
        )
        console.print(line, markup=False)


def share(hits: int, count: int) -> str:
    """'95.0 % (92.1-96.9)': the share with its interval."""
    low, high = wilson(hits, count)
    return f"{100 * hits / count:.1f} % ({100 * low:.1f}-{100 * high:.1f})"
