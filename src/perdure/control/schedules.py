"""Schedules of an agent: seen, set and dropped by a person, or as its file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from perdure.agents.schedules import Schedule, of_triggers
from perdure.agents.spec import Trigger
from perdure.base.codec import unpack_as
from perdure.kernel.alarms import PREFIX, VALUES, drop_schedule, set_schedule
from perdure.kernel.store.ops import Op

from .finding import find_agent

if TYPE_CHECKING:
    from .runtime import Runtime


class Planned(msgspec.Struct, frozen=True):
    """A schedule that is set. `due` is its next time (ms UTC)."""

    id: str
    agent_id: str
    schedule: Schedule
    due: int | None


async def planned(runtime: Runtime, agent_id: str) -> list[Planned]:
    """All schedules of an agent, the next to come first."""
    due = {timer.run_id: timer.due for timer in await runtime.store.timers(agent_id) if not timer.key}
    found = [Planned(id, agent_id, one, due.get(id)) for id, one in (await _stored(runtime, agent_id)).items()]
    return sorted(found, key=lambda one: (one.due is None, one.due or 0, one.id))


async def plan(runtime: Runtime, agent_id: str, schedule: Schedule, *, id: str = "") -> Planned:
    """Set a schedule, or replace the one of this id. Raises InputError and AgentNotFound."""
    now = runtime.clock.now()
    value, due = schedule.begin(now)
    id = id or runtime.ids.new(PREFIX.rstrip("_"))
    await runtime.store.commit(set_schedule(agent_id, id, value, due, now=now))
    runtime.engine.hurry()
    return Planned(id, agent_id, unpack_as(value, Schedule), due)


async def drop(runtime: Runtime, agent_id: str, id: str) -> bool:
    """Drop a schedule. False where there is none of this id. Raises AgentNotFound."""
    await find_agent(runtime.store, agent_id)
    dropped = await runtime.store.commit(drop_schedule(agent_id, id))
    return bool(dropped[0])


async def follow_file(runtime: Runtime, agent_id: str, triggers: tuple[Trigger, ...]) -> None:
    """Let the schedules that come from the agent's file be those of `triggers`; the others stay as they are."""
    now = runtime.clock.now()
    wanted = of_triggers(agent_id, triggers)
    there = {id for id, one in (await _stored(runtime, agent_id)).items() if one.source == "spec"}
    ops: list[Op] = []
    for id in there - wanted.keys():
        ops += drop_schedule(agent_id, id)
    for id in wanted.keys() - there:
        value, due = wanted[id].begin(now)
        ops += set_schedule(agent_id, id, value, due, now=now)
    if ops:
        await runtime.store.commit(ops)
        runtime.engine.hurry()


async def _stored(runtime: Runtime, agent_id: str) -> dict[str, Schedule]:
    found: dict[str, Schedule] = {}
    cursor = ""
    while True:
        page = await runtime.store.values(agent_id, VALUES, cursor=cursor)
        found |= {row.key.removeprefix(VALUES): unpack_as(row.data, Schedule) for row in page.items}
        cursor = page.next
        if not cursor:
            return found
