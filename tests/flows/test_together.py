"""Steps that work with others: who is asked is a program here, which answers as a test wants it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from perdure.base.clock import ManualClock
from perdure.kernel.settings import Settings

TIMELESS = Settings(recover=True, heartbeat_ms=None)


class Desk:
    """A runtime, and what it takes to answer its flows."""

    def __init__(self, project: Any, rt: Any, clock: ManualClock) -> None:
        self.project, self.rt, self.clock = project, rt, clock

    async def start(self, flow: str, input: Any = None, name: str = "flow") -> Any:
        return await self.rt.start(self.project.write(flow, name), input)

    async def until(self, is_so: Any) -> None:
        async with asyncio.timeout(20):
            while not await is_so():
                await asyncio.sleep(0.005)

    async def ended(self, run: Any) -> Any:
        """The run's result; executing it again from its journal comes to the same."""
        result = await asyncio.wait_for(self.rt.wait(run), 20)
        assert (await self.rt.replay(run.id)).verdict == "same"
        assert [one for one in await self.rt.subscriptions() if one.run_id] == []
        return result

    async def later(self, run: Any, ms: int) -> Any:
        """Let so much time pass once the run waits; what it comes to."""

        async def waits() -> bool:
            return bool((await self.rt.look(run.id)).status == "waiting")

        await self.until(waits)
        await self.clock.advance(ms)
        return await self.ended(run)

    async def said(self, topic: str) -> list[Any]:
        return [(one.envelope.kind, one.envelope.payload) for one in await self.rt.topics.events(topic)]

    async def heard(self, run: Any, many: int) -> None:
        """Until so many answers are on record in the run."""

        async def came() -> bool:
            events = await self.rt.events(run.id)
            return sum(1 for one in events if one.type == "message.received" and "hear" in one.key) >= many

        await self.until(came)


@pytest.fixture
def desk(project: Any) -> Any:
    @asynccontextmanager
    async def open(**more: Any) -> AsyncIterator[Desk]:
        clock = ManualClock()
        async with project.open(settings=TIMELESS, clock=clock, **more) as rt:
            yield Desk(project, rt, clock)

    return open


# -- request ----------------------------------------------------------------------------------------------------------

ASKS = """
    inputs: {n: {type: any, default: 1}}
    tasks: [{id: price, request: {topic: "prices.${'new'}", with: {n: "${n}"}, within: 10m}}]
    outputs: {price: "${price.amount}"}
"""


async def test_a_request_takes_the_first_answer(desk):
    async with desk() as on:
        asked = await on.rt.topics.subscribe("prices.*")
        run = await on.start(ASKS)
        question = (await anext(asked)).envelope
        assert (question.kind, question.payload, question.topic) == ("request", {"n": 1}, "prices.new")
        for amount in (5, 7):
            await on.rt.topics.reply(question, {"amount": amount})
        assert (await on.ended(run)).output == {"price": 5}


async def test_the_answer_of_an_agent_is_what_its_run_comes_to(desk):
    agent = "tasks: [{set: {amount: '${n + 1}'}}]\ninputs: {n: integer}"
    flow = "tasks: [{id: one, request: {topic: ask, with: {n: 4}, within: 1m}}]"
    async with desk() as on:
        await on.rt.topics.subscribe("ask")
        inner = await on.rt.start(on.project.write(agent, "inner"), {"n": 4})
        assert (await on.rt.wait(inner)).output == {"amount": 5}
        run = await on.start(flow)
        question = (await on.events("ask"))[-1].envelope if hasattr(on, "events") else None
        assert question is None
        await on.later(run, 60_000)


async def test_a_request_that_nobody_answers_fails_when_its_time_is_up(desk):
    async with desk() as on:
        result = await on.later(await on.start(ASKS), 600_000)
        assert (result.status, result.error["code"]) == ("failed", "flow.timeout")
        assert "nobody answered on prices.new within 600,000 ms" in result.error["message"]
        assert await on.said("prices.new") == [
            ("request", {"n": 1}),
            ("collab.timeout", {"reason": "request_timeout"}),
        ]
