"""One tick of an agent at a time, and each knows why it is."""

from __future__ import annotations

import asyncio
from typing import Any

from perdure.agents.python import Agent
from perdure.base.envelope import Envelope
from perdure.kernel.context import Context

from .samples import OpenRuntime

BUSY_MS = 40


class Slow(Agent):
    """Says when it came and went."""

    inside = 0
    most = 0

    async def on_message(self, ctx: Context, message: Envelope) -> str:
        Slow.inside += 1
        Slow.most = max(Slow.most, Slow.inside)

        async def work(_: str) -> None:
            await asyncio.sleep(BUSY_MS / 1000)

        await ctx.effect("work", "", work, effect="read")
        Slow.inside -= 1
        return message.id


class Curious(Agent):
    """Answers with what woke it."""

    async def on_trigger(self, ctx: Context, trigger: Envelope) -> dict[str, Any]:
        return {"id": trigger.id, "kind": trigger.kind, "same": ctx.envelope.id == trigger.id}


class Ticks:
    async def test_single_tick_lock(self, open_runtime: OpenRuntime) -> None:
        Slow.inside = Slow.most = 0
        async with open_runtime() as rt:
            results = await asyncio.gather(*(rt.run(Slow, f"{n}", agent="one") for n in range(4)))
            assert [result.status for result in results] == ["done"] * 4
            assert Slow.most == 1, "two ticks of one agent overlapped"
            await asyncio.gather(*(rt.run(Slow, "go", agent=f"many-{n}") for n in range(4)))
            assert Slow.most > 1, "ticks of different agents did not overlap"

    async def test_trigger_envelope_id(self, open_runtime: OpenRuntime) -> None:
        async with open_runtime() as rt:
            row = await rt.start(Curious, "why?", agent="curious", envelope_id="env_mine")
            result = await rt.wait(row)
            assert result.output == {"id": "env_mine", "kind": "message", "same": True}
