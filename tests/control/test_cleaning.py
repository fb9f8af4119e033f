"""Cleaning up what nothing refers to, and what ended long ago."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from perdure.base.errors import Held, InputError
from perdure.base.messages import ModelRequest
from perdure.kernel.store.ops import Claim, Heartbeat
from perdure.kernel.store.rows import WorkerRow
from perdure.testing import Scripted, call


async def test_runs_that_ended_long_ago_go_and_with_them_what_only_they_named(opened: Any) -> None:
    long_text = "word " * 40_000
    async with opened([long_text, call("ask", question="?")]) as rt:
        old = await rt.run("clerk.yaml", "hi", agent="bob")
        waiting = await rt.run("clerk.yaml", "hi", agent="bob")
        nothing = await rt.gc(older_than_ms=60_000)
        assert (nothing.runs, nothing.agents) == (0, 0)
        cleaned = await rt.gc(older_than_ms=0)
        assert (cleaned.runs, cleaned.agents, cleaned.kept) == (1, 0, ())
        assert cleaned.bytes >= len(long_text) and cleaned.blobs > 0
        assert [run.run_id for run in (await rt.runs()).items] == [waiting.run_id]
        assert old.run_id != waiting.run_id


async def test_without_an_age_no_run_is_touched(opened: Any) -> None:
    async with opened(["hello"]) as rt:
        await rt.run("clerk.yaml", "hi")
        assert (await rt.gc()).runs == 0
        assert len((await rt.runs()).items) == 1


async def test_dead_workers_are_forgotten(opened: Any, killed: Any) -> None:
    killed('["hello"]', at="effect.done")
    async with opened() as rt:
        assert (await rt.gc()).workers == 1


async def test_an_agent_at_work_keeps_its_old_runs_chain_and_all(opened: Any) -> None:
    going = asyncio.Event()

    async def answer(request: ModelRequest) -> Any:
        if len(request.messages) > 1:
            await going.wait()
        return "hello"

    async with opened(Scripted(answer, name="scripted/m")) as rt:
        await rt.run("clerk.yaml", "hi", agent="bob")
        second = await rt.start("clerk.yaml", "hi", agent="bob")
        cleaned = await rt.gc(older_than_ms=0)
        assert cleaned.runs == 1
        going.set()
        assert (await rt.wait(second)).output == "hello"
        assert (await rt.verify()).ok


async def test_an_age_is_not_negative(opened: Any) -> None:
    async with opened() as rt:
        with pytest.raises(InputError):
            await rt.gc(older_than_ms=-1)


async def test_an_agent_that_another_process_holds_is_kept_and_named(opened: Any) -> None:
    async with opened(["hello"]) as rt:
        result = await rt.run("clerk.yaml", "hi", agent="bob")
        await rt.store.commit([Heartbeat(WorkerRow("wrk_other", rt.clock.now())), Claim("bob", "wrk_other")])
        cleaned = await rt.gc(older_than_ms=0)
        assert cleaned.runs == 0
        assert len(cleaned.kept) == 1 and result.run_id in cleaned.kept[0]
        with pytest.raises(Held):
            await rt.delete_run(result.run_id)
