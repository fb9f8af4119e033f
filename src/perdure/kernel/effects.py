"""Effects: everything a handler does to or learns from the outside, done once and answered from the journal after.

`effect.decide` says what to do about one, given what the journal knows of it; `Effects` does it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from time import perf_counter
from typing import Any, TypeAlias, TypeVar, assert_never

import msgspec

from perdure.base.codec import digest, pack, unpack, unpack_as
from perdure.base.errors import (
    BudgetError,
    BudgetExceeded,
    DeadlineExceeded,
    EffectFailed,
    PerdureError,
    StoreError,
    ToolTimeout,
    WrongState,
)
from perdure.base.traceparent import OUTGOING, OUTGOING_STATE, Trace
from perdure.base.usage import Usage

from . import records as r
from .classes import EffectClass, NotDone, Outcome, Unsure
from .effect import Call, Effect, again, decide, diverged, idempotency_key, refused, said
from .failures import normal, told
from .gates import gate, is_closed
from .journal import Journal
from .keys import Keys
from .meter import Meter
from .spending import Entry, Journalist, Spending
from .waits import Waits

T = TypeVar("T")
Secure: TypeAlias = Callable[[], Awaitable[None]]
"""Makes sure that this process still has the agent. Raises Fenced."""

IDEMPOTENT_ATTEMPTS = 3


class Effects:
    """Runs effects of one execution. `write` is None in a replay, which does nothing that is not on record."""

    __slots__ = (
        *("_journal", "_keys", "_may_act", "_meter", "_probe", "_run_id", "_secure", "_spending", "_waits", "_write"),
        *("closing", "is_over", "parking", "time_left", "tokens", "trace", "under_way"),
    )

    def __init__(
        self,
        run_id: str,
        journal: Journal,
        keys: Keys,
        waits: Waits,
        write: Journalist | None,
        spending: Spending,
        probe: Callable[[str], None],
        secure: Secure | None = None,
        meter: Meter | None = None,
    ) -> None:
        self.parking = False
        self._may_act = journal.accepted is None or journal.accepted.live
        self.is_over = False
        self.closing = journal.cancelling is not None
        """Some branch was cut off, or the run is being cancelled: who may still begin something, `gates` tells."""
        self.under_way: set[str] = set()
        """Keys of effects that were begun in this process, may change something, and have no outcome yet."""
        self.time_left: Callable[[], int] | None = None
        self.tokens = journal.used.tokens
        """How many the handler has used up to the place where it is, which a replay comes to only by and by."""
        self.trace: Trace | None = None
        """What calls to the outside are told of the trace that this run is part of; None: nothing."""
        self._run_id = run_id
        self._journal = journal
        self._keys = keys
        self._waits = waits
        self._write = write
        self._spending = spending
        self._probe = probe
        self._secure = secure
        self._meter = meter

    async def perform(
        self,
        kind: str,
        name: str,
        call: Call,
        *,
        request: Any = None,
        asked: str = "",
        effect: EffectClass = "read",
        type: type[T] | None = None,
        probe: Call | None = None,
        timeout_ms: int | None = None,
        reserve: int = 0,
        note: dict[str, Any] | None = None,
        keyed: bool = True,
    ) -> Any:
        """The effect's result: from the journal, or by `call(idempotency key)`, which may return an `Outcome`.

        `asked` is the digest of the request, reckoned from `request` where "". `type` is what a recorded result is
        decoded to. `reserve` (micro-USD) is set aside before the call. Raises what the effect raised, as it was
        recorded; ReplayDivergence where the record under this key answers something else.
        """
        key = self._keys.next(kind, name)
        asked = asked or digest(request)
        past = self._journal.effects.get(key)
        if past is not None:
            self._journal.asked.add(key)
            if past.digest != asked:
                raise diverged(key, past, asked, request)
        one = Effect(key, kind, asked, effect, request, call, probe, timeout_ms, reserve, past, note or {}, keyed)
        one.begun = past is not None
        resolved = self._journal.resolved.get(key)
        match decide(past, resolved, effect):
            case "do" | "do again" if effect == "read" or gate() is None:
                value = await self._do(one)
            case "do" | "do again":
                value = await self._unharmed(one, self._do(one))
            case "return" if resolved is not None and past is not None and past.state == "intended":
                return said(unpack(resolved.body), type)
            case "return":
                assert past is not None
                self._count(past.usage)
                return unpack(past.body) if type is None else unpack_as(past.body, type)
            case "raise":
                raise again(one.key, past.body) if resolved is None and past else refused(one.key, resolved)
            case "probe":
                value = await self._unharmed(one, self._look(one))
            case "ask":
                value = await self._unharmed(one, self._ask(one))
            case other:
                assert_never(other)
        return said(value, type)

    async def _do(self, one: Effect, attempt: int = 1) -> Any:
        if self.is_over or (self.closing and self._is_shut(one)):
            raise asyncio.CancelledError
        if self.parking:
            await self._waits.park()
        if self._write is None:
            raise ReplayEnd(one.key)
        if one.effect != "read" and not self._may_act:
            raise WrongState(
                f"{one.key} would change something outside, and this fork is not live",
                hint="Fork again with --live to let it.",
                key=one.key,
            )
        left = None if self.time_left is None else self._time_left()
        key = idempotency_key(self._run_id, one.key) if one.keyed or self.trace is not None else ""
        if self.trace is not None:
            OUTGOING.set(self.trace.at(key))
            OUTGOING_STATE.set(self.trace.state)
        if one.effect != "read" or one.reserve > 0:
            try:
                await self._intend(one)
            except BudgetError as error:
                raise await self._fail(one, error, perf_counter()) from error
        if one.effect != "read" and self._secure is not None:
            await self._secure()
        started = perf_counter()
        try:
            # What has no side effect is cut off when the run's time is up; anything else is let finish.
            limit = one.timeout_ms if left is None or one.effect != "read" else _least(one.timeout_ms, left)
            if limit is None:
                value = await one.call(key)
            else:
                async with asyncio.timeout(limit / 1000):
                    value = await one.call(key)
        except (TimeoutError, ToolTimeout) as error:
            self._time_left()
            return await self._timed_out(one, error, attempt, started)
        except asyncio.CancelledError as error:
            if self.is_over or _is_cancelled():
                raise
            inside = EffectFailed(f"{one.key} was cancelled by something inside it")
            raise await self._fail(one, inside, started) from error
        except StoreError:
            raise  # no answer of the outside: on record it would be raised by every replay
        except Exception as error:  # the edge: whatever an effect raises becomes a record
            raise await self._fail(one, error, started) from error
        self._probe("effect.acted")
        outcome = value if isinstance(value, Outcome) else Outcome(value)
        await self._done(one, outcome, started)
        return outcome.value

    def _is_shut(self, one: Effect) -> bool:
        """Whether an effect may not be done here. What a branch that was cut off had begun, and nobody knows the end
        of, is seen to all the same; in a run that is cancelled it is named as in doubt."""
        cancelling = self._journal.cancelling is not None
        return (not one.begun or cancelling) and is_closed(cancelling)

    async def _unharmed(self, one: Effect, work: Coroutine[Any, Any, Any]) -> Any:
        """Let what may change something finish where its branch is cut off meanwhile: its end is known."""
        task = asyncio.ensure_future(work)
        while not task.done():
            try:
                await asyncio.wait((task,))
            except asyncio.CancelledError:
                if not one.begun or self.is_over:
                    task.cancel()
        return task.result()

    def _time_left(self) -> int | None:
        """Milliseconds that the run may still work, None for no limit. Raises DeadlineExceeded where there are none."""
        if self.time_left is None:
            return None
        left = self.time_left()
        if left <= 0:
            raise DeadlineExceeded(f"the run worked {-left} ms longer than its limit")
        return left

    async def _intend(self, one: Effect) -> None:
        """Write down what is about to be done, once there is money for it."""
        assert self._write is not None
        spending = self._spending
        await spending.settle_lost(one.key)
        await spending.consent(one)
        while entries := self._intent(one):
            self._probe("effect.before_intent")
            one.begun = True
            try:
                await (spending.reserve(one, entries) if one.reservation else self._write(*entries))
            except BudgetExceeded as error:
                one.begun = False
                await spending.room(one, error)
                continue
            if one.effect != "read":
                self.under_way.add(one.key)
            intents = self._journal.intents
            intents[one.key] = intents.get(one.key, 0) + 1
            self._probe("effect.intended")
            return

    def _intent(self, one: Effect) -> list[Entry]:
        """What is to be on record before the effect: nothing for one that changes nothing and costs nothing."""
        entries = self._spending.set_aside(one)
        if one.effect == "read" and not one.reservation:
            return entries
        intended = r.EffectIntended(
            kind=one.kind,
            effect=one.effect,
            digest=one.asked,
            reservation=one.reservation,
            note=one.note,
            body=msgspec.Raw(pack(one.request)),
        )
        return [*entries, (one.key, intended)]

    async def _done(self, one: Effect, outcome: Outcome, started: float) -> None:
        assert self._write is not None
        try:
            body = msgspec.Raw(pack(outcome.value))
        except PerdureError as error:
            raise await self._fail(one, error, started) from error
        done = r.EffectDone(
            kind=one.kind,
            digest=one.asked,
            ms=_ms_since(started),
            usage=outcome.usage,
            cost=self._spending.cost(one, outcome),
            price=outcome.price,
            note=one.note | outcome.note if one.note else outcome.note,
            body=body,
            request=one.short_request(),
        )
        self._journal.totals.add(done)
        self._count(outcome.usage)
        await (self._spending.spent(one, done) if one.reservation else self._write((one.key, done)))
        self.under_way.discard(one.key)
        if self._meter is not None:
            self._meter.done(one.key, done)
        self._probe("effect.done")

    def _count(self, usage: Usage | None) -> None:
        if usage is not None:
            self.tokens += usage.tokens

    async def _fail(self, one: Effect, error: Exception, started: float) -> PerdureError:
        """Record that the effect failed; gives back the error to raise, the same that a replay will raise."""
        assert self._write is not None
        shown = normal(error)
        _, body = told(shown)
        failed = r.EffectFailed(
            kind=one.kind,
            digest=one.asked,
            retryable=shown.retryable,
            ms=_ms_since(started),
            note=one.note,
            body=body,
        )
        await (self._spending.released(one, failed) if one.reservation else self._write((one.key, failed)))
        self.under_way.discard(one.key)
        if self._meter is not None:
            self._meter.failed(one.kind, shown.code)
        return again(one.key, body)

    async def _timed_out(self, one: Effect, error: Exception, attempt: int, started: float) -> Any:
        match one.effect:
            case "read":
                late = error if isinstance(error, ToolTimeout) else ToolTimeout(f"{one.key} took too long", key=one.key)
                raise await self._fail(one, late, started) from error
            case "idempotent" if attempt < IDEMPOTENT_ATTEMPTS:
                return await self._do(one, attempt + 1)
            case "checkable":
                return await self._look(one)
            case _:
                return await self._ask(one)

    async def _look(self, one: Effect) -> Any:
        """Ask the probe whether it happened."""
        if self._write is None:
            raise ReplayEnd(one.key)
        started = perf_counter()
        found = await one.probe(idempotency_key(self._run_id, one.key)) if one.probe is not None else Unsure()
        if isinstance(found, NotDone):
            return await self._do(one)
        if isinstance(found, Unsure):
            return await self._ask(one)
        outcome = found if isinstance(found, Outcome) else Outcome(found)
        await self._done(one, outcome, started)
        return outcome.value

    async def _ask(self, one: Effect) -> Any:
        """Stand still until a person says what happened this time: what was said of an earlier attempt is no answer."""
        attempt = self._journal.intents.get(one.key, 0)
        about = {"kind": one.kind, "effect": one.effect, "request": one.request, "attempt": attempt}
        resolved: r.EffectResolved = await self._waits.wait(r.Wait(one.key, "in_doubt", about=about))
        match resolved.how:
            case "done":
                return unpack(resolved.body)
            case "retry":
                return await self._do(one)
            case "fail":
                raise refused(one.key, resolved)
            case other:
                assert_never(other)


def _is_cancelled() -> bool:
    """Whether somebody asked for the end of the task that asks."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class ReplayEnd(BaseException):
    """A replay came to the end of what is on record: `key` would be done next."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _least(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)


def _ms_since(started: float) -> int:
    return round((perf_counter() - started) * 1000)
