"""What the parts of the suite share: agents that say what happened to them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

from perdure.agents.python import Agent
from perdure.agents.state import AgentState
from perdure.base.envelope import Envelope
from perdure.control.runtime import Runtime
from perdure.kernel.context import Context

OpenRuntime: TypeAlias = Callable[..., AbstractAsyncContextManager[Runtime]]


class Ledger(Agent):
    """Keeps what it was told, in order, and whom by; a message that it has seen is counted and not kept."""

    class State(AgentState):
        kept: list[Any] = []
        repeats: int = 0

    async def on_message(self, ctx: Context, message: Envelope) -> Any:
        told = message.payload
        if isinstance(told, dict) and "id" in told:
            if await ctx.seen(told["id"]):
                self.state.repeats += 1
                return {"kept": len(self.state.kept), "repeats": self.state.repeats}
            ctx.mark_seen(told["id"])
        self.state.kept.append(told)
        return {"kept": len(self.state.kept), "repeats": self.state.repeats, "all": list(self.state.kept)}
