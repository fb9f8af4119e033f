"""Sending to an agent that there is: a message, or a tick without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.base.envelope import Envelope
from perdure.base.errors import AgentAtRest
from perdure.kernel.store.rows import RESTING, RunRow

from .delivering import deliver

if TYPE_CHECKING:
    from .runtime import Runtime

TICK = "Go on with what is to be done now."
"""What an agent is asked by a tick where nobody says why."""


async def send(runtime: Runtime, agent_id: str, input: Any, *, who: str) -> RunRow:
    """Accept a message for an agent; it is on disk when this returns. Raises AgentNotFound and InboxFull."""
    id, now = runtime.ids.new("env"), runtime.clock.now()
    return await deliver(runtime, Envelope(id, agent_id, payload=input, sender=who, created_at=now))


async def tick(runtime: Runtime, agent_id: str, *, who: str, reason: str = "") -> RunRow:
    """Begin a run of an agent without a message. Raises AgentNotFound, InboxFull, and AgentAtRest for one that begins
    nothing now."""
    row = await runtime.store.load_agent(agent_id)
    if row is not None and row.status in RESTING:
        raise AgentAtRest(f"agent {agent_id!r} is {row.status}", agent_id=agent_id, status=row.status)
    id, now = runtime.ids.new("env"), runtime.clock.now()
    return await deliver(runtime, Envelope(id, agent_id, "manual", reason or TICK, who, created_at=now))
