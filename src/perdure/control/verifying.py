"""Verify: is every agent's journal as it was written?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import msgspec

from perdure.base.errors import AgentNotFound, RunNotFound
from perdure.kernel.store.rows import AgentRow

from .finding import AT_ONCE, find_run

if TYPE_CHECKING:
    from .runtime import Runtime


class Problem(msgspec.Struct, frozen=True):
    """`what` is one line about a record that was changed, is missing or stands in another place."""

    agent_id: str
    what: str


class Verification(msgspec.Struct, frozen=True):
    """How many hash chains and records were looked at, and what is wrong with them."""

    agents: int
    records: int
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.problems


async def verify(runtime: Runtime, target: str | None = None) -> Verification:
    """Recompute the hash chain of the agent or of the agent of the run named, or without a target of all agents."""
    checked = records = 0
    problems: list[Problem] = []
    async for agent in _agents(runtime, target):
        checked += 1
        records += agent.records
        problems += [Problem(agent.id, line) for line in await runtime.store.verify(agent.id)]
    return Verification(checked, records, tuple(problems))


async def _agents(runtime: Runtime, target: str | None) -> AsyncIterator[AgentRow]:
    if target is not None:
        yield await _agent(runtime, target)
        return
    cursor = ""
    while True:
        page = await runtime.store.agents(cursor=cursor, limit=AT_ONCE)
        for agent in page.items:
            yield agent
        cursor = page.next
        if not cursor:
            return


async def _agent(runtime: Runtime, target: str) -> AgentRow:
    agent = await runtime.store.load_agent(target)
    if agent is not None:
        return agent
    try:
        run = await find_run(runtime.store, target)
    except RunNotFound as error:
        raise AgentNotFound(f"no agent and no run is called {target!r}", target=target) from error
    found = await runtime.store.load_agent(run.agent_id)
    assert found is not None  # a run never outlives its agent
    return found
