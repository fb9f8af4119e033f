"""How often each key may ask: a bucket of tokens for each, which fills again as time passes."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from perdure.base.clock import Clock
from perdure.base.errors import TooManyRequests

_PERIODS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000}


class Rate(NamedTuple):
    """So many requests in a period, all at once if need be."""

    most: int
    period_ms: int


class Bucket(NamedTuple):
    """`left` were in it at the time `at` (ms)."""

    left: float
    at: int


class Standing(NamedTuple):
    """Where a key stands after a request: `reset_s` until its bucket is full."""

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-reset": str(self.reset_s),
        }


class Rates:
    """There are no more buckets than keys: only who has shown one gets here."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}

    def take(self, key: str) -> Standing:
        """Raises TooManyRequests."""
        rate, now = self._rate, self._clock.now()
        full = Bucket(float(rate.most), now)
        left = filled(self._buckets.get(key, full), now, rate)
        if left < 1:
            wait_ms = (1 - left) * rate.period_ms / rate.most
            standing = Standing(rate.most, 0, _reset_s(left, rate))
            raise TooManyRequests(
                f"more than {rate.most:,} requests in {rate.period_ms // 1000:,} s",
                retry_after=wait_ms / 1000,
                **standing._asdict(),
            )
        self._buckets[key] = Bucket(left - 1, now)
        return Standing(rate.most, int(left - 1), _reset_s(left - 1, rate))


def parse_rate(text: str) -> Rate:
    """`600/m`: the settings' pattern has checked it."""
    count, _, period = text.partition("/")
    return Rate(int(count), _PERIODS_MS[period])


def filled(bucket: Bucket, now: int, rate: Rate) -> float:
    """What is in the bucket now; a clock that was set back adds nothing."""
    return min(rate.most, bucket.left + max(0, now - bucket.at) * rate.most / rate.period_ms)


def _reset_s(left: float, rate: Rate) -> int:
    return ceil((rate.most - left) * rate.period_ms / rate.most / 1000)
