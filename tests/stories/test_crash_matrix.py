"""Whatever the instant at which a process is killed, no accepted work is lost and none is silently done twice.

A child accepts runs whose tools have all four classes of effect, several at once, streamed, with child runs and a
conversation; it is killed; the next child takes over by itself and is killed again. What happened outside is counted
by another process. `PERDURE_CRASH_KILLS` says how many random instants (200), `PERDURE_CRASH_SEED` which ones.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.codec import unpack
from perdure.kernel.effect import idempotency_key
from perdure.kernel.journal import decode
from perdure.kernel.records import EffectDone, EffectFailed, EffectIntended
from perdure.kernel.store.rows import RecordFilter, RunFilter, RunRow
from perdure.testing import CRASH_POINTS

KILLS = int(os.environ.get("PERDURE_CRASH_KILLS", "200"))
PARTS = 4
SEED = int(os.environ.get("PERDURE_CRASH_SEED", "20"))
EFFECTS_OF = {"worker": Counter(idempotent=3, checkable=1, once=2), "helper": Counter(idempotent=1, checkable=1)}
EFFECTS_OF["boss"] = Counter(idempotent=1)


def test_killed_at_every_crash_point(project: Path, outside: Any, spawn: Any, models: Any) -> None:
    children = []
    for name in CRASH_POINTS:
        for nth in (1, 2, 4) if name.startswith("accept") else (1, 2, 3, 6, 11):
            child = spawn("--runs", "4", "--point", name, "--nth", str(nth))
            children.append(child)
            assert child.end() == -signal.SIGKILL, f"{name} was not passed {nth} times"
    assert any(child.doubtful for child in children), "some kills fell between an intent and its result"
    asyncio.run(nothing_is_lost_or_repeated(project, outside, spawn, models, children))


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_random_instants(project: Path, outside: Any, spawn: Any, models: Any, part: int) -> None:
    seed = SEED + part
    print(f"PERDURE_CRASH_SEED={seed}: {KILLS // PARTS} kills")
    chance = random.Random(seed)
    first = spawn("--runs", "4")
    first.hear("opening")
    began = time.perf_counter()
    first.end()
    whole = time.perf_counter() - began
    children = [first]
    for _ in range(KILLS // PARTS):
        child = spawn("--runs", "4")
        children.append(child)
        child.hear("opening")
        time.sleep(chance.random() * whole * 1.2)
        child.signal(signal.SIGKILL)
        child.end()
    asyncio.run(nothing_is_lost_or_repeated(project, outside, spawn, models, children))


async def nothing_is_lost_or_repeated(
    project: Path, outside: Any, spawn: Any, models: Any, children: list[Any]
) -> None:
    last = spawn("--runs", "4", "--finish")
    assert last.end() == 0
    children = [*children, last]
    accepted = {run for child in children for run in child.accepted}
    doubtful = set().union(*(child.doubtful for child in children))
    assert len(accepted) > len(children) / 2, "most children got as far as accepting something"

    async with perdure.open(project, models=models) as rt:
        runs = await all_runs(rt)
        assert accepted <= runs.keys(), "an accepted run is lost"
        await in_doubt_exactly_where_killed(rt, runs, doubtful)
        await journal_is_whole(rt, runs, outside)
        decided = await decide(rt, runs, outside)
    assert decided == doubtful

    finished = spawn("--runs", "0", "--finish")
    assert finished.end() == 0
    async with perdure.open(project, models=models) as rt:
        runs = await all_runs(rt)
        for run in runs.values():
            assert run.status == "done", (await rt.wait(run)).error
            output = (await rt.wait(run)).output
            assert output == {"worker": "done", "helper": "helped", "boss": ["helped", "helped"]}[kind(run)]
        await journal_is_whole(rt, runs, outside)
    expected: Counter[str] = Counter()
    for run in runs.values():
        expected += EFFECTS_OF[kind(run)]
    report = outside.report()
    for effect in ("idempotent", "checkable", "once"):
        happened = report["happened"][effect]
        assert set(happened.values()) == {1}, f"an effect of class {effect} was repeated"
        assert len(happened) == expected[effect], f"an effect of class {effect} was lost"
    assert report["overlaps"] == []


async def in_doubt_exactly_where_killed(
    rt: perdure.Runtime, runs: dict[str, RunRow], doubtful: set[tuple[str, str]]
) -> None:
    waiting = set()
    stuck = {run.agent_id for run in runs.values() if run.waiting_for == "in_doubt"}
    for run in runs.values():
        if run.waiting_for == "in_doubt":
            waits = (await rt.engine.ended(run)).waits
            waiting |= {(run.id, wait.key) for wait in waits if wait.kind == "in_doubt"}
        elif run.status == "queued":
            assert run.agent_id in stuck, "it waits behind nothing"
        else:
            assert run.status == "done", (run.id, run.status, run.waiting_for)
    assert waiting == doubtful


async def journal_is_whole(rt: perdure.Runtime, runs: dict[str, RunRow], outside: Any) -> None:
    """Chains verify; no effect has two results; what the journal says was done did happen, and happened once."""
    report = outside.report()["happened"]
    for agent_id in {run.agent_id for run in runs.values()}:
        assert await rt.store.verify(agent_id) == []
        done: Counter[tuple[str, str]] = Counter()
        classes: dict[tuple[str, str], str] = {}
        for record in await rt.store.records(RecordFilter(agent_id), limit=1_000_000):
            event = decode(record)
            place = (record.run_id, record.key)
            if isinstance(event, EffectIntended):
                classes[place] = event.effect
            elif isinstance(event, EffectDone):
                done[place] += 1
            assert not isinstance(event, EffectFailed), f"{record.key}: {unpack(event.body)}"
        assert [place for place, count in done.items() if count > 1] == []
        for place, effect in classes.items():
            if done[place]:
                assert report[effect][idempotency_key(*place)] == 1


async def decide(rt: perdure.Runtime, runs: dict[str, RunRow], outside: Any) -> set[tuple[str, str]]:
    """What an operator does: look outside whether it happened, and say so."""
    once = outside.happened("once")
    decided = set()
    for run in runs.values():
        if run.waiting_for != "in_doubt":
            continue
        for wait in (await rt.engine.ended(run)).waits:
            if wait.kind == "in_doubt":
                happened = once.get(idempotency_key(run.id, wait.key), 0)
                assert happened in (0, 1)
                await rt.resolve(run.id, wait.key, "done" if happened else "retry", value="once done")
                decided.add((run.id, wait.key))
    return decided


async def all_runs(rt: perdure.Runtime) -> dict[str, RunRow]:
    return {run.id: run for run in (await rt.store.runs(RunFilter(), limit=1_000_000)).items}


def kind(run: RunRow) -> str:
    if run.parent:
        return "helper"
    return "boss" if run.agent_id.startswith("boss") else "worker"
