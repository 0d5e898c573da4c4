"""A desk with its officers, and reports sent to it, made through the same functions that the pages call."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pyotp

from core.clock import FixedClock
from core.database import Database
from identity.throttle import Throttle
from reports.cases import submit
from reports.contents import Origin, Report
from reports.desks import PassesOn, Statement, create_desk, open_desk, update_statement
from reports.models import DeskKind
from reports.officers import accept_invitation, confirm_invitation, create_officer, get_signed_in, let_in, sign_in
from reports.receipts import ReceiptKeys, derive, new_receipt
from reports.recovery import keep_recovery_key
from reports.signed_in import SignedIn

PASSWORD = "correct horse battery staple"
STATEMENT = Statement(
    controller="City of Bologna, Piazza Maggiore 6",
    data_protection_contact="privacy@bologna.example",
    legal_basis="Regional law 24/2003",
    retention_days=365,
    answer_within_days=14,
    no_duty=True,
)
DUTY = PassesOn(
    what="crime",
    law="Code of criminal procedure, article 331",
    texts={"en": "a crime", "fr": "un crime", "it": "un reato", "ar": "جريمة"},
)


@dataclass
class Person:
    """An officer as the tests know them."""

    login: str
    secret: str
    token: str
    recovery_key: str | None = None
    password: str = PASSWORD

    def code(self, clock: FixedClock) -> str:
        """The app's next code; each counts once, so time goes on."""
        clock.at += timedelta(seconds=30)
        return str(pyotp.TOTP(self.secret).at(clock.at))


@dataclass
class Sent:
    """A report that was sent, with its receipt."""

    case_id: str
    receipt: str
    keys: ReceiptKeys
    report: Report


@dataclass
class World:
    """A database with desks."""

    database: Database
    clock: FixedClock
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def throttle(self) -> Throttle:
        return Throttle("only-for-tests", self.clock)

    async def make_desk(self, desk_id: str = "bologna", *logins: str, is_open: bool = True, **values: Any) -> None:
        """A desk with its officers, open unless told otherwise."""
        statement = values.pop("statement", STATEMENT)
        async with self.database.session() as session:
            given: dict[str, Any] = {"kind": DeskKind.CITY, "places": ["it-bologna"]}
            await create_desk(session, desk_id, f"Desk of {desk_id}", clock=self.clock, **(given | values))
        first, *others = logins or (f"anna@{desk_id}", f"bruno@{desk_id}")
        await self.join(desk_id, first)
        boss = await self.signed_in(first)
        async with self.database.session() as session:
            await keep_recovery_key(session, boss, self.people[first].recovery_key or "", clock=self.clock)
        for login in others:
            await self.join(desk_id, login)
            await self.let_in(first, login)
        if is_open:
            async with self.database.session() as session:
                boss = await get_signed_in(session, self.people[first].token, clock=self.clock)
                await update_statement(session, boss, statement, clock=self.clock)
                await open_desk(session, boss, clock=self.clock)

    async def join(self, desk_id: str, login: str) -> Person:
        """An officer who was invited, chose a password and typed the first code."""
        name = login.partition("@")[0].capitalize()
        async with self.database.session() as session:
            token = await create_officer(session, desk_id, login=login, name=name, clock=self.clock)
            accepted = await accept_invitation(session, token, PASSWORD, clock=self.clock)
            person = self.people[login] = Person(login, accepted.totp_secret, accepted.token)
            joined = await confirm_invitation(session, accepted.token, person.code(self.clock), clock=self.clock)
        person.token, person.recovery_key = joined.token, joined.recovery_key
        return person

    async def let_in(self, by: str, login: str) -> None:
        officer_id = (await self.signed_in(login)).officer.id
        async with self.database.session() as session:
            boss = await get_signed_in(session, self.people[by].token, clock=self.clock)
            await let_in(session, boss, officer_id, clock=self.clock)

    async def signed_in(self, login: str) -> SignedIn:
        async with self.database.session() as session:
            return await get_signed_in(session, self.people[login].token, clock=self.clock)

    async def sign_in(self, login: str) -> SignedIn:
        """With password and code, anew."""
        person = self.people[login]
        async with self.database.session() as session:
            person.token = await sign_in(
                session,
                login,
                person.password,
                person.code(self.clock),
                source="10.0.0.1",
                throttle=self.throttle,
                clock=self.clock,
            )
        return await self.signed_in(login)

    async def send(self, desk_id: str = "bologna", *, submission: str | None = None, **values: Any) -> Sent:
        """A report, sent."""
        receipt = new_receipt()
        keys = await derive(receipt)
        report = make_report(self.clock, **values)
        async with self.database.session() as session:
            case_id = await submit(
                session,
                report,
                desk_id=desk_id,
                receipt_id=keys.receipt_id,
                receipt_public_key=keys.public_key,
                submission=submission or secrets.token_hex(16),
                clock=self.clock,
            )
        return Sent(case_id, receipt, keys, report)


def make_report(clock: FixedClock, **values: Any) -> Report:
    """A report with a story."""
    given: dict[str, Any] = {
        "language": "ar",
        "origin": Origin.WEB,
        "arrived_at": clock.now(),
        "city": "it-bologna",
        "country": "IT",
        "story": "The landlord said: no foreigners.",
        "story_language": "en",
        "area": "housing",
        "grounds": ["origin", "religion"],
    }
    return Report(**(given | values))
