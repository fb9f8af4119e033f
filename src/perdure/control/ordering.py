"""Commands to agents, as their `ctl` takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.base.errors import InputError

from .agents import change
from .sending import tick

if TYPE_CHECKING:
    from .runtime import Runtime


async def order(runtime: Runtime, agent_id: str, verb: str, *, who: str = "operator") -> None:
    """Do what an agent is told: `tick` begins a run without a message, `start` and `wake` let it work, `hibernate` puts
    it to sleep, `stop` lets nothing begin. What an agent tells itself is done when its turn is over."""
    match verb:
        case "tick":
            await tick(runtime, agent_id, who=who)
        case "start" | "wake" | "stop" | "hibernate":
            await change(runtime, agent_id, verb, who=who, wait=who != agent_id)
        case _:
            raise InputError(f"agents cannot be told to {verb}")
