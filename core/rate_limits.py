"""How often somebody may do something, counted once for all processes of the hub.

Where HUB_REDIS_URL is set, counts lie in Redis; else in this process. Neither writes to a disk, and each count goes
when its period is over. Who is counted is kept only as a salted hash: in a process under a salt that it made for
itself; in Redis under one that every process derives from the hub's secret key and the day. A salt that lay in Redis
would lie beside the hashes, and whoever copied both could try all addresses of the internet; this one is never there,
and yesterday's hashes mean nothing today. The price is that counts begin anew at midnight (UTC).

Nobody is refused because Redis is away: this process counts by itself then, and an event is logged.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from core.clock import Clock

log = logging.getLogger(__name__)

MOST_KEYS = 100_000
"""Of one rate, in one process; beyond it the oldest is forgotten first."""
PREFIX = "hub:rate:"
PATIENCE = 0.5
"""Seconds for an answer of Redis."""
LEFT_ALONE = 5.0
"""Seconds in which Redis is not asked after it failed."""
_ROUNDING = 0.01
"""Of one event: sums of fractions are not exact."""


@dataclass(frozen=True)
class Rate:
    """At most so many in a period. ``refills``: one comes back each ``period / most`` instead of all with their age."""

    name: str
    most: int
    period: timedelta
    refills: bool = False

    @property
    def seconds(self) -> float:
        return self.period.total_seconds()


def network_of(address: str) -> str:
    """What counts as one source: one subscriber has 2^64 addresses of IPv6. What is no address stays as it is."""
    return _network(address, ipv4=32, ipv6=64)


def neighbourhood_of(address: str) -> str:
    """What one customer of a network easily has: a whole site of IPv6, 256 addresses of IPv4."""
    return _network(address, ipv4=24, ipv6=48)


def _network(address: str, *, ipv4: int, ipv6: int) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    length = ipv6 if parsed.version == 6 else ipv4
    return str(ipaddress.ip_network((parsed, length), strict=False)) if length < parsed.max_prefixlen else address


type Counted = tuple[Rate, str]
"""A rate, and who or what is counted by it."""


class RateLimits(Protocol):
    """Counts of all rates."""

    async def take(self, *counted: Counted) -> float:
        """Count one event by each, all or none: 0 when each had room, else the seconds to wait."""
        ...

    async def give_back(self, *counted: Counted) -> None:
        """Take the last event of each away; where there is none, nothing happens."""
        ...

    async def count(self, rate: Rate, who: str) -> int:
        """Count one event even beyond ``rate.most``; how many there were in the period, this one among them."""
        ...

    async def close(self) -> None: ...


class RateLimitsInProcess:
    """For one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._salt = secrets.token_bytes(32)
        self._kept: dict[str, OrderedDict[bytes, deque[float]]] = {}

    async def take(self, *counted: Counted) -> float:
        """See ``RateLimits``."""
        now = self._clock.now().timestamp()
        found = [(rate, self._find(rate, who, now)) for rate, who in counted]
        wait = max(_wait(rate, times, now) for rate, times in found)
        if wait > 0:
            return wait
        for rate, times in found:
            _add(rate, times, now)
        return 0

    async def give_back(self, *counted: Counted) -> None:
        """See ``RateLimits``."""
        now = self._clock.now().timestamp()
        for rate, who in counted:
            times = self._find(rate, who, now)
            if rate.refills and times:
                times[0] -= rate.seconds / rate.most
            elif times:
                times.pop()

    async def count(self, rate: Rate, who: str) -> int:
        """See ``RateLimits``."""
        times = self._find(rate, who, now := self._clock.now().timestamp())
        times.append(now)
        return len(times)

    async def close(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def _find(self, rate: Rate, who: str, now: float) -> deque[float]:
        """What counts of somebody: moments, or for a rate that refills the one when it will be full again."""
        all_of_it = self._kept.setdefault(rate.name, OrderedDict())
        times = all_of_it.setdefault(_hash(self._salt, rate, who), deque())
        all_of_it.move_to_end(_hash(self._salt, rate, who))
        _forget(rate, times, now)
        while len(all_of_it) > MOST_KEYS:
            all_of_it.popitem(last=False)
        # The first was used longest ago; nobody is kept for more than a period without an event.
        while all_of_it and (first := next(iter(all_of_it.values()))) is not times:
            _forget(rate, first, now)
            if first:
                break
            all_of_it.popitem(last=False)
        return times


def _forget(rate: Rate, times: deque[float], now: float) -> None:
    until = now if rate.refills else now - rate.seconds
    while times and times[0] <= until:
        times.popleft()


def _wait(rate: Rate, times: deque[float], now: float) -> float:
    if not rate.refills:
        return times[-rate.most] + rate.seconds - now if len(times) >= rate.most else 0
    one = rate.seconds / rate.most
    wait = (times[0] if times else now) + one - now - rate.seconds
    return wait if wait > one * _ROUNDING else 0


def _add(rate: Rate, times: deque[float], now: float) -> None:
    if not rate.refills:
        times.append(now)
        return
    full_at = (times.pop() if times else now) + rate.seconds / rate.most
    times.append(full_at)


def _hash(salt: bytes, rate: Rate, who: str) -> bytes:
    return hashlib.blake2b(f"{rate.name}\0{who}".encode(), digest_size=16, key=salt).digest()


_TAKE = """
local now, unique, longest = tonumber(ARGV[1]), ARGV[2], 0
for i, key in ipairs(KEYS) do
    local most, period, refills = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), ARGV[3 * i + 2] == '1'
    local wait = 0
    if refills then
        local one = period / most
        wait = math.max(tonumber(redis.call('GET', key) or now), now) + one - now - period
        if wait <= one * tonumber(ARGV[#ARGV]) then wait = 0 end
    else
        redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.6f', now - period))
        local held = redis.call('ZCARD', key)
        if held >= most then
            local first = redis.call('ZRANGE', key, held - most, held - most, 'WITHSCORES')
            wait = tonumber(first[2]) + period - now
        end
    end
    longest = math.max(longest, wait)
end
if longest > 0 then return string.format('%.6f', longest) end
for i, key in ipairs(KEYS) do
    local most, period, refills = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), ARGV[3 * i + 2] == '1'
    if refills then
        local full = math.max(tonumber(redis.call('GET', key) or now), now) + period / most
        redis.call('SET', key, string.format('%.6f', full), 'EX', math.ceil(period))
    else
        redis.call('ZADD', key, string.format('%.6f', now), unique)
        redis.call('EXPIRE', key, math.ceil(period))
    end
end
return '0'
"""
_GIVE_BACK = """
for i, key in ipairs(KEYS) do
    local most, period, refills = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), ARGV[3 * i + 2] == '1'
    if not refills then
        redis.call('ZPOPMAX', key)
    elseif redis.call('EXISTS', key) == 1 then
        local full = tonumber(redis.call('GET', key)) - period / most
        redis.call('SET', key, string.format('%.6f', full), 'EX', math.ceil(period))
    end
end
return '0'
"""
_COUNT = """
local now, period = tonumber(ARGV[1]), tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.6f', now - period))
redis.call('ZADD', KEYS[1], string.format('%.6f', now), ARGV[2])
redis.call('EXPIRE', KEYS[1], math.ceil(period))
return tostring(redis.call('ZCARD', KEYS[1]))
"""


class RateLimitsInRedis:
    """Shared by every process that knows the same Redis and the same secret key; each call is one atomic step there."""

    def __init__(self, url: str, *, secret_key: str, clock: Clock) -> None:
        # One more try at once, for a connection that Redis closed when it was started anew.
        self._redis = Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 1)
        )
        self._secret = secret_key.encode()
        self._clock = clock
        self._alone = RateLimitsInProcess(clock)
        self._asked_again_at = 0.0

    async def take(self, *counted: Counted) -> float:
        """See ``RateLimits``."""
        return await self._ask(_TAKE, counted, lambda: self._alone.take(*counted))

    async def give_back(self, *counted: Counted) -> None:
        """See ``RateLimits``."""

        async def alone() -> float:
            await self._alone.give_back(*counted)
            return 0

        await self._ask(_GIVE_BACK, counted, alone)

    async def count(self, rate: Rate, who: str) -> int:
        """See ``RateLimits``."""
        return int(await self._ask(_COUNT, ((rate, who),), lambda: self._alone.count(rate, who)))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _ask(self, script: str, counted: tuple[Counted, ...], alone: Callable[[], Awaitable[float]]) -> float:
        if time.monotonic() < self._asked_again_at:
            return await alone()
        now = self._clock.now()
        salt = hmac.new(self._secret, f"rate-limits:{now.date().isoformat()}".encode(), "sha256").digest()
        keys = [f"{PREFIX}{rate.name}:{_hash(salt, rate, who).hex()}" for rate, who in counted]
        rates = [part for rate, _ in counted for part in (rate.most, rate.seconds, int(rate.refills))]
        parts = [f"{now.timestamp():.6f}", secrets.token_hex(8), *map(str, rates), str(_ROUNDING)]
        try:
            # In full each time: a few hundred bytes, and nothing to load again when Redis was started anew.
            answer = await self._redis.eval(script, len(keys), *keys, *parts)
        except (RedisError, OSError) as error:
            log.warning("rate_limits_redis_away error=%s", type(error).__name__)
            self._asked_again_at = time.monotonic() + LEFT_ALONE
            return await alone()
        return float(answer)
