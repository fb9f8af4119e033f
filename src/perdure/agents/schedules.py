"""Schedules: once, at an interval, or by a cron line; pure functions from a plan and the time to what is due."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from perdure.base.codec import digest, pack, unpack_as
from perdure.base.errors import InputError
from perdure.kernel.alarms import PREFIX, Alarm, Firing

from .amounts import LEAST_EVERY_MS
from .cron import cron
from .spec import Trigger

ON_TIME_MS = 60_000
"""A firing that is not later than this was not missed."""
MOST_AT_ONCE = 1_000

Missed: TypeAlias = Literal["run_once", "skip", "catch_up"]


class Schedule(msgspec.Struct, frozen=True, omit_defaults=True):
    """When an alarm comes: exactly one of `at` (ms UTC, once), `every` (ms, counted from `start`) and `cron` (in
    `timezone`).

    What was due while nobody was there to fire it is made up for by one alarm (`run_once`), by none (`skip`), or by one
    each, the last `most` of them (`catch_up`). The alarm's payload is `input` where there is one, else
    `{alarm_id, scheduled_at, fired_at, payload}`. A schedule whose `source` is `spec` follows the agent's file.
    """

    at: int | None = None
    every: int | None = None
    cron: str = ""
    timezone: str = "UTC"
    start: int = 0
    missed: Missed = "run_once"
    most: Annotated[int, Meta(ge=1, le=MOST_AT_ONCE)] = 10
    input: str = ""
    payload: Any = None
    source: Literal["spec", ""] = ""

    def begin(self, now: int) -> tuple[bytes, int]:
        """What is kept of a schedule that is set now, and when it is due first. Raises InputError."""
        schedule = msgspec.structs.replace(self, start=now) if self.every is not None and not self.start else self
        due = first_due(check(schedule), now)
        assert due is not None  # what is never due did not pass the check
        return pack(schedule), due


def check(schedule: Schedule) -> Schedule:
    """The schedule, where it makes sense. Raises InputError."""
    said = [kind for kind in ("at", "every", "cron") if getattr(schedule, kind) not in (None, "")]
    if len(said) != 1:
        raise InputError(f"a schedule has exactly one of at, every, cron; found {' and '.join(said) or 'none'}")
    if schedule.every is not None and schedule.every < LEAST_EVERY_MS:
        raise InputError(f"every {schedule.every} ms is too often", hint="An interval is a second or longer.")
    if not 1 <= schedule.most <= MOST_AT_ONCE:
        raise InputError(f"{schedule.most} alarms cannot be made up for", hint=f"`most` is 1 to {MOST_AT_ONCE:,}.")
    if schedule.cron and cron(schedule.cron, schedule.timezone).after(0) is None:
        raise InputError(f"{schedule.cron!r} is never due: there is no such day")
    return schedule


def first_due(schedule: Schedule, now: int) -> int | None:
    """When a schedule that is set now is due first: one `at` a time that has passed is due at once."""
    return schedule.at if schedule.at is not None else next_due(schedule, now)


def next_due(schedule: Schedule, now: int) -> int | None:
    """The first due time after `now`, None where there is none."""
    if schedule.every is not None:
        return schedule.start + max((now - schedule.start) // schedule.every + 1, 1) * schedule.every
    if schedule.cron:
        return cron(schedule.cron, schedule.timezone).after(now)
    return None


def plan(id: str, value: bytes, due: int, now: int) -> Firing:
    """What to do about a stored schedule that is due: the `Planner` of the kernel's alarms. Raises InputError."""
    try:
        schedule = unpack_as(value, Schedule)
    except msgspec.ValidationError as error:
        raise InputError(f"the schedule {id} cannot be read: {error}") from error
    alarms = (Alarm(time, _payload(id, schedule, time, now)) for time in _due(schedule, due, now))
    return Firing(tuple(alarms), next_due(schedule, now))


def of_triggers(agent_id: str, triggers: tuple[Trigger, ...]) -> dict[str, Schedule]:
    """The schedules that an agent's file asks for, by their ids: the same trigger has the same id at every deployment,
    so that its next due time stays."""
    found: dict[str, Schedule] = {}
    for trigger in triggers:
        if trigger.schedule is None and trigger.every is None:
            continue
        schedule = Schedule(
            every=None if trigger.every is None else int(trigger.every),
            cron=trigger.schedule or "",
            timezone=trigger.timezone,
            missed=trigger.missed,
            most=trigger.missed_max,
            input=trigger.input,
            source="spec",
        )
        found[PREFIX + digest([agent_id, pack(schedule)])] = schedule
    return found


def _due(schedule: Schedule, due: int, now: int) -> tuple[int, ...]:
    """The due times from `due` to `now` that are to be fired, in order."""
    count = schedule.most if schedule.missed == "catch_up" else 1
    if schedule.at is not None:
        times: tuple[int, ...] = (due,)
    elif schedule.every is not None:
        last = due + (now - due) // schedule.every * schedule.every
        times = tuple(range(max(due, last - (count - 1) * schedule.every), last + 1, schedule.every))
    else:
        times = cron(schedule.cron, schedule.timezone).latest(due, now, count) or (due,)
    if schedule.missed == "skip":
        return tuple(time for time in times if now - time <= ON_TIME_MS)
    return times


def _payload(id: str, schedule: Schedule, at: int, now: int) -> Any:
    if schedule.input:
        return schedule.input
    shown = {"alarm_id": id, "scheduled_at": at, "fired_at": now}
    return shown if schedule.payload is None else {**shown, "payload": schedule.payload}
