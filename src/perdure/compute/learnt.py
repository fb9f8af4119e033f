"""What the calls of one model have shown: how long its tokens are, how fast it is, and whether it answers at all."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from perdure.base.errors import AuthFailed, ModelError
from perdure.base.messages import ModelRequest

from .estimate import DEFAULT_RATIO, Ratio, learn

ENOUGH = 64
"""Calls after which nothing more is learnt of a model's tokens: weighing a long request takes its time."""
RECENT_MS = 30_000
"""A failure longer ago than this says nothing about now."""
DOWN = 3
"""So many passing failures in a row, and a model counts as not available until the last of them is no longer recent."""
_WEIGHT = 0.3

Status: TypeAlias = Literal["available", "degraded", "unavailable"]


class Learnt(msgspec.Struct):
    """`ttft_ms` is the time to the first token, or to the whole answer where nobody listened to its pieces;
    `tokens_per_second` counts those of the answer. Both are averages in which the latest calls weigh most, None before
    the first. `failures` counts those in a row since the last answer."""

    ratio: Ratio = DEFAULT_RATIO
    ttft_ms: float | None = None
    tokens_per_second: float | None = None
    calls: int = 0
    failures: int = 0
    failed_at: int = 0
    error: ModelError | None = None
    _weighed: int = 0

    def answered(self, ttft_ms: float, ms: float, output_tokens: int = 0) -> None:
        """Take in a call that went well: its first token came after `ttft_ms`, its last after `ms`."""
        self.calls += 1
        self.failures = 0
        self.ttft_ms = _average(self.ttft_ms, ttft_ms)
        if output_tokens and ms > 0:
            self.tokens_per_second = _average(self.tokens_per_second, output_tokens * 1000 / ms)

    def weighed(self, request: ModelRequest, input_tokens: int) -> None:
        """Take in how many tokens a provider counted in a request."""
        if self._weighed < ENOUGH:
            self._weighed += 1
            self.ratio = learn(self.ratio, request, input_tokens)

    def failed(self, error: ModelError, at: int) -> None:
        """Take in a call that failed at `at` (ms). A request that was refused for what it says tells nothing."""
        if error.retryable or isinstance(error, AuthFailed):
            self.failures += 1
            self.failed_at = at
            self.error = error

    def status(self, now: int) -> tuple[Status, str]:
        """Whether it is worth asking at `now`, and why not."""
        if not self.failures or self.error is None or now - self.failed_at > RECENT_MS:
            return "available", ""
        down = self.failures >= DOWN or isinstance(self.error, AuthFailed)
        return "unavailable" if down else "degraded", self.error.message


def _average(before: float | None, seen: float) -> float:
    return seen if before is None else before + _WEIGHT * (seen - before)
