"""Sending to an agent that there is: a message, or a tick without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.base.envelope import Envelope
from perdure.kernel.store.rows import RunRow

from .delivering import deliver

if TYPE_CHECKING:
    from .runtime import Runtime


async def send(runtime: Runtime, agent_id: str, input: Any, *, who: str) -> RunRow:
    """Accept a message for an agent; it is on disk when this returns. Raises AgentNotFound and InboxFull."""
    id, now = runtime.ids.new("env"), runtime.clock.now()
    return await deliver(runtime, Envelope(id, agent_id, payload=input, sender=who, created_at=now))


async def tick(runtime: Runtime, agent_id: str, *, who: str) -> RunRow:
    """Begin a run of an agent without a message. Raises AgentNotFound and InboxFull."""
    id, now = runtime.ids.new("env"), runtime.clock.now()
    return await deliver(runtime, Envelope(id, agent_id, "manual", sender=who, created_at=now))
