"""Commands to agents, as their `ctl` takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from perdure.base.errors import InputError
from perdure.kernel.life import LifeVerb

from .agents import change, tick

if TYPE_CHECKING:
    from .runtime import Runtime


async def order(runtime: Runtime, agent_id: str, verb: str, *, who: str = "operator") -> None:
    """Do what an agent is told: `tick` begins a run without a message, the rest are verbs of its life. What an
    agent tells itself is done when its turn is over."""
    match verb:
        case "tick":
            await tick(runtime, agent_id, who=who)
        case "start" | "wake" | "stop" | "hibernate":
            await change(runtime, agent_id, verb, who=who, wait=who != agent_id)
        case _:
            known = ", ".join(("tick", *get_args(LifeVerb)[:-1]))
            raise InputError(f"not a command: {verb!r}", hint=f"There are {known}.")
