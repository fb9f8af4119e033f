"""Tools of all four classes, whose effects another process counts (see `effect_server.py`)."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

from perdure import Agent, Context, Envelope, NotDone, tool


async def outside(**said: Any) -> Any:
    """One request to the other side."""
    reader, writer = await asyncio.open_unix_connection(os.environ["EFFECTS"])
    try:
        writer.write(json.dumps(said).encode() + b"\n")
        answer = await reader.readline()
        return json.loads(answer)
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
async def mail(what: str, *, key: str, ctx: Context, seconds: float = 0) -> str:
    """Write a letter; once it is gone nobody can tell."""
    return await act("once", key, ctx.agent_id, seconds)


class Boss(Agent):
    """Has two others work, side by side, sleeps on it, and writes it down."""

    async def on_message(self, ctx: Context, message: Envelope) -> Any:
        helped = ctx.restored
        if helped is None:
            ended = await ctx.gather(*(ctx.run("helper.yaml", f"part {n}") for n in (1, 2)))
            helped = [one.output for one in ended]
            await ctx.sleep(20)
            await ctx.checkpoint(helped)

        async def note(key: str) -> str:
            return await act("idempotent", key, ctx.agent_id)

        await ctx.effect("note", "", note, effect="idempotent", request="both")
        return helped
