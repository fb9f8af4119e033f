"""Commands to agents, as their `ctl` takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.base.errors import AgentNotFound, NotSupported

from .sending import tick

if TYPE_CHECKING:
    from .runtime import Runtime


async def order(runtime: Runtime, agent_id: str, verb: str, *, who: str = "operator") -> None:
    """Do what an agent is told: `tick` begins a run without a message, `wake` sees to its mail."""
    if await runtime.store.load_agent(agent_id) is None:
        raise AgentNotFound(f"no agent {agent_id!r}", agent_id=agent_id)
    match verb:
        case "tick":
            await tick(runtime, agent_id, who=who)
        case "wake":
            runtime.engine.wake(agent_id)
        case _:
            raise NotSupported(f"agents cannot be told to {verb} yet")
