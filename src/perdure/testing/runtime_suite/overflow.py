"""A full inbox: what gives way is kept, until somebody decides."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from perdure.agents.python import Agent
from perdure.base.envelope import Envelope
from perdure.control.runtime import Runtime
from perdure.kernel.context import Context

from .samples import OpenRuntime


class Patient(Agent):
    """Asks a person before it goes on, where it is told to wait."""

    async def on_message(self, ctx: Context, message: Envelope) -> Any:
        if message.payload == "wait":
            await ctx.ask("Go on?")
        return message.payload


SPEC = {
    "name": "patient",
    "class": f"{__name__}:Patient",
    "inbox": {"capacity": 2, "policy": "dead_letter"},
}
PLACE = "/agents/patient"


class Overflow:
    async def test_overflow_deadletter(self, open_runtime: OpenRuntime) -> None:
        async with open_runtime() as rt:
            waiting = await rt.run(SPEC, "wait", agent="patient")
            answers = [await told(rt, text) for text in ("first", "second", "one too many")]
            assert [answer["status"] for answer in answers] == ["queued", "queued", "failed"]
            assert len(await read(rt, "inbox")) == 2
            (letter,) = await read(rt, "deadletter/list")
            assert letter["envelope_id"] == answers[2]["envelope_id"]
            assert (letter["reason"], letter["envelope"]["payload"]) == ("overflow", {"message": "one too many"})
            await rt.approve(waiting.run_id, "yes")
            for answer in answers[:2]:
                assert (await rt.wait(answer["run_id"])).status == "done"
        async with open_runtime() as rt:  # the letter outlives the process
            assert await rt.namespace.read(f"{PLACE}/deadletter/count") == b"1\n"
            await rt.namespace.write(f"{PLACE}/deadletter/ctl", f"replay {letter['envelope_id']}")
            assert await rt.namespace.read(f"{PLACE}/deadletter/count") == b"0\n"
            newest = (await rt.runs(agent="patient", limit=1)).items[0]
            assert (await asyncio.wait_for(rt.wait(newest.run_id), 20)).output == {"message": "one too many"}


async def told(rt: Runtime, text: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(await rt.namespace.call(f"{PLACE}/inbox", text))
    return answer


async def read(rt: Runtime, name: str) -> Any:
    return json.loads(await rt.namespace.read(f"{PLACE}/{name}"))
