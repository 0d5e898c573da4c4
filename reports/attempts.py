"""Limits of wrong receipts: enough for somebody who mistypes, far too few to find a code by trying.

Who tries is known only as a hash under a salt that this process made for itself, for an hour after the last attempt.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import Clock
from reports.errors import TooManyAttemptsError

FOR_ONE = 10
"""Wrong codes in a row from one source; after them one more each six minutes."""
FOR_ALL = 6000
"""Wrong codes an hour from everybody together, in one process."""
PERIOD = timedelta(hours=1)
MOST_SOURCES = 100_000


@dataclass
class _Bucket:
    left: float
    at: datetime


class Attempts:
    """Two levels of buckets that refill evenly. Only wrong codes are counted."""

    def __init__(self, clock: Clock, *, for_one: int = FOR_ONE, for_all: int = FOR_ALL) -> None:
        self._clock = clock
        self._for_one, self._for_all = for_one, for_all
        self._all = _Bucket(for_all, clock.now())
        self._sources: OrderedDict[bytes, _Bucket] = OrderedDict()
        self._salt = secrets.token_bytes(16)

    def begin(self, source: str) -> None:
        """Count an attempt as wrong until ``succeed`` takes it back. Raises TooManyAttemptsError."""
        now = self._clock.now()
        one = self._bucket(source, now)
        for bucket, size in ((one, self._for_one), (self._all, self._for_all)):
            _refill(bucket, size, now)
            if bucket.left < 1:
                wait = (1 - bucket.left) * PERIOD.total_seconds() / size
                raise TooManyAttemptsError(seconds=int(wait) + 1)
        one.left -= 1
        self._all.left -= 1

    def succeed(self, source: str) -> None:
        """Give the attempt back."""
        now = self._clock.now()
        one = self._bucket(source, now)
        _refill(one, self._for_one, now)
        one.left = min(one.left + 1, self._for_one)
        self._all.left = min(self._all.left + 1, self._for_all)

    def forget(self) -> None:
        """Drop sources that have not tried for an hour; their buckets are full again by then."""
        now = self._clock.now()
        while self._sources and (
            now - next(iter(self._sources.values())).at >= PERIOD or len(self._sources) > MOST_SOURCES
        ):
            self._sources.popitem(last=False)

    def _bucket(self, source: str, now: datetime) -> _Bucket:
        self.forget()
        key = hashlib.blake2b(_network(source).encode(), digest_size=16, salt=self._salt).digest()
        bucket = self._sources.setdefault(key, _Bucket(self._for_one, now))
        self._sources.move_to_end(key)
        return bucket


def _refill(bucket: _Bucket, size: int, now: datetime) -> None:
    gained = (now - bucket.at) / PERIOD * size
    bucket.left, bucket.at = min(size, bucket.left + gained), now


def _network(source: str) -> str:
    """One subscriber has 2^64 IPv6 addresses."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else source
