"""Sending a broadcast: how fast, how much memory, and what is left of it when processes are killed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.figures import NO_TARGET, Section, Table, at_least, at_most
from benchmarks.messages.kills import run_with_kills
from benchmarks.messages.throughput import Speed, bare_loop, prepare, send_all, smtp_sink
from tests.services import running_postgresql, running_redis

ROUNDS = 3
RECIPIENTS = 10_000
BARE = 3_000
MANY = 100_000
KILLS = 100
LEAST_SHARE = 0.7
MOST_GROWTH = 1.1

EXPLANATION = (
    "One broadcast in four languages, each mail with the reader's own name, reason and links, sent by workers with "
    "four connections each to Postfix's smtp-sink, with PostgreSQL (writing to the disk) and Redis, every row written. "
    "In turn with a bare loop over four kept connections of aiosmtplib that sends one fixed mail and writes nothing "
    "down: with send_message, as the library's manual has it, and with sendmail and ready bytes, the fastest that the "
    "library can."
)
KILLING = (
    "Two hubs and two workers, PostgreSQL and Redis; any of the four is killed by SIGKILL at random instants, and "
    "started anew. Counted at the mail server by Message-ID."
)


def run(console: Console) -> Section:
    """Everything; takes some twenty minutes. Raises BenchmarkError."""
    with _services() as (database_url, broker_url, folder), smtp_sink() as port:
        tables = [
            _speed(console, database_url, broker_url, port, folder),
            _memory(console, database_url, broker_url, port, folder),
        ]
    with _services() as (database_url, broker_url, folder):
        tables.append(_kills(console, database_url, broker_url, folder))
    return Section("delivery", EXPLANATION, tables, [KILLING])


def _speed(console: Console, database_url: str, broker_url: str, port: int, folder: Path) -> Table:
    ours: dict[int, list[float]] = {1: [], 2: []}
    bare: dict[str, list[float]] = {"message": [], "bytes": []}
    for number in range(ROUNDS):
        for kind, rates in bare.items():
            with console.status(f"Round {number + 1} of {ROUNDS}: the bare loop ({kind}) ..."):
                rates.append(bare_loop(port, BARE, kind))
        for workers, rates in ours.items():
            with console.status(f"Round {number + 1} of {ROUNDS}: {RECIPIENTS} mails, {workers} worker(s) ..."):
                prepare(database_url, RECIPIENTS)
                speed = send_all(
                    database_url, broker_url, port=port, recipients=RECIPIENTS, workers=workers, log=folder / "log"
                )
                rates.append(speed.mails_a_second)
    message, ready = _middle(bare["message"]), _middle(bare["bytes"])
    rows = [
        ["bare loop, send_message", f"{message:.0f}", "1", "", *NO_TARGET],
        ["bare loop, ready bytes", f"{ready:.0f}", "", "1", *NO_TARGET],
    ]
    for workers, rates in ours.items():
        share = _middle(rates) / message
        target = at_least(share, LEAST_SHARE) if workers == 2 else NO_TARGET
        rows.append(
            [
                f"hub, {workers} worker" + "s" * (workers > 1),
                f"{_middle(rates):.0f}",
                f"{share:.2f}",
                f"{_middle(rates) / ready:.2f}",
                *target,
            ]
        )
    return Table(["mails a second", "", "of send_message", "of ready bytes", "target", ""], rows)


def _memory(console: Console, database_url: str, broker_url: str, port: int, folder: Path) -> Table:
    speeds: list[Speed] = []
    for recipients in (1_000, MANY):
        with console.status(f"Memory: {recipients} mails ..."):
            prepare(database_url, recipients)
            speeds.append(
                send_all(database_url, broker_url, port=port, recipients=recipients, workers=2, log=folder / "log")
            )
    few, many = speeds
    rows = []
    for part in ("hub", "worker"):
        growth = many.megabytes[part] / few.megabytes[part]
        rows.append(
            [
                part,
                f"{few.megabytes[part]:.0f} MB",
                f"{many.megabytes[part]:.0f} MB",
                f"{growth:.2f}",
                *at_most(growth, MOST_GROWTH),
            ]
        )
    return Table(["largest memory", "1,000 mails", f"{MANY:,} mails", "ratio", "target", ""], rows)


def _kills(console: Console, database_url: str, broker_url: str, folder: Path) -> Table:
    with console.status("Killing ...") as status:
        outcome = run_with_kills(
            database_url,
            broker_url,
            recipients=RECIPIENTS,
            kills=KILLS,
            log=folder / "kills.log",
            patience=3600,
            tell=status.update,
        )
    unwritten = outcome.recipients - outcome.statuses.get("sent", 0)
    killed = ", ".join(f"{count} of {part}s" for part, count in sorted(outcome.kills.items()))
    rows = [
        ["kills", f"{outcome.kills.total()} ({killed})", *NO_TARGET],
        ["people", f"{outcome.recipients}", *NO_TARGET],
        ["got nothing", f"{outcome.lost}", *at_most(outcome.lost, 0)],
        ["mails too many", f"{outcome.doubled}", *at_most(outcome.doubled, outcome.in_flight)],
        ["not written as sent", f"{unwritten}", *at_most(unwritten, 0)],
        ["seconds", f"{outcome.seconds:.0f}", *NO_TARGET],
    ]
    return Table(["killing processes", "", "target", ""], rows)


@contextlib.contextmanager
def _services() -> Iterator[tuple[str, str, Path]]:
    with (
        running_postgresql(durable=True) as database_url,
        running_redis() as broker_url,
        TemporaryDirectory(prefix="icchub-bench-") as folder,
    ):
        yield database_url, broker_url, Path(folder)


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
