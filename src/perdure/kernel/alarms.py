"""Alarms: what is to reach an agent at its time, kept until then, and fired once however many processes look.

A schedule is a value of its agent and a timer. What the value means, and when it is due next, is known to the layers
above, as a function over plain values. Firing commits the envelopes and the next due time together, on condition that
the timer still stands where it was found: of all who try, one succeeds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import msgspec

from perdure.base.clock import Clock
from perdure.base.codec import pack
from perdure.base.envelope import Envelope
from perdure.base.errors import AgentNotFound, PerdureError, VersionConflict

from .outgoing import CAPACITY
from .store.ops import CancelTimer, Deliver, DropValue, Guard, Op, PutValue, SetTimer, TimerIs, ValueIs
from .store.port import Store
from .store.rows import Timer

PREFIX = "sch_"
"""What the ids of schedules begin with; no run's id does."""
VALUES = "schedule:"
"""What the keys of schedules begin with among the values of their agent."""
AFTER_TROUBLE_MS = 60_000


class Alarm(msgspec.Struct, frozen=True, gc=False):
    """One envelope to deliver: `at` is the time that it stands for, and with the schedule's id makes its id."""

    at: int
    payload: Any = None


class Firing(msgspec.Struct, frozen=True):
    """What to do about a schedule that is due: deliver these, and look again at `next`, or never (None)."""

    alarms: tuple[Alarm, ...]
    next: int | None


Planner: TypeAlias = Callable[[str, bytes, int, int], Firing]
"""(id of the schedule, its value, due, now) → what to do, with every `at` ≤ now < `next`. Raises PerdureError."""


class Plan(Protocol):
    """A schedule, to the layers that know what it means."""

    def begin(self, now: int) -> tuple[bytes, int]:
        """What is kept of it when it is set now, and when it is due first (ms)."""
        ...


def set_schedule(agent_id: str, id: str, value: bytes, due: int, *, now: int) -> list[Op]:
    """What it takes to set a schedule, or to replace it."""
    return [PutValue(agent_id, VALUES + id, value, now), SetTimer(Timer(agent_id, id, "", due))]


def drop_schedule(agent_id: str, id: str) -> list[Op]:
    return [DropValue(agent_id, VALUES + id), CancelTimer(id)]


class Alarms:
    """Fires what is due. A schedule whose planner fails stays due, and is tried again after a while."""

    def __init__(self, store: Store, clock: Clock, planner: Planner) -> None:
        self._store = store
        self._clock = clock
        self._planner = planner
        self._not_before: dict[str, int] = {}
        self.trouble: dict[str, PerdureError] = {}

    @staticmethod
    def owns(timer: Timer) -> bool:
        return timer.run_id.startswith(PREFIX)

    async def fire(self, timer: Timer) -> bool:
        """Fire a schedule that was found due. True where it is done and its agent may have mail; False where there was
        nothing to do, or somebody else did it."""
        id, now = timer.run_id, self._clock.now()
        if self._not_before.get(id, 0) > now:
            return False
        row = await self._store.value(timer.agent_id, VALUES + id)
        guards: list[Guard] = [TimerIs(id, timer.key, timer.due)]
        if row is None:
            ops: list[Op] = [CancelTimer(id)]  # a timer without a schedule means nothing
        else:
            guards.append(ValueIs(timer.agent_id, row.key, row.digest))
            try:
                firing = self._planner(id, row.data, timer.due, now)
            except PerdureError as error:
                self.trouble[id] = error
                self._not_before[id] = now + AFTER_TROUBLE_MS
                return False
            ops = _ops(timer, firing, now)
        self.trouble.pop(id, None)
        self._not_before.pop(id, None)
        try:
            await self._store.commit(ops, guards)
        except (VersionConflict, AgentNotFound):
            return False
        return row is not None


def _ops(timer: Timer, firing: Firing, now: int) -> list[Op]:
    agent_id, id = timer.agent_id, timer.run_id
    ops: list[Op] = []
    for alarm in firing.alarms:
        envelope = Envelope(
            f"{id}/{alarm.at}", agent_id, "alarm", alarm.payload, "schedule", correlation=id, created_at=now
        )
        ops.append(
            Deliver(
                agent_id,
                envelope.id,
                envelope.kind,
                pack(envelope),
                now,
                priority=envelope.priority,
                capacity=CAPACITY,
                policy="dead_letter",
            )
        )
    if firing.next is None:
        return [*ops, *drop_schedule(agent_id, id)]
    return [*ops, SetTimer(Timer(agent_id, id, timer.key, firing.next))]
