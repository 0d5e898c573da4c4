"""Somebody who fills in the form in a test, and desks that they can tell."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from sqlmodel import select

from channels.forms import Action, AnswerKind, FormInput, IncomingFile, Screen
from core.clock import Clock
from core.database import Database
from core.languages import RELEASED
from reports.case_keys import key_context
from reports.contents import Report
from reports.desks import Duty, PassesOn, Statement
from reports.intake.service import Intake
from reports.models import Case, Desk, DeskKind, Officer
from reports.sealing import KeyPair, context, decrypt_model, open_sealed

CRIME = PassesOn(
    what=Duty.CRIME,
    law="Law 12, article 3",
    texts=dict.fromkeys(RELEASED, "It tells the prosecutor of a serious crime."),
)


type Told = dict[str, str | tuple[str, ...]]
"""What somebody answers, by step: words, or the values of choices."""


@dataclass
class OpenDesk:
    """A desk that takes reports, with the private keys that only its officers have."""

    id: str
    keys: KeyPair = field(repr=False)
    officers: dict[str, KeyPair] = field(repr=False)


async def open_desk(
    database: Database,
    clock: Clock,
    desk_id: str,
    *,
    kind: DeskKind = DeskKind.ASSOCIATION,
    places: tuple[str, ...] = ("it-bologna",),
    officers: tuple[str, ...] = ("Ada", "Bruno"),
    no_duty: bool = False,
    signed_in: bool = True,
) -> OpenDesk:
    """A desk as officers leave it when they have opened it; their passwords play no part in the intake."""
    keys = KeyPair.new()
    statement = Statement(
        controller=f"Controller of {desk_id}",
        data_protection_contact="privacy@desk.example",
        legal_basis="GDPR article 9(2)(a)",
        retention_days=365,
        answer_within_days=14,
        passes_on=[] if no_duty else [CRIME],
        no_duty=no_duty,
    )
    made = OpenDesk(desk_id, keys, {})
    async with database.session() as session:
        session.add(
            Desk(
                id=desk_id,
                name=f"Desk {desk_id}",
                kind=kind,
                places=list(places),
                languages=["it", "en"],
                statement=statement.model_dump(mode="json"),
                public_key=keys.public,
                recovery_public_key=b"recovery",
                recovery_sealed_key=b"recovery",
                created_at=clock.now(),
                opened_at=clock.now(),
                last_sign_in_at=clock.now() if signed_in else None,
            )
        )
        await session.flush()
        for name in officers:
            own = KeyPair.new()
            officer_id = secrets.token_hex(16)
            made.officers[name] = own
            session.add(
                Officer(
                    id=officer_id,
                    desk_id=desk_id,
                    login=f"{name}@{desk_id}",
                    name=name,
                    public_key=own.public,
                    sealed_desk_key=b"sealed",
                    joined_at=clock.now(),
                )
            )
        await session.commit()
    return made


async def read_reports(database: Database, desk: OpenDesk) -> list[Report]:
    """Every report of the desk, opened with the desk's key."""
    async with database.session() as session:
        cases = list(await session.exec(select(Case).where(Case.desk_id == desk.id)))
    return [read_report(case, desk.keys) for case in cases if case.desk_sealed_key is not None]


def read_report(case: Case, keys: KeyPair, sealed: bytes | None = None) -> Report:
    """One report, opened with the desk's key or with an officer's own."""
    sealed = sealed or case.desk_sealed_key
    assert sealed is not None
    key = open_sealed(keys, sealed, key_context(case.id))
    return decrypt_model(key, case.body, Report, context("case-body", case.id))


class Teller:
    """A person with one conversation. Presses carry the version of the screen that they stand on, as on a page."""

    def __init__(self, intake: Intake, key: str = "conversation-1", origin: str = "web", language: str = "en") -> None:
        self.intake = intake
        self.key = key
        self.origin = origin
        self.language = language
        self.asked: list[str] = []
        self._screen: Screen | None = None

    @property
    def screen(self) -> Screen:
        assert self._screen is not None
        return self._screen

    async def open(
        self,
        *,
        words: str | None = None,
        city: str | None = None,
        place: str | None = None,
        desk: str | None = None,
    ) -> Screen:
        return self._see(
            await self.intake.open(
                self.key, origin=self.origin, language=self.language, words=words, city=city, place=place, desk=desk
            )
        )

    async def choose(self, *values: str, text: str | None = None) -> Screen:
        return await self.act(Action.ANSWER, values=values, text=text)

    async def write(self, text: str) -> Screen:
        return await self.act(Action.ANSWER, text=text)

    async def type(self, text: str) -> Screen:
        """As in a chat: a message that knows nothing of screens."""
        return await self.give(FormInput(Action.ANSWER, text=text))

    async def attach(self, content: bytes, name: str = "photo.jpg") -> Screen:
        return await self.act(Action.ANSWER, file=IncomingFile(name, "image/jpeg", content))

    async def act(
        self,
        action: Action,
        *,
        values: tuple[str, ...] = (),
        text: str | None = None,
        file: IncomingFile | None = None,
        source: str | None = None,
    ) -> Screen:
        """Press something on the screen at hand."""
        screen = self.screen
        return await self.give(FormInput(action, screen.step, screen.version, values, text, file, source=source))

    async def give(self, given: FormInput) -> Screen:
        return self._see(await self.intake.take(self.key, given))

    async def walk(self, until: str, answers: Told | None = None) -> Screen:
        """Answer as told, else skip, else take the first choice, until a step is reached."""
        for _ in range(60):
            screen = self.screen
            if screen.step == until:
                return screen
            given = (answers or {}).get(screen.step)
            if isinstance(given, tuple):
                await self.choose(*given)
            elif isinstance(given, str):
                await self.write(given)
            elif screen.can_skip:
                await self.act(Action.SKIP)
            elif screen.kind in {AnswerKind.REVIEW, AnswerKind.FILES}:
                await self.act(Action.NEXT)
            elif screen.kind is AnswerKind.RECEIPT:
                await self.choose("kept")
            else:
                await self.choose(screen.choices[0].value)
            assert self.screen.error is None, (self.screen.step, self.screen.error)
        raise AssertionError(f"never came to {until}, but to {self.screen.step}")

    async def send(self, *, source: str | None = None) -> Screen:
        return await self.act(Action.SEND, source=source)

    def _see(self, screen: Screen) -> Screen:
        self._screen = screen
        self.asked.append(screen.step)
        return screen
