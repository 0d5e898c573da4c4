"""`icchub doctor`: looks at everything that the hub needs, and says what is missing or wrong and how to mend it."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from channels.base import ChannelUnavailableError
from channels.email.wiring import build_carrier
from cli.parity import list_missing
from cli.training import PYTHON, model_path
from cli.words import say
from conversation.assistant import RasaAssistant
from core.database import Database
from core.errors import ConfigurationError
from core.languages import LANGUAGES, RELEASED
from core.settings import PROJECT_ROOT, Settings
from core.texts import Texts
from core.translation.engine import Engine
from core.translation.errors import TranslationError
from core.translation.packages import list_installed
from knowledge.base import load_knowledge
from knowledge.errors import KnowledgeError
from migrations.run import current_revision, latest_revision
from subscriptions.tasks import check_broker

OLDEST_PYTHON = (3, 12)
LEAST_FREE_GIGABYTES = 2
PATIENCE = 5.0
"""Seconds to wait for another server."""


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    HINT = "hint"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    text: str

    @property
    def is_wrong(self) -> bool:
        return self.level is Level.WRONG

    def as_data(self) -> dict[str, object]:
        return asdict(self)


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything, in the order in which it should be mended."""
    findings = [*_machine(settings), *_secret(settings), *_knowledge()]
    findings += [finding async for finding in _assistant(settings)]
    findings += [finding async for finding in _database(settings)]
    findings += [finding async for finding in _messages(settings)]
    findings += [finding async for finding in _telegram(settings)]
    findings += [finding async for finding in _translation(settings)]
    findings += [finding async for finding in _running(settings)]
    return findings


def print_findings(findings: list[Finding], console: Console) -> None:
    """One line a finding."""
    colours = {Level.OK: "green", Level.HINT: "yellow", Level.WRONG: "red"}
    for finding in findings:
        label = say(f"doctor.{finding.level}")
        console.print(f"[{colours[finding.level]}]{label:6}[/] ", end="")
        console.print(finding.text, markup=False)


def _machine(settings: Settings) -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    is_new = sys.version_info >= OLDEST_PYTHON
    yield Finding(
        Level.OK if is_new else Level.WRONG, say("doctor.python" if is_new else "doctor.python_old", version=version)
    )
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    writable = os.access(folder, os.W_OK)
    key = "doctor.data_dir" if writable else "doctor.data_dir_wrong"
    yield Finding(Level.OK if writable else Level.WRONG, say(key, path=settings.data_dir))
    free = shutil.disk_usage(folder).free // 1_000_000_000
    enough = free >= LEAST_FREE_GIGABYTES
    key = "doctor.disk" if enough else "doctor.disk_wrong"
    yield Finding(Level.OK if enough else Level.WRONG, say(key, gigabytes=free, path=folder))


def _secret(settings: Settings) -> Iterator[Finding]:
    path = settings.data_dir / "secret_key"
    if settings.secret_key is None and not path.exists():
        yield Finding(Level.HINT, say("doctor.secret_missing"))
    elif settings.secret_key is None and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding(Level.WRONG, say("doctor.secret_open", path=path))
    else:
        yield Finding(Level.OK, say("doctor.secret"))


def _knowledge() -> Iterator[Finding]:
    try:
        base = load_knowledge()
    except KnowledgeError as error:
        count, first = len(error.problems), error.problems[0]
        yield Finding(Level.WRONG, say("doctor.knowledge_wrong", count=count, first=first))
        return
    yield Finding(Level.OK, say("doctor.knowledge", count=len(base.entries)))
    texts = Texts.load(PROJECT_ROOT / "locales", languages=RELEASED)
    for code in RELEASED:
        missing = list_missing(base, texts, code)
        key = "doctor.language_lacks" if missing else "doctor.language"
        level = Level.WRONG if missing else Level.OK
        yield Finding(level, say(key, language=LANGUAGES[code].own_name, count=len(missing)))


async def _assistant(settings: Settings) -> AsyncIterator[Finding]:
    if settings.assistant_url is not None:
        assistant = RasaAssistant(settings.assistant_url)
        answers = await assistant.is_ready()
        await assistant.close()
        key = "doctor.assistant_answers" if answers else "doctor.assistant_away"
        yield Finding(Level.OK if answers else Level.WRONG, say(key, address=settings.assistant_url))
        return
    installed = PYTHON.exists()
    key = "doctor.assistant_installed" if installed else "doctor.assistant_missing"
    yield Finding(Level.OK if installed else Level.WRONG, say(key))
    trained = model_path().exists()
    yield Finding(Level.OK if trained else Level.WRONG, say("doctor.model" if trained else "doctor.model_old"))


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    database = Database(settings.async_database_url)
    try:
        revision, latest = await current_revision(database), latest_revision()
        fits = revision == latest
        key = "doctor.database" if fits else "doctor.database_old"
        yield Finding(Level.OK if fits else Level.WRONG, say(key, revision=revision, latest=latest))
    except (SQLAlchemyError, OSError) as error:
        yield Finding(Level.WRONG, say("doctor.database_wrong", reason=type(error).__name__))
    finally:
        await database.close()


async def _messages(settings: Settings) -> AsyncIterator[Finding]:
    """What sending needs."""
    try:
        carrier = build_carrier(settings)
        if carrier is None:
            yield Finding(Level.HINT, say("doctor.mail_none"))
        else:
            await carrier.check()
            yield Finding(Level.OK, say("doctor.mail"))
    except ConfigurationError as error:
        yield Finding(Level.WRONG, say("doctor.mail_wrong", reason=error.values["reason"]))
    except ChannelUnavailableError as error:
        yield Finding(Level.WRONG, say("doctor.mail_away", reason=error))
    if settings.broker_url is not None:
        try:
            await check_broker(settings.broker_url.get_secret_value())
            yield Finding(Level.OK, say("doctor.broker"))
        except Exception as error:
            yield Finding(Level.WRONG, say("doctor.broker_wrong", reason=type(error).__name__))
    if settings.redis_url is not None:
        redis = Redis.from_url(settings.redis_url.get_secret_value(), socket_timeout=PATIENCE)
        try:
            await redis.ping()
            yield Finding(Level.OK, say("doctor.redis"))
        except (RedisError, OSError) as error:
            yield Finding(Level.WRONG, say("doctor.redis_wrong", reason=type(error).__name__))
        finally:
            await redis.aclose()


async def _telegram(settings: Settings) -> AsyncIterator[Finding]:
    """Whether Telegram knows the bot (getMe of the Bot API)."""
    if settings.telegram_token is None:
        yield Finding(Level.HINT, say("doctor.telegram_none"))
        return
    server = settings.telegram_api_url or "https://api.telegram.org"
    address = f"{server}/bot{settings.telegram_token.get_secret_value()}/getMe"
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        try:
            answer = await http.get(address)
            name = answer.raise_for_status().json()["result"]["username"]
        except httpx.HTTPStatusError as error:
            yield Finding(Level.WRONG, say("doctor.telegram_wrong", reason=error.response.status_code))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
            # Never its words: they hold the address, and that the token.
            yield Finding(Level.WRONG, say("doctor.telegram_wrong", reason=type(error).__name__))
        else:
            yield Finding(Level.OK, say("doctor.telegram", name=name))


async def _translation(settings: Settings) -> AsyncIterator[Finding]:
    packages = list_installed(settings.translation_dir)
    if not packages:
        yield Finding(Level.HINT, say("doctor.translation_none"))
        return
    engine = Engine(settings.translation_dir)
    try:
        await engine.check()
        yield Finding(Level.OK, say("doctor.translation", pairs=", ".join(package.pair for package in packages)))
    except TranslationError:
        yield Finding(Level.WRONG, say("doctor.translation_wrong"))
    finally:
        await engine.close()


async def _running(settings: Settings) -> AsyncIterator[Finding]:
    async with httpx.AsyncClient(timeout=2.0, trust_env=False) as http:
        try:
            answers = (await http.get(f"{settings.address}/health/live")).is_success
        except httpx.HTTPError:
            answers = False
    key = "doctor.hub" if answers else "doctor.hub_none"
    yield Finding(Level.OK if answers else Level.HINT, say(key, address=settings.address))
