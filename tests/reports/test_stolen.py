"""Whoever steals the database, HUB_SECRET_KEY and the whole data folder opens no sent report."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

import migrations.tables  # noqa: F401  (every table must be known)
from channels.forms import IncomingFile
from core.settings import PROJECT_ROOT, Settings
from core.texts import Texts
from reports import casework
from reports.case_keys import open_case_for
from reports.cases import read_case, submit
from reports.contents import Copy, DeskLabels, EntryKind, Origin
from reports.errors import SealBrokenError
from reports.evidence import check
from reports.files import store_in_draft
from reports.intake.drafts import Drafts, Sheet
from reports.models import Case
from reports.receipts import derive, new_receipt, show_receipt
from reports.returning import CaseDoor
from reports.sealing import KeyPair, Token, context, decrypt
from tests.reports.samples_of_files import jpeg
from tests.reports.world import DUTY, STATEMENT, World, make_report

SERVER_KEY = "only-for-tests"
STORY = "The landlord Rossi of Zamboni street said no foreigners"
WORDS = [
    "Rossi", "Zamboni", "foreigners", "Stadium", "lawyer-note", "Come-on-Tuesday", "again-by-phone", "photo-of-door",
    "555123999", "housing", "religion", "it-bologna", "+39051222333", "mirror",
]  # fmt: skip
PHOTO = jpeg(size=(300, 200))
SHEET = Sheet(origin=Origin.TELEGRAM, language="ar", words=STORY)


@dataclass
class Loot:
    """Everything that was stolen."""

    rows: dict[str, list[dict[str, Any]]]
    files: dict[str, bytes]
    secrets: list[bytes] = field(default_factory=list)

    @property
    def blobs(self) -> list[bytes]:
        found = [value for rows in self.rows.values() for row in rows for value in row.values()]
        return [
            value if isinstance(value, bytes) else value.encode() for value in found if isinstance(value, (bytes, str))
        ]

    def holds(self, word: bytes) -> list[str]:
        """Where a word stands, in any usual way of writing it."""
        forms = {word, word.decode().encode("utf-16-le"), base64.b64encode(word)[:-4], word.hex().encode()}
        places = [name for name, content in self.files.items() if any(form in content for form in forms)]
        for table, rows in self.rows.items():
            for row in rows:
                for name, value in row.items():
                    data = value if isinstance(value, bytes) else repr(value).encode()
                    if any(form in data for form in forms):
                        places.append(f"{table}.{name}")
        return places

    def candidate_keys(self) -> set[bytes]:
        """Every 32 bytes that lie anywhere, and what is usually made of the secret key."""
        keys: set[bytes] = set()
        for blob in [*self.blobs, *self.secrets]:
            # Inside a long sealed text there is no key; before and after it there could be one.
            for plain in (blob[:300], blob[-300:], _unhex(blob)):
                keys |= {plain[at : at + 32] for at in range(len(plain) - 31)}
        for secret in [*self.secrets, *(blob for blob in self.blobs if len(blob) <= 64)]:
            keys |= {hashlib.sha256(secret).digest(), hashlib.blake2b(secret, digest_size=32).digest()}
            keys |= {hashlib.blake2b(secret, person=b"report-drafts").digest()[:32], Token(_text(secret)).key}
            keys.add(hmac.new(secret, b"", "sha256").digest())
        return keys

    def opened(self) -> list[str]:
        """What the candidates open: sealed texts directly, and case keys by private keys."""
        found: list[str] = []
        keys = self.candidate_keys()
        cases = self.rows["report_case"]
        sealed: list[tuple[str, bytes, bytes]] = []
        for case in cases:
            sealed.append(("body", case["body"], context("case-body", case["id"])))
            if case["labels"]:
                sealed.append(("labels", case["labels"], context("case-labels", case["id"])))
        for entry in self.rows["report_case_entry"]:
            sealed.append(("entry", entry["body"], context("case-entry", entry["case_id"], entry["kind"])))
        for chunk in self.rows["report_file_chunk"]:
            sealed.append(("file", chunk["data"], context("file", chunk["file_id"], str(chunk["number"]), "last")))
        # A sealed box opens with the private key of its public key, and with nothing else.
        public = {row[name] for rows in self.rows.values() for row in rows for name in row if "public_key" in name}
        for key in keys:
            found += [name for name, data, bound in sealed if _decrypts(key, data, bound)]
            if KeyPair.from_private(key).public in public:
                found.append("a private key")
        return found


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _unhex(blob: bytes) -> bytes:
    try:
        return bytes.fromhex(blob.decode())
    except ValueError:
        return b""


def _decrypts(key: bytes, sealed: bytes, bound: bytes) -> bool:
    try:
        decrypt(key, sealed, bound)
    except SealBrokenError:
        return False
    return True


async def steal(world: World, folder: Path) -> Loot:
    """Read every table and every file, as they lie there while the hub runs."""
    async with world.database.engine.connect() as connection:
        rows = {
            table.name: [dict(row) for row in (await connection.execute(select(table))).mappings()]
            for table in SQLModel.metadata.sorted_tables
        }
    files = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return Loot(rows, files, [SERVER_KEY.encode()])


@dataclass
class Told:
    """What was told, and the keys that only its people have."""

    case_id: str
    receipt: str
    draft_salt: bytes
    draft_body: bytes
    restricted_id: str = ""


async def live(world: World) -> Told:
    """A draft, sent; messages both ways, notes, labels, files, a restricted case; a draft that is still open."""
    clock = world.clock
    await world.make_desk(statement=STATEMENT.model_copy(update={"no_duty": False, "passes_on": [DUTY]}))
    anna, bruno = await world.signed_in("anna@bologna"), await world.signed_in("bruno@bologna")
    drafts = Drafts(SERVER_KEY, clock)
    receipt = new_receipt()
    keys = await derive(receipt)
    photo = await check(IncomingFile("photo-of-door.jpg", "image/jpeg", PHOTO))
    async with world.database.session() as session:
        draft = await drafts.create(
            session, "chat:555123999", Sheet(origin=Origin.TELEGRAM, language="ar", words=STORY)
        )
        assert draft is not None

        async def keep(content: bytes) -> str:
            return await store_in_draft(session, draft_id=draft.id, key=draft.key, content=content)

        note = await photo.store(keep)
        await drafts.save(session, draft)
        row = {"salt": b"", "body": b""}
        async with world.database.engine.connect() as connection:
            table = SQLModel.metadata.tables["report_draft"]
            row = dict((await connection.execute(select(table))).mappings().one())
        report = make_report(
            clock,
            story=STORY,
            files=[note.model_copy(update={"copies": Copy.BOTH})],
            notice_chat="555123999",
            contact={"kind": "phone", "value": "+39051222333"},
        )
        case_id = await submit(
            session,
            report,
            desk_id="bologna",
            receipt_id=keys.receipt_id,
            receipt_public_key=keys.public_key,
            submission=secrets.token_hex(16),
            clock=clock,
            draft_id=draft.id,
            draft_key=draft.key,
        )
    told = Told(case_id, receipt, row["salt"], row["body"])
    async with world.database.session() as session:
        await read_case(session, anna, case_id, clock=clock)
        await casework.add_note(session, anna, case_id, text="lawyer-note", clock=clock)
        letter = await check(IncomingFile("photo-of-door.jpg", "image/jpeg", jpeg(size=(320, 200))))
        await casework.reply(session, anna, case_id, text="Come-on-Tuesday", language="it", files=[letter], clock=clock)
        labels = DeskLabels(labels=["mirror"], event="Stadium", assigned_to=bruno.officer.id)
        await casework.set_labels(session, anna, case_id, labels, clock=clock)
    door = CaseDoor(world.database, clock, Texts.load(PROJECT_ROOT / "locales"))
    case = await door.open(show_receipt(receipt), source="203.0.113.7", language="it")
    other = IncomingFile("photo-of-door.jpg", "image/jpeg", jpeg(size=(310, 200)))
    await door.add(case.token, language="it", text="again-by-phone", file=other)
    told.restricted_id = (await world.send(story=STORY, kept_out=[bruno.officer.id])).case_id
    return told


async def test_no_word_of_a_report_stands_anywhere(world: World, settings: Settings) -> None:
    told = await live(world)
    loot = await steal(world, settings.data_dir)
    assert len(loot.rows["report_case"]) == 2
    # An automatic message comes near the end of a case's time, and holds nobody's words.
    assert {row["kind"] for row in loot.rows["report_case_entry"]} == set(EntryKind) - {EntryKind.AUTOMATIC}
    allowed = {"it-bologna": {"desk.places"}}
    for word in [*WORDS, told.receipt, show_receipt(told.receipt), told.receipt[-5:]]:
        places = {place for place in loot.holds(word.encode()) if place not in allowed.get(word, set())}
        # The desk's own places stand in its row, and so in SQLite's file.
        assert {place for place in places if word not in allowed or "." not in Path(place).name} == set(), word
    for piece in (PHOTO[100:132], PHOTO[-64:-32]):
        assert loot.files is not None
        assert not any(piece in blob for blob in [*loot.blobs, *loot.files.values()])


async def test_no_key_at_hand_opens_a_report(world: World, settings: Settings) -> None:
    await live(world)
    loot = await steal(world, settings.data_dir)
    assert len(loot.candidate_keys()) > 5000
    assert loot.opened() == []


async def test_the_attack_would_notice_a_key_that_lies_about(world: World, settings: Settings) -> None:
    """The same attack on a database where somebody was careless."""
    told = await live(world)
    anna = await world.signed_in("anna@bologna")
    assert anna.desk_keys is not None
    async with world.database.session() as session:
        _, key = await open_case_for(session, anna, told.case_id)
    loot = await steal(world, settings.data_dir)
    loot.rows["desk"][0]["service"] = "key=" + key.hex()
    assert loot.opened() == []
    loot.rows["desk"][0]["service"] = key.hex()
    assert {"body", "entry", "labels", "file"} <= set(loot.opened())
    loot.rows["desk"][0]["service"] = anna.desk_keys.private.hex()
    assert set(loot.opened()) == {"a private key"}
    assert loot.holds(b"bologna")


async def test_after_sending_nothing_of_the_draft_is_left_on_the_disk(world: World, settings: Settings) -> None:
    """The draft opened with the server's key, so no old page of the database may still hold it."""
    told = await live(world)
    loot = await steal(world, settings.data_dir)
    assert loot.rows["report_draft"] == []
    assert len(told.draft_body) > 1000
    for piece in (told.draft_salt, told.draft_body[24:56], told.draft_body[-32:]):
        assert not [name for name, content in loot.files.items() if piece in content]


async def test_a_withdrawn_report_is_not_on_the_disk_even_sealed(world: World, settings: Settings) -> None:
    told = await live(world)
    async with world.database.session() as session:
        case = await session.get_one(Case, told.case_id)
    door = CaseDoor(world.database, world.clock, Texts.load(PROJECT_ROOT / "locales"))
    before = await steal(world, settings.data_dir)
    opened = await door.open(told.receipt, source="", language="en")
    await door.withdraw(opened.token)
    loot = await steal(world, settings.data_dir)
    on_disk = world.database.url.startswith("sqlite")
    for piece in (case.body[24:56], case.receipt_sealed_key[:32]):
        assert bool([name for name, content in before.files.items() if piece in content]) is on_disk
        assert not [name for name, content in loot.files.items() if piece in content]
        assert not any(piece in blob for blob in loot.blobs)
    assert {row["id"] for row in loot.rows["report_case"]} == {told.restricted_id}
    assert {row["case_id"] for row in loot.rows["report_case_entry"]} <= {told.restricted_id}


async def test_no_log_line_holds_a_word_or_a_key(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        told = await live(world)
        world.clock.at += timedelta(minutes=5)
    for record in caplog.records:
        line = record.getMessage() + repr(record.args)
        for word in [*WORDS, told.receipt, show_receipt(told.receipt)]:
            if word != "it-bologna":
                assert word not in line, record.name
