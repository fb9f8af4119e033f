"""Tools of all four classes, whose effects `tests/stories/effect_server.py` counts in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

from perdure import Agent, AgentState, Context, Envelope, NotDone, ToolFailed, tool

LETTER_S = 0.1
"""How long it takes to hear that a letter is gone: where kills fall in between."""


async def outside(**said: Any) -> Any:
    """One request to the other side."""
    reader, writer = await asyncio.open_unix_connection(os.environ["EFFECTS"])
    try:
        writer.write(json.dumps(said).encode() + b"\n")
        return json.loads(await reader.readline())
    finally:
        writer.close()


async def act(effect: str, key: str, agent: str, seconds: float = 0) -> str:
    said = {"do": "act", "class": effect, "key": key, "agent": agent, "pid": os.getpid(), "seconds": seconds}
    return str(await outside(**said))


@tool(effect="read")
async def look(what: str, *, key: str, ctx: Context) -> str:
    """Look something up."""
    return await act("read", key, ctx.agent_id)


@tool(effect="idempotent")
async def charge(what: str, *, key: str, ctx: Context) -> str:
    """Charge a card; the bank knows the key."""
    return await act("idempotent", key, ctx.agent_id)


async def was_shipped(key: str) -> Any:
    return "checkable done" if await outside(do="probe", key=key) else NotDone()


@tool(reconcile=was_shipped)
async def ship(what: str, *, key: str, ctx: Context) -> str:
    """Ship a parcel; the carrier can be asked whether it left."""
    return await act("checkable", key, ctx.agent_id)


@tool(effect="once")
async def mail(what: str, *, key: str, ctx: Context) -> str:
    """Write a letter; once it is gone nobody can tell."""
    return await act("once", key, ctx.agent_id, LETTER_S)


@tool(effect="read")
async def stumble(what: str, *, key: str) -> str:
    """Fail two times of three, at what is certain to have done nothing."""
    if int(key[:8], 16) % 3:
        raise ToolFailed("it stumbled")
    return "stood"


class Ear(Agent):
    """Does something about each event that it hears, once."""

    async def on_event(self, ctx: Context, event: Envelope) -> Any:
        async def note(key: str) -> str:
            return await act("idempotent", key, ctx.agent_id)

        return await ctx.effect("note", "", note, effect="idempotent")


class Counter(Agent):
    """Counts what it hears, many events at a time."""

    class State(AgentState):
        count: int = 0

    async def on_event(self, ctx: Context, event: Envelope) -> int:
        self.state.count += len(event.payload) if isinstance(event.payload, list) else 1
        return int(self.state.count)


class Boss(Agent):
    """Has two others work, side by side, sleeps on it, and reports."""

    async def on_message(self, ctx: Context, message: Envelope) -> Any:
        helped = ctx.restored
        if helped is None:
            asked = str(message.payload).partition(" | ")[0]
            parts = (f"{asked}/{n} | charge+ship" for n in (1, 2))
            helped = [one.output for one in await ctx.gather(*(ctx.run("agents/helper.yaml", part) for part in parts))]
            await ctx.sleep(200)
            await ctx.checkpoint(helped)
        return " and ".join(map(str, helped))


class Asker(Agent):
    """Asks another agent, which many ask at once, and hands its answer on."""

    async def on_message(self, ctx: Context, message: Envelope) -> Any:
        asked = str(message.payload).partition(" | ")[0]
        return str(await ctx.ask_agent("oracle", f"{asked}/1 | charge+ship"))
