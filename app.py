"""The wiring: the only place that knows every part and hands each what it needs."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from starlette.routing import BaseRoute

from bot.actions.registry import action_for, run_action
from bot.actions.turn import Turn
from channels.base import DeliveryChannel, ReadyChat
from channels.email.layout import Layout
from channels.email.message import MailSender
from channels.email.outbox import expire_outbox
from channels.email.wiring import build_bounces, build_calendar_answers, build_mail
from channels.telegram.markup import render_chat
from conversation.assistant import Assistant, RasaAssistant, internal_token
from conversation.coming_events import ComingEvents
from conversation.counting import expire
from conversation.for_channels import HubForChannels
from conversation.handoffs import expire_handoffs
from conversation.memory import LanguagesInProcess, LanguagesInRedis
from conversation.own_city import OwnCity
from conversation.replies import Wording
from conversation.service import Conversations
from conversation.wishes.lexicon import Lexicon
from conversation.wishes.memory import PendingInProcess, PendingInRedis
from conversation.wishes.reading import WishReader
from conversation.wishes.screens import TelegramPreferences
from conversation.wishes.talk import PreferencesTalk
from conversation.wishes.telling import Teller
from conversation.written import WrittenAnswers
from core.clock import Clock, SystemClock
from core.database import Database
from core.duties import Duty, Scheduler
from core.languages import RELEASED, warm_up
from core.rate_limits import RateLimits, RateLimitsInProcess, RateLimitsInRedis
from core.settings import PROJECT_ROOT, Settings
from core.texts import Texts
from core.translation.translator import Translator as MachineTranslator
from identity.operator_session import expire_operator_sessions
from identity.operators import expire_acts
from identity.throttle import Throttle
from knowledge.base import load_knowledge
from knowledge.corrections import LiveCorrections
from knowledge.keywords import Keywords
from knowledge.names import names_between
from knowledge.places import Gazetteer
from knowledge.service_search import ServiceSearch
from knowledge.written.live import LiveAnswers
from knowledge.written.matching import ExampleQuestions
from knowledge.written.service import expire_settled
from reports.audit import expire_trail
from reports.intake.deadlines import Deadlines
from reports.intake.service import Intake
from reports.jobs import delete_expired
from reports.returning import CaseDoor
from subscriptions.broadcasts.machine import MachineDrafting
from subscriptions.broadcasts.workshop import Workshop
from subscriptions.calendar_answers import note_calendar_answers
from subscriptions.composing import HubComposer, Invitations
from subscriptions.duties import list_subscriber_duties
from subscriptions.event_jobs import look_after_events
from subscriptions.event_notices import EventNotices
from subscriptions.event_presses import EventPresses
from subscriptions.links import Links
from subscriptions.models import ChannelName
from subscriptions.office import PostOffice
from subscriptions.topics import load_topics
from web import (
    api,
    catalogue,
    chat,
    desk,
    event_answers,
    events,
    health,
    information,
    internal,
    message_links,
    observatory,
    pages,
    preferences,
    report,
    report_desk,
    report_return,
)
from web import (
    office as back_office,
)
from web.limits import BodyLimit, MessageLimits, WithoutNul
from web.problems import NOT_FOUND, Problems, register_problem_handlers
from web.security import SecurityHeaders
from web.state import Hub

if TYPE_CHECKING:
    from channels.telegram.limiter import Limits
    from channels.telegram.runner import TelegramRunner, Timing

log = logging.getLogger(__name__)


def build_wording(settings: Settings) -> Wording:
    """The texts, the knowledge base and the searches over it. Raises KnowledgeError when a file is broken."""
    base = load_knowledge()
    gazetteer = Gazetteer.load(base)
    keywords = Keywords.load()
    services = ServiceSearch.load(base, gazetteer, keywords)
    texts, topics = Texts.load(PROJECT_ROOT / "locales"), load_topics().facts
    wishes = WishReader({code: Lexicon.load(code, texts, topics) for code in RELEASED})
    return Wording(texts, base, gazetteer, services, keywords, wishes, settings)


def build_hub(
    settings: Settings,
    *,
    clock: Clock | None = None,
    assistant: Assistant | None = None,
    wording: Wording | None = None,
) -> Hub:
    """All parts of one hub process, wired."""
    clock = clock or SystemClock()
    secret_key = settings.load_secret_key()
    links = Links(secret_key)
    wording = wording or build_wording(settings)
    database = Database(settings.async_database_url)
    assistant = assistant or RasaAssistant(settings.assistant_url or "http://127.0.0.1:5005")

    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    languages = LanguagesInRedis(redis_url) if redis_url else LanguagesInProcess()
    rates = build_rates(settings, clock)

    def without_assistant(rasa_text: str, metadata: dict[str, Any]) -> dict[str, Any]:
        name, tracker = action_for(rasa_text, metadata)
        turn = Turn.from_tracker(tracker, wording=wording, today=clock.now().date())
        message: dict[str, Any] = run_action(name, turn).as_rasa(turn)["responses"][0]["custom"]
        return message

    def build_talk() -> PreferencesTalk:
        topics = load_topics()
        url = f"{settings.public_url or settings.address}/preferences"
        return PreferencesTalk(
            reader=wording.wishes,
            teller=Teller(wording.texts, url),
            memory=PendingInRedis(redis_url) if redis_url else PendingInProcess(),
            database=database,
            clock=clock,
            topics=topics,
            links=links,
        )

    talk = build_talk()
    machine = build_translator(settings, clock, wording)
    questions = ExampleQuestions(wording.base, wording.gazetteer)
    conversations = Conversations(
        wording=wording,
        assistant=assistant,
        database=database,
        clock=clock,
        secret_key=secret_key,
        without_assistant=without_assistant,
        languages=languages,
        preferences=talk,
        own_city=OwnCity(
            texts=wording.texts,
            gazetteer=wording.gazetteer,
            database=database,
            clock=clock,
            public_url=settings.public_url or settings.address,
            events=ComingEvents(
                wording=wording,
                database=database,
                clock=clock,
                public_url=settings.public_url or settings.address,
            ),
        ),
        written=WrittenAnswers(wording, questions, machine.translate_plain),
    )
    deadlines = Deadlines.load(wording.base, wording.texts)
    intake, door = build_reports(settings, database, clock, wording, deadlines, rates=rates)
    return Hub(
        settings=settings,
        database=database,
        clock=clock,
        wording=wording,
        assistant=assistant,
        conversations=conversations,
        talk=talk,
        limits=MessageLimits(settings.trusted_proxy_addresses, rates),
        rates=rates,
        internal_token=internal_token(settings),
        links=links,
        throttle=Throttle(secret_key, clock),
        form=intake,
        cases=door,
        deadlines=deadlines.notes,
        legal_day=deadlines.last_day,
        corrections=LiveCorrections(wording.base, wording.services),
        answers=LiveAnswers(wording.base, questions),
        machine=machine,
        translator=machine.translate_plain,
    )


def build_rates(settings: Settings, clock: Clock) -> RateLimits:
    """What counts how often somebody does something: in Redis where it is there, else in this process."""
    if settings.redis_url is None:
        return RateLimitsInProcess(clock)
    return RateLimitsInRedis(settings.redis_url.get_secret_value(), secret_key=settings.load_secret_key(), clock=clock)


def shared_rates(hub: Hub) -> RateLimits | None:
    """What counts over all processes; None where there is only this one."""
    return hub.rates if hub.settings.redis_url is not None else None


def build_translator(settings: Settings, clock: Clock, wording: Wording) -> MachineTranslator:
    """Machine translation by the packages that are installed, if any."""
    names = names_between(wording.base, wording.gazetteer)
    return MachineTranslator(settings.translation_dir, clock=clock, names=names)


def build_reports(
    settings: Settings,
    database: Database,
    clock: Clock,
    wording: Wording,
    deadlines: Deadlines,
    *,
    rates: RateLimits | None = None,
) -> tuple[Intake, CaseDoor]:
    """The guided report, and coming back to it."""
    intake = Intake(
        database=database,
        clock=clock,
        secret_key=settings.load_secret_key(),
        texts=wording.texts,
        base=wording.base,
        gazetteer=wording.gazetteer,
        service_search=wording.services,
        service_words=wording,
        deadlines=deadlines,
        # Without a public address, only this machine could open it.
        web_form=f"{settings.public_url}/report" if settings.public_url else None,
        limits=rates,
    )
    return intake, CaseDoor(database, clock, wording.texts, limits=rates, deadlines=deadlines.notes)


def build_composer(hub: Hub, *, invitations: Invitations | None = None) -> HubComposer:
    """What writes the hub's messages; ``invitations`` writes their calendar entries."""
    settings, gazetteer = hub.settings, hub.wording.gazetteer
    sender = MailSender.parse(settings.mail_from).address if settings.mail_from else ""

    def place_name(place_id: str, language: str) -> str:
        place = gazetteer.get(place_id)
        return gazetteer.name(place, language) if place else place_id

    return HubComposer(
        texts=hub.wording.texts,
        links=hub.links,
        clock=hub.clock,
        layout=Layout(),
        public_url=settings.public_url or settings.address,
        team_address=settings.team_address or sender,
        place_name=place_name,
        invitations=invitations or events.calendar_entries(hub),
    )


def build_workshop(hub: Hub, *, telegram: TelegramRunner | None = None) -> Workshop:
    """What the team writes messages with. Its composer is its own, so that previews do not crowd out what is sent."""
    public_url = hub.settings.public_url

    def chat_parts(message: ReadyChat) -> list[str]:
        return [part.html for part in render_chat(message, public_url=public_url)]

    return Workshop(
        topics=load_topics(),
        cities=hub.wording.base.cities,
        composer=build_composer(hub),
        clock=hub.clock,
        mail=hub.mail,
        chat=telegram.deliver_through(public_url=public_url) if telegram is not None else None,
        chat_parts=chat_parts,
        drafting=MachineDrafting(hub.machine) if hub.machine is not None else None,
    )


def build_office(hub: Hub, *, telegram: TelegramRunner | None = None, is_worker: bool = False) -> PostOffice:
    """What sends messages. ``telegram`` is this process's part of that channel; a worker has one for sending only."""
    settings = hub.settings
    channels: dict[str, DeliveryChannel[Any]] = {
        ChannelName.EMAIL: build_mail(settings, hub.database, hub.clock),
    }
    if telegram is not None:
        channels[ChannelName.TELEGRAM] = telegram.deliver_through(public_url=settings.public_url)
    elif settings.telegram_token is not None:
        from channels.telegram.wiring import build_delivery

        channels[ChannelName.TELEGRAM] = build_delivery(
            token=settings.telegram_token.get_secret_value(),
            api_url=settings.telegram_api_url,
            public_url=settings.public_url,
            database=hub.database,
            clock=hub.clock,
            shared=shared_rates(hub),
        )
    return PostOffice(
        hub.database,
        hub.clock,
        topics=load_topics(),
        composer=build_composer(hub),
        channels=channels,
        broker_url=settings.broker_url.get_secret_value() if settings.broker_url else None,
        is_worker=is_worker,
        bounces=build_bounces(settings),
    )


def build_telegram(hub: Hub, *, timing: Timing | None = None, limits: Limits | None = None) -> TelegramRunner | None:
    """The Telegram channel, or None without a token. Only then is python-telegram-bot loaded."""
    settings = hub.settings
    if settings.telegram_token is None:
        return None
    if settings.public_url is None:
        log.warning("telegram_without_public_url")
    from channels.telegram.wiring import build_runner

    return build_runner(
        token=settings.telegram_token.get_secret_value(),
        api_url=settings.telegram_api_url,
        webhook_url=settings.telegram_webhook_url,
        webhook_secret=telegram_secret(settings),
        public_url=settings.public_url,
        hub=HubForChannels(hub.conversations, hub.database, hub.clock),
        database=hub.database,
        clock=hub.clock,
        texts=hub.wording.texts,
        form=hub.form,
        cases=hub.cases,
        events=EventPresses(
            hub.database,
            hub.clock,
            texts=hub.wording.texts,
            links=hub.links,
            public_url=settings.public_url or settings.address,
        ),
        screens=TelegramPreferences(hub.talk) if hub.talk is not None else None,
        timing=timing,
        limits=limits,
        rates=hub.rates,
        shared=shared_rates(hub),
    )


def telegram_secret(settings: Settings) -> str:
    """What Telegram shows with each update that it sends: an HMAC-SHA256 (RFC 2104)."""
    return hmac.new(settings.load_secret_key().encode(), b"telegram-webhook", "sha256").hexdigest()


def list_duties(hub: Hub) -> list[Duty]:
    """What one of the hub's processes does again and again: what is due for subscribers, and deleting what is past."""

    async def expire_conversations() -> None:
        async with hub.database.session() as session:
            log.info("conversations_expired %s", await expire(session, hub.clock))
            log.info("handoffs_expired count=%s", await expire_handoffs(session, hub.clock))
            log.info("settled_questions_expired count=%s", await expire_settled(session, hub.clock))

    async def expire_reports() -> None:
        async with hub.database.session() as session:
            log.info("reports_expired %s", await delete_expired(session, hub.clock, throttle=hub.throttle))

    async def expire_trails() -> None:
        async with hub.database.session() as session:
            log.info("trails_expired %s", await expire_trail(session, hub.clock))

    async def look_after_all_events() -> None:
        async with hub.database.session() as session:
            notices = EventNotices(hub.wording.texts)
            log.info("events_looked_after %s", await look_after_events(session, notices, clock=hub.clock))

    async def expire_office() -> None:
        async with hub.database.session() as session:
            log.info("operator_sessions_expired count=%s", await expire_operator_sessions(session, clock=hub.clock))
            log.info("operator_acts_expired count=%s", await expire_acts(session, clock=hub.clock))

    async def expire_mail() -> None:
        async with hub.database.session() as session:
            log.info("outbox_expired count=%s", await expire_outbox(session, hub.clock))

    calendars = build_calendar_answers(hub.settings)

    async def note_answers() -> None:
        assert calendars is not None
        counted = await note_calendar_answers(hub.database, calendars, links=hub.links, clock=hub.clock)
        log.info("calendar_answers_noted count=%s", counted)

    return [
        *([Duty("calendar_answers", timedelta(minutes=1), note_answers)] if calendars is not None else []),
        Duty("expire_mail", timedelta(hours=1), expire_mail),
        Duty("expire_office", timedelta(hours=1), expire_office),
        Duty("expire_conversations", timedelta(hours=1), expire_conversations),
        Duty("expire_trails", timedelta(hours=1), expire_trails),
        Duty("look_after_events", timedelta(minutes=1), look_after_all_events),
        # A draft is kept for 24 hours at most, and these minutes.
        Duty("expire_reports", timedelta(minutes=5), expire_reports),
        *list_subscriber_duties(hub.database, topics=load_topics(), texts=hub.wording.texts, clock=hub.clock),
    ]


@cache
def list_routes() -> list[BaseRoute]:
    """The routes of every page and endpoint. They know no hub, so all apps of a process share them: FastAPI works each
    route out at the first request, which takes longer than the request.
    """
    router = APIRouter()
    for part in (
        api,
        internal,
        health,
        chat,
        catalogue,
        information,
        message_links,
        event_answers,
        events,
        preferences,
        report,
        report_return,
        report_desk,
        observatory,
        desk,
        back_office,
    ):
        router.include_router(part.router)
    return router.routes


def build_app(settings: Settings | None = None, *, hub: Hub | None = None) -> FastAPI:
    """The web application of one hub process."""
    settings = settings or Settings()
    hub = hub or build_hub(settings)
    hub = replace(hub, mail=build_mail(settings, hub.database, hub.clock))
    telegram = build_telegram(hub)
    if telegram is not None:
        hub = replace(hub, notify=telegram.notify, telegram_name=telegram.find_name)
    hub = replace(hub, workshop=build_workshop(hub, telegram=telegram))
    office = build_office(hub, telegram=telegram)
    duties = Scheduler(hub.database, hub.clock, [*list_duties(hub), *office.duties()])

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warm_up()
        office.start()
        duties.start()
        followed = [live for live in (hub.corrections, hub.answers) if live is not None]
        watching = [asyncio.create_task(live.watch(hub.database)) for live in followed]
        if telegram is not None:
            telegram.start()
        try:
            yield
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            await asyncio.gather(duties.stop(), office.stop())
            if hub.mail is not None:
                await hub.mail.close()
            if telegram is not None:
                await telegram.stop()
            if hub.machine is not None:
                await hub.machine.close()
            await hub.conversations.close()
            await hub.rates.close()
            if isinstance(hub.assistant, RasaAssistant):
                await hub.assistant.close()
            await hub.database.close()

    app = FastAPI(
        title="ICC Hub",
        version="1",
        lifespan=lifespan,
        routes=list_routes(),
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.hub = hub
    problems = Problems(hub.wording.texts, page_of=lambda request: pages.get_page(request, hub))
    register_problem_handlers(app, problems)

    def refuse(request: Request) -> Response:
        return problems.answer(request, 413, "body_too_large")

    def find_nothing(request: Request) -> Response:
        return problems.answer(request, 404, NOT_FOUND)

    app.add_middleware(BodyLimit, refuse=refuse)
    app.add_middleware(WithoutNul, refuse=find_nothing)
    app.add_middleware(SecurityHeaders, embed_origins=settings.embed_origin_list)
    if telegram is not None and settings.telegram_webhook_url:
        from web import telegram_webhook

        app.include_router(telegram_webhook.build_router(telegram.receive, secret=telegram_secret(settings)))
    chat.mount_static(app)
    return app
