"""Agents written in Python: a class with hooks, as durable as any other."""

from __future__ import annotations

from typing import Any, ClassVar

from perdure.base.envelope import Envelope
from perdure.namespace.context import Context

from .forgetting import is_changed
from .state import AgentState, load_state, save_state

_HOOKS = {
    "message": "on_message",
    "request": "on_message",
    "delegate": "on_message",
    "event": "on_event",
    "webhook": "on_event",
    "alarm": "on_alarm",
    "schedule": "on_alarm",
    "terminate": "on_terminate",
}


class Agent:
    """Base of a Python agent. One is made for each run; what lasts is `state`, written when the run ends well.

    A hook is executed again after a crash, so it reaches the outside only through the context. What `on_message` (or
    whichever hook the envelope's kind selects) returns is the run's output.
    """

    State: ClassVar[type[AgentState]] = AgentState
    state: Any

    async def on_create(self, ctx: Context) -> None:
        """Before anything else in an agent's first run."""

    async def on_wake(self, ctx: Context) -> None:
        """Before every run."""

    async def on_trigger(self, ctx: Context, trigger: Envelope) -> Any:
        """Whatever has no hook of its own."""
        return None

    async def on_message(self, ctx: Context, message: Envelope) -> Any:
        return await self.on_trigger(ctx, message)

    async def on_event(self, ctx: Context, event: Envelope) -> Any:
        return await self.on_trigger(ctx, event)

    async def on_alarm(self, ctx: Context, alarm: Envelope) -> Any:
        return await self.on_trigger(ctx, alarm)

    async def on_error(self, ctx: Context, error: Exception) -> None:
        """A hook raised; the run fails all the same, and its state and mail are dropped."""

    async def on_sleep(self, ctx: Context) -> None:
        """After every run that went well."""

    async def on_terminate(self, ctx: Context, message: Envelope) -> Any:
        """The agent is about to be deleted."""
        return None


def _hook(envelope: Envelope) -> str:
    """Which hook is for an envelope: events of topics are of whatever kind those who publish them say."""
    return _HOOKS.get(envelope.kind, "on_event" if envelope.topic else "on_trigger")


async def drive(ctx: Context, cls: type[Agent], forgets: bool = False) -> Any:
    """One run of a Python agent: its hooks in order, then its state. One that `forgets` begins without state where its
    definition has changed."""
    agent = cls()
    data, version = ctx.state
    if forgets and data is not None and await is_changed(ctx):
        data = None
    agent.state = load_state(cls.State, data, version)
    try:
        if data is None:
            await agent.on_create(ctx)
        await agent.on_wake(ctx)
        output = await getattr(agent, _hook(ctx.envelope))(ctx, ctx.envelope)
        await agent.on_sleep(ctx)
    except Exception as error:
        await agent.on_error(ctx, error)
        raise
    ctx.set_state(save_state(agent.state), cls.State.version)
    return output
