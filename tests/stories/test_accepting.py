"""What was accepted is worked on: once, and whatever becomes of whoever sent it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.errors import InboxFull, InputError, RunNotFound, WrongState
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.rows import RunFilter
from perdure.testing import Scripted

ECHO = {"name": "echo", "model": "scripted/echo"}


def echo() -> dict[str, Any]:
    return {"scripted/echo": Scripted(lambda request: request.messages[-1].text.upper())}


@pytest.mark.parametrize("agent", ["bob", None])
async def test_a_sender_that_leaves_at_once_is_served_all_the_same(tmp_path: Path, agent: str | None) -> None:
    async with perdure.open(tmp_path, models=echo()) as rt:
        if agent:
            await rt.run(ECHO, "before", agent="another")
        sending = asyncio.ensure_future(rt.start(ECHO, "hello", agent=agent))
        async with asyncio.timeout(10):
            while not rt.engine.gate.arriving and not rt.engine._ticks:  # until its commit is on the way
                await asyncio.sleep(0)
        sending.cancel()
        for _ in range(1_000):
            runs = (await rt.store.runs(RunFilter(status=("done",)))).items
            if len(runs) == 1 + bool(agent):
                break
            await asyncio.sleep(0.01)
        assert (await rt.wait(runs[0])).output == "HELLO"


async def test_the_same_envelope_twice_is_one_run(tmp_path: Path) -> None:
    async with perdure.open(tmp_path, models=echo()) as rt:
        first = await rt.start(ECHO, "hello", agent="bob", envelope_id="env_order_7")
        again = await rt.start(ECHO, "hello", agent="bob", envelope_id="env_order_7")
        assert again.id == first.id
        assert (await rt.wait(first)).output == "HELLO"
        late = await rt.start(ECHO, "hello", agent="bob", envelope_id="env_order_7")
        assert late.id == first.id
        assert len((await rt.store.runs(RunFilter(agent_id="bob"))).items) == 1


async def test_the_same_envelope_from_many_senders_at_once_is_one_run(tmp_path: Path) -> None:
    async with perdure.open(tmp_path, models=echo()) as rt:
        runs = await asyncio.gather(*(rt.start(ECHO, "hi", agent="bob", envelope_id="env_1") for _ in range(20)))
        assert len({run.id for run in runs}) == 1
        assert (await rt.wait(runs[0])).output == "HI"


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
async def test_a_hundred_messages_to_one_agent_are_answered_in_order(tmp_path: Path, kind: str) -> None:
    store = MemoryStore() if kind == "memory" else None
    model = Scripted(lambda request: request.messages[-1].text.upper())
    async with perdure.open(tmp_path, models={"scripted/echo": model}, store=store) as rt:
        runs = [await rt.start(ECHO, f"m{n}", agent="bob") for n in range(100)]
        results = [await rt.wait(run) for run in runs]
        assert [result.output for result in results] == [f"M{n}" for n in range(100)]
        assert [request.messages[-1].text for request in model.requests] == [f"m{n}" for n in range(100)]
        assert await rt.store.verify("bob") == []


async def test_one_too_many_is_refused_and_the_others_are_served(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def slow(request: Any) -> str:
        await gate.wait()
        return "done"

    narrow = {**ECHO, "inbox": {"capacity": 2}}
    async with perdure.open(tmp_path, models={"scripted/echo": Scripted(slow)}) as rt:
        runs = [await rt.start(narrow, f"m{n}", agent="bob") for n in range(3)]
        with pytest.raises(InboxFull) as full:
            await rt.start(narrow, "one too many", agent="bob")
        assert full.value.retryable
        gate.set()
        assert [(await rt.wait(run)).status for run in runs] == ["done"] * 3
        assert (await rt.run(narrow, "now there is room", agent="bob")).status == "done"


@pytest.mark.parametrize(
    "agent", ["", " ", "../../etc/passwd", "a/b", "a b", "ü", "a\n", "a\x00b", "-rf", ".hidden", "x" * 129, "\ud800"]
)
async def test_an_agent_id_that_is_none(tmp_path: Path, agent: str) -> None:
    async with perdure.open(tmp_path, models=echo()) as rt:
        with pytest.raises(InputError):
            await rt.start(ECHO, "hello", agent=agent)
        assert (await rt.run(ECHO, "hello")).output == "HELLO"


async def test_a_run_that_there_is_not(tmp_path: Path) -> None:
    async with perdure.open(tmp_path, models=echo()) as rt:
        assert (await rt.run(ECHO, "hello")).output == "HELLO"
        for id in ("", "run_", "nope", "run_00000000000070008000000000000000", "' OR 1=1 --", "\ud800", "%", "_" * 9):
            for verb in (rt.wait, rt.resume, rt.cancel, rt.pause, rt.approve, rt.replay):
                with pytest.raises((RunNotFound, InputError)):
                    await verb(id)
            with pytest.raises((RunNotFound, InputError)):
                await rt.resolve(id, "", "done")
            with pytest.raises((RunNotFound, InputError)):
                await rt.fork(id, "step1/model")


async def test_an_answer_that_nobody_waits_for(tmp_path: Path) -> None:
    async with perdure.open(tmp_path, models=echo()) as rt:
        done = await rt.run(ECHO, "hello")
        with pytest.raises(WrongState):
            await rt.approve(done.run_id)
        with pytest.raises(WrongState):
            await rt.resolve(done.run_id, "", "done")
        with pytest.raises(WrongState):
            await rt.resume(done.run_id)
        with pytest.raises(WrongState):
            await rt.cancel(done.run_id)
        with pytest.raises(WrongState):
            await rt.pause(done.run_id)
        assert (await rt.wait(done.run_id)).output == "HELLO"
