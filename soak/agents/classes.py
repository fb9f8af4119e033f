"""Agents that are written in Python."""

from __future__ import annotations

from typing import Any

from perdure import Agent, Context, Envelope


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
