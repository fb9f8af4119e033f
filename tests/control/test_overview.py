"""What goes on, at a glance."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from perdure.base.clock import ManualClock
from perdure.base.errors import InputError
from perdure.base.messages import ModelResponse, Text
from perdure.base.usage import Usage
from perdure.control import overview
from perdure.testing import Scripted, call


def answer(_: Any) -> ModelResponse:
    return ModelResponse((Text("Fine."),), usage=Usage(500, 100))


async def test_rates_are_those_of_the_last_minute(opened: Any) -> None:
    clock = ManualClock()
    async with opened(Scripted(answer, name="scripted/m"), clock=clock) as rt:
        await rt.run("clerk.yaml", "Look", agent="ann")
        await clock.advance(90_000)
        for name in ("bob", "bob", "cid"):
            await rt.run("clerk.yaml", "Look", agent=name)
        found = await rt.overview()
        assert (found.calls, found.ended, found.tokens, found.tokens_per_second) == (3, 3, 1_800, 30.0)
        assert [(load.agent_id, load.calls) for load in found.busiest] == [("bob", 2), ("cid", 1)]
        assert found.cost_microusd == sum(load.cost_microusd for load in found.busiest) > 0
        assert (found.agents, found.open_runs, found.runs) == (3, {}, ())
        await clock.advance(90_000)
        assert (await rt.overview()).calls == 0


@pytest.mark.parametrize(("page", "most", "calls", "window"), [(2, 20_000, 5, 60_000), (2, 3, 2, 20_000)])
async def test_rates_are_right_however_much_is_read(
    opened: Any, monkeypatch: pytest.MonkeyPatch, page: int, most: int, calls: int, window: int
) -> None:
    monkeypatch.setattr(overview, "PAGE", page)
    monkeypatch.setattr(overview, "LOOKED_AT", most)
    clock = ManualClock()
    async with opened(Scripted(answer, name="scripted/m"), clock=clock) as rt:
        for _ in range(8):
            await clock.advance(10_000)
            await rt.run("clerk.yaml", "Look", agent="bob")
        await clock.advance(10_000)
        found = await rt.overview()
    assert (found.calls, found.ended, found.window_ms) == (calls, calls, window)


async def test_a_run_under_way_is_shown_with_what_it_did_so_far(opened: Any) -> None:
    is_there, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: Any) -> Any:
        if len(request.messages) == 1:
            return call("calculator", expression="1+1")
        is_there.set()
        await go_on.wait()
        return "Fine."

    async with opened(Scripted(slow, name="scripted/m")) as rt:
        run = await rt.start("clerk.yaml", "Look", agent="bob")
        await is_there.wait()
        (shown,) = (await rt.overview()).runs
        assert (shown.run_id, shown.status, shown.spec, shown.steps) == (run.id, "running", "clerk", 1)
        assert shown.tokens > 0 and shown.cost_microusd > 0
        go_on.set()
        await rt.wait(run)


async def test_what_works_is_shown_before_what_waits(opened: Any) -> None:
    async with opened([call("ask", question="May I?")] * 5) as rt:
        for name in ("ann", "bob", "ann"):
            await asyncio.wait_for(rt.run("clerk.yaml", "Look", agent=name), 10)
        found = await rt.overview(limit=2)
        assert [run.status for run in found.runs] == ["waiting", "waiting"]
        assert found.open_runs == {"waiting": 2, "queued": 1} and found.queue == 1
        with pytest.raises(InputError):
            await rt.overview(limit=0)
