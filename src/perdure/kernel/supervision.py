"""What becomes of an agent whose run failed, and how often it may begin one: rules and facts in, a verdict out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from perdure.base.errors import BudgetExceeded

from .budgets import DAY_MS, every, resets_at

MINUTE_MS = 60_000
LONGEST_PAUSE_MS = DAY_MS

Measure: TypeAlias = Literal["restart", "quarantine", "demote", "terminate", "ignore"]


class Supervision(msgspec.Struct, frozen=True):
    """A run that fails is gone on with `restart` times, after `backoff_ms` and then twice as long each time; after that
    `then` is done. `on` says what is done at once about some errors: by code, or the beginning of one up to a dot.

    `throttle` is how many runs may begin in a minute, None for any number. `escalate_to` is an agent that is told of
    what was done about a failure. `demote` are paths that an agent loses by the measure of that name.
    """

    restart: int = 3
    backoff_ms: int = 10_000
    then: Measure = "quarantine"
    on: Mapping[str, Measure] = {}
    throttle: int | None = None
    escalate_to: str = ""
    demote: tuple[str, ...] = ()


class Failure(msgspec.Struct, frozen=True):
    """A run failed for the `attempt`-th time in a row, with this error: `{code, message, facts}`. `at` is in ms."""

    attempt: int
    error: Mapping[str, Any]
    at: int

    @property
    def code(self) -> str:
        return str(self.error.get("code", ""))

    @property
    def scope(self) -> str:
        """The budget that was exceeded, "" where it was something else."""
        return str(self.error.get("facts", {}).get("scope", "")) if self.code == BudgetExceeded.code else ""


class Verdict(msgspec.Struct, frozen=True):
    """`until` (ms): when a restart is due, or a quarantine ends by itself; None: when a person says so."""

    measure: Measure
    until: int | None = None
    demote: tuple[str, ...] = ()
    escalate_to: str = ""


def judge(rules: Supervision | None, failure: Failure) -> Verdict:
    """What is to be done about a failure. An agent that nobody supervises is left as it is."""
    if rules is None:
        return Verdict("ignore")
    measure = _at_once(rules.on, failure.code) or ("quarantine" if _until_reset(failure) else "restart")
    if measure == "restart":
        if failure.attempt <= rules.restart:
            return Verdict("restart", failure.at + _pause(rules.backoff_ms, failure.attempt))
        measure = "quarantine" if rules.then == "restart" else rules.then
    return Verdict(
        measure,
        until=_until_reset(failure) if measure == "quarantine" else None,
        demote=rules.demote if measure == "demote" else (),
        escalate_to=rules.escalate_to,
    )


def throttled(rules: Supervision | None, begun: Sequence[int], now: int) -> int | None:
    """When the next run may begin, None for now. `begun` are the times at which the latest ones began, newest first."""
    if rules is None or rules.throttle is None or len(begun) < rules.throttle:
        return None
    free = begun[rules.throttle - 1] + MINUTE_MS
    return free if free > now else None


def _pause(backoff_ms: int, attempt: int) -> int:
    return int(min(backoff_ms * 2 ** min(attempt - 1, 32), LONGEST_PAUSE_MS))


def _at_once(on: Mapping[str, Measure], code: str) -> Measure | None:
    """The rule for the longest beginning of the code, None where there is none."""
    while code:
        if code in on:
            return on[code]
        code = code.rpartition(".")[0]
    return None


def _until_reset(failure: Failure) -> int | None:
    """When a day's or month's budget that was exceeded begins anew; that of one run never does."""
    return resets_at(every(failure.scope), failure.at) if failure.scope else None
