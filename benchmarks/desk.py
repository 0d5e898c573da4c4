"""How long a desk with 2,000 open cases waits for its list, beside opening as many sealed boxes and nothing else."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from nacl.public import PrivateKey, SealedBox
from rich.console import Console

from benchmarks.figures import Section, Table
from core.clock import FixedClock
from core.database import Database
from migrations.run import migrate
from reports.case_keys import encrypt_body, key_context
from reports.cases import list_cases
from reports.models import Case
from reports.sealing import new_key, seal_to
from tests.reports.world import World

CASES = 2000
TIMES = 5
LOGIN = "anna@bologna"
LENGTH = 1000
"""Letters of each story."""

EXPLANATION = (
    f"Seconds until the list of {CASES:,} cases is ready for its page: every case is opened with the officer's key, "
    "since what the list shows lies inside the seal. The baseline opens as many sealed boxes of the same length with "
    f"libsodium alone, without database or models, one after the other. SQLite; the best and the worst of {TIMES}."
)


@dataclass
class Seconds:
    best: float
    worst: float

    def row(self, name: str) -> list[str]:
        return [name, f"{self.best:.2f} s", f"{self.worst:.2f} s"]


def run(console: Console) -> Section:
    """Measure both, one after the other."""
    with TemporaryDirectory(prefix="icchub-bench-") as folder, console.status("A desk opens its list ..."):
        listed = asyncio.run(_list_all(Path(folder) / "hub.sqlite3"))
    bare = _open_boxes()
    return Section(
        "desk",
        EXPLANATION,
        [Table(["what", "best", "worst"], [listed.row("the desk's list"), bare.row("sealed boxes alone")])],
    )


async def _list_all(path: Path) -> Seconds:
    database = Database(f"sqlite+aiosqlite:///{path}")
    await migrate(database)
    world = World(database, FixedClock(datetime(2026, 11, 23, 9, 0, tzinfo=UTC)))
    await world.make_desk()
    sent = await world.send(story="x" * LENGTH)
    signed_in = await world.signed_in(LOGIN)
    async with database.session() as session:
        template = (await session.get_one(Case, sent.case_id)).model_dump()
        for _ in range(CASES - 1):
            case_id, key = secrets.token_hex(16), new_key()
            own = {
                "id": case_id,
                "submission": case_id,
                "receipt_id": case_id,
                "desk_sealed_key": seal_to(signed_in.desk.public_key or b"", key, key_context(case_id)),
                "body": encrypt_body(key, case_id, sent.report),
            }
            session.add(Case(**(template | own)))
        await session.commit()
    taken = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        async with database.session() as session:
            await list_cases(session, signed_in, clock=world.clock)
        taken.append(time.perf_counter() - begun)
    await database.close()
    return Seconds(min(taken), max(taken))


def _open_boxes() -> Seconds:
    private = PrivateKey.generate()
    box = SealedBox(private)
    sealed = [SealedBox(private.public_key).encrypt(b"x" * LENGTH) for _ in range(CASES)]
    taken = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        for one in sealed:
            box.decrypt(one)
        taken.append(time.perf_counter() - begun)
    return Seconds(min(taken), max(taken))
