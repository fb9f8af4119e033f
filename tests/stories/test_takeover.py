"""Several processes on one file: the living go on for the dead, and never get into each other's way."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.kernel.settings import Settings
from perdure.kernel.store.rows import RunFilter
from perdure.testing import CRASH_POINTS

LEASE_MS = 800
SETTINGS = Settings(recover=True, heartbeat_ms=200, lease_ms=LEASE_MS, poll_ms=50)


async def at_rest(rt: perdure.Runtime, ids: list[str], timeout: float = 30) -> float:
    """Seconds until each of these runs has ended or is in doubt (or waits behind one that is)."""
    began = time.perf_counter()
    while True:
        rows = [row for row in [await rt.store.load_run(id) for id in ids] if row is not None]
        assert len(rows) == len(ids)
        stuck = {row.agent_id for row in rows if row.waiting_for == "in_doubt"}
        if all(row.status == "done" or row.agent_id in stuck for row in rows):
            return time.perf_counter() - began
        assert time.perf_counter() - began < timeout, [
            (row.id, row.status, row.waiting_for, rt.engine._pulse.trouble) for row in rows
        ]
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("point", [name for name in CRASH_POINTS if name != "accept.before_commit"])
async def test_a_living_process_goes_on_for_a_killed_one(
    project: Path, outside: Any, spawn: Any, models: Any, point: str
) -> None:
    async with perdure.open(project, models=models, settings=SETTINGS) as rt:
        child = spawn("--runs", "4", "--point", point, "--nth", "4")
        assert await asyncio.to_thread(child.end) == -signal.SIGKILL
        assert await at_rest(rt, child.accepted) < 5
        for agent in (await rt.store.agents()).items:
            assert await rt.store.verify(agent.id) == []
    report = outside.report()
    assert report["overlaps"] == []
    for effect in ("idempotent", "checkable", "once"):
        assert set(report["happened"].get(effect, {"none": 1}).values()) == {1}


@pytest.mark.parametrize("nth", [8, 10, 13, 17])
async def test_a_paused_worker_that_wakes_too_late_can_write_nothing(
    project: Path, outside: Any, spawn: Any, models: Any, nth: int
) -> None:
    # It is paused between two transactions: one paused inside of one would keep the file locked for everybody.
    async with perdure.open(project, models=models, settings=SETTINGS) as rt:
        child = spawn("--runs", "3", "--point", "store.after_commit", "--nth", str(nth), "--stop")
        for _ in range(3):
            await asyncio.to_thread(child.hear, "accepted")
        assert await at_rest(rt, child.accepted) < LEASE_MS / 1000 + 5
        before = {row.id: row for row in (await rt.store.runs(RunFilter())).items}
        child.signal(signal.SIGCONT)
        await asyncio.sleep(LEASE_MS / 1000)
        after = {row.id: row for row in (await rt.store.runs(RunFilter())).items}
        assert after == before
        for agent in (await rt.store.agents()).items:
            assert await rt.store.verify(agent.id) == []
        if not any(row.waiting_for == "in_doubt" for row in after.values()):
            assert await asyncio.to_thread(child.end) == 0
    # What it had begun before the pause may end after it; class checkable cannot be told apart then, the others can.
    report = outside.report()
    for effect in ("idempotent", "once"):
        assert set(report["happened"].get(effect, {"none": 1}).values()) == {1}


async def test_two_processes_never_work_for_one_agent_at_once(
    project: Path, outside: Any, spawn: Any, models: Any
) -> None:
    children = [spawn("--runs", "12", "--finish") for _ in range(3)]
    for child in children:
        assert await asyncio.to_thread(child.end) == 0
    async with perdure.open(project, models=models) as rt:
        runs = (await rt.store.runs(RunFilter(), limit=1_000)).items
        assert {run.status for run in runs} == {"done"}
        assert len([run for run in runs if run.agent_id == "bob"]) == 9
        for agent in (await rt.store.agents(limit=1_000)).items:
            assert await rt.store.verify(agent.id) == []
    report = outside.report()
    assert report["overlaps"] == []
    for effect in ("idempotent", "checkable", "once"):
        assert set(report["happened"][effect].values()) == {1}


async def test_who_was_not_asked_to_recover_leaves_others_alone(
    project: Path, outside: Any, spawn: Any, models: Any
) -> None:
    child = spawn("--runs", "1", "--point", "effect.done", "--nth", "1")
    assert child.end() == -signal.SIGKILL
    async with perdure.open(project, models=models) as rt:
        (lost,) = await rt.interrupted()
        interrupted = lost.run_id
        mine = await rt.run("helper.yaml", "something else")
        assert mine.status == "done"
        await asyncio.sleep(0.5)
        row = await rt.store.load_run(interrupted)
        assert row is not None and row.status == "running"
        assert (await rt.resume(interrupted)).output == "done"
