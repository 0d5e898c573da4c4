"""The task engine (taskiq): tasks carry ids of deliveries, and nothing else is kept in the broker.

Without HUB_BROKER_URL tasks run in the hub's own process; with Redis (streams) or AMQP behind it, in workers. The
broker is a messenger: a task that it loses is told again, one that comes twice finds nothing left to do. That is why
tasks are acknowledged when they arrive. docs/decisions/0007-delivery.md says why, and what was measured.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from redis.asyncio import Redis
from taskiq import AsyncBroker, InMemoryBroker
from taskiq.acks import AcknowledgeType
from taskiq.receiver import Receiver
from taskiq_redis import RedisStreamBroker

from core.errors import ConfigurationError

log = logging.getLogger(__name__)

TASK = "send_deliveries"
QUEUE = "icchub-deliveries-{channel}"
"""One for each channel, so that a slow one holds up no other."""
MOST_TASKS_KEPT = 10_000
"""In the stream, which forgets nothing by itself. A task that it drops is told again."""
FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0

type Send = Callable[[Sequence[str]], Awaitable[None]]


class DeliveryTasks:
    """Tells workers what to send, and does what it is told when this process is one."""

    def __init__(self, broker: AsyncBroker, send: Send | None = None) -> None:
        """``send`` is absent in a process that only tells others."""

        async def run(ids: list[str]) -> None:
            assert send is not None, "this process sends nothing"
            await send(ids)

        self._broker = broker
        self._task = broker.register_task(run, task_name=TASK)
        self._finish = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._is_started = False

    @property
    def is_in_process(self) -> bool:
        """Whether tasks run here."""
        return isinstance(self._broker, InMemoryBroker)

    async def tell(self, ids: Sequence[str]) -> None:
        """Have these deliveries sent. Raises what the broker raises when it is away."""
        if not self._is_started:
            await self._broker.startup()
            self._is_started = True
        await self._task.kiq(list(ids))

    def listen(self, *, at_once: int) -> None:
        """Begin to take tasks, ``at_once`` at a time; returns at once. In process there is nothing to listen to."""
        if not self.is_in_process:
            self._broker.is_worker_process = True
            self._listening = asyncio.create_task(self._listen(at_once))

    async def stop(self, patience: float) -> None:
        """Take no more tasks, let those that run end, and let go of the broker."""
        self._finish.set()
        if self._listening is not None:
            with suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(self._listening, patience)
        if isinstance(self._broker, InMemoryBroker):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._broker.wait_all(), patience)
        with suppress(Exception):
            await self._broker.shutdown()

    async def _listen(self, at_once: int) -> None:
        """Also when the broker goes away and comes back with nothing in it."""
        wait = FIRST_WAIT
        with ThreadPoolExecutor(max_workers=1) as executor:
            while not self._finish.is_set():
                begun = asyncio.get_running_loop().time()
                try:
                    # Makes the queue, which a broker that was restarted has forgotten.
                    await self._broker.startup()
                    await self._receiver(executor, at_once).listen(self._finish)
                except Exception as error:
                    log.warning("broker_away error=%s", _kind_of(error))
                if asyncio.get_running_loop().time() - begun > LONGEST_WAIT:
                    wait = FIRST_WAIT
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._finish.wait(), wait)
                wait = min(wait * 2, LONGEST_WAIT)

    def _receiver(self, executor: ThreadPoolExecutor, at_once: int) -> Receiver:
        return Receiver(
            broker=self._broker,
            executor=executor,
            max_async_tasks=at_once,
            max_prefetch=0,
            run_startup=False,
            ack_type=AcknowledgeType.WHEN_RECEIVED,
        )


def build_broker(url: str | None, channel: str) -> AsyncBroker:
    """The broker that HUB_BROKER_URL names, not yet connected. Raises ConfigurationError."""
    queue = QUEUE.format(channel=channel)
    if url is None:
        return InMemoryBroker(max_stored_results=1)
    scheme = url.partition("://")[0]
    if scheme in {"redis", "rediss"}:
        return RedisStreamBroker(
            url,
            queue_name=queue,
            consumer_group_name=queue,
            # Also what was told before the first worker came.
            consumer_id="0",
            maxlen=MOST_TASKS_KEPT,
            # One at a time, so that the other workers get their share.
            xread_count=1,
            xread_block=1000,
            # A worker that died while it looked for lost tasks would keep all others from it for ever.
            unacknowledged_lock_timeout=30.0,
        )
    if scheme in {"amqp", "amqps"}:
        return _amqp_broker(url, queue)
    raise ConfigurationError(reason="HUB_BROKER_URL begins with neither redis:// nor amqp://")


def _amqp_broker(url: str, queue: str) -> AsyncBroker:
    try:
        module = importlib.import_module("taskiq_aio_pika")
    except ImportError:
        raise ConfigurationError(reason="for amqp:// in HUB_BROKER_URL, install taskiq-aio-pika") from None
    broker: AsyncBroker = module.AioPikaBroker(url, queue_name=queue, qos=1)
    return broker


async def check_broker(url: str) -> None:
    """Raises whatever the broker raises when it does not answer; ConfigurationError when there is no such broker."""
    broker = build_broker(url, "check")
    try:
        async with asyncio.timeout(5):
            if isinstance(broker, RedisStreamBroker):
                async with Redis(connection_pool=broker.connection_pool) as redis:
                    await redis.ping()
            else:
                await broker.startup()
    finally:
        with suppress(Exception):
            await broker.shutdown()


def _kind_of(error: BaseException) -> str:
    """The innermost kind: task groups wrap what happened."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return type(error).__name__
