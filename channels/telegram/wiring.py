"""Builds the channel from its parts; called by app.py when there is a token."""

from __future__ import annotations

from channels.forms import CaseReturn, GuidedForm
from channels.telegram.bot import TelegramBot
from channels.telegram.case import ReturnFlow
from channels.telegram.channel import TelegramChannel
from channels.telegram.contract import HubSide, PreferenceScreens
from channels.telegram.delivery import TelegramDelivery
from channels.telegram.events import EventAnswers, EventFlow
from channels.telegram.form import FormFlow
from channels.telegram.form_state import FormState
from channels.telegram.limiter import Limits, TelegramLimiter
from channels.telegram.preferences import PreferencesFlow
from channels.telegram.runner import TelegramRunner, Timing
from channels.telegram.speaking import Speaker
from channels.telegram.state import TelegramState
from channels.telegram.tidying import Tidying
from core.clock import Clock
from core.database import Database
from core.rate_limits import RateLimits, RateLimitsInProcess
from core.texts import Texts


def build_runner(
    *,
    token: str,
    api_url: str | None,
    webhook_url: str | None,
    webhook_secret: str,
    public_url: str | None,
    hub: HubSide,
    database: Database,
    clock: Clock,
    texts: Texts,
    form: GuidedForm | None = None,
    cases: CaseReturn | None = None,
    events: EventAnswers | None = None,
    screens: PreferenceScreens | None = None,
    timing: Timing | None = None,
    limits: Limits | None = None,
    rates: RateLimits | None = None,
    shared: RateLimits | None = None,
) -> TelegramRunner:
    """One process's part of the channel. Without ``form`` or ``cases``, it says that reports are not open.

    ``limits`` bound what goes out, ``rates`` what comes in; ``shared`` counts what goes out of all processes.
    """
    bot = TelegramBot(token, api_url=api_url, limiter=TelegramLimiter(limits, shared=shared))
    state, form_state = TelegramState(database, clock), FormState(database, clock)
    speaker = Speaker(bot=bot, texts=texts, state=state, public_url=public_url)
    tidying = Tidying(bot, form_state)
    flow = returns = preferences = None
    if form is not None:
        flow = FormFlow(form=form, bot=bot, speaker=speaker, state=form_state, tidying=tidying, clock=clock)
    if cases is not None:
        returns = ReturnFlow(cases=cases, bot=bot, speaker=speaker, state=form_state, tidying=tidying, clock=clock)
    if screens is not None:
        preferences = PreferencesFlow(screens=screens, bot=bot, speaker=speaker, state=state)
    channel = TelegramChannel(
        bot=bot,
        hub=hub,
        texts=texts,
        state=state,
        speaker=speaker,
        clock=clock,
        rates=rates or RateLimitsInProcess(clock),
        form=flow,
        returns=returns,
        events=EventFlow(answers=events, speaker=speaker) if events is not None else None,
        preferences=preferences,
    )
    return TelegramRunner(
        bot=bot,
        channel=channel,
        hub=hub,
        state=state,
        form_state=form_state,
        texts=texts,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        timing=timing,
    )


def build_delivery(
    *,
    token: str,
    api_url: str | None,
    public_url: str | None,
    database: Database,
    clock: Clock,
    limits: Limits | None = None,
    shared: RateLimits | None = None,
) -> TelegramDelivery:
    """What sends messages to subscribers, in a process that has no other part of the channel (a worker)."""
    bot = TelegramBot(token, api_url=api_url, limiter=TelegramLimiter(limits, shared=shared))
    return TelegramDelivery(bot, TelegramState(database, clock), public_url=public_url, owns_bot=True)
