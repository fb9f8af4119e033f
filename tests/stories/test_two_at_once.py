"""Two runtimes on one file, both alive: what one is asked reaches the run that the other has in its hands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure import tool
from perdure.base.errors import StoreError
from perdure.kernel.settings import Settings
from perdure.testing import Scripted, by_turn, call

heard: list[str] = []
SETTINGS = Settings(recover=True, poll_ms=20)


@tool(effect="once")
async def linger(name: str) -> str:
    """Take for ever."""
    heard.append("begins")
    try:
        await asyncio.sleep(60)
    finally:
        heard.append("ends")
    return "never"


LINGERER = {"name": "lingerer", "model": "scripted/lingerer", "tools": [linger]}
ASKER = {"name": "asker", "model": "scripted/asker", "tools": ["ask"]}
ECHO = {"name": "echo", "model": "scripted/echo"}


def models() -> dict[str, Any]:
    return {
        "scripted/lingerer": Scripted(by_turn([call("linger", name="it"), "done"])),
        "scripted/asker": Scripted(by_turn([call("ask", question="Well?"), "Thank you."])),
        "scripted/echo": Scripted(lambda request: request.messages[-1].text.upper()),
    }


@asynccontextmanager
async def two(folder: Path) -> AsyncIterator[tuple[perdure.Runtime, perdure.Runtime]]:
    async with (
        perdure.open(folder, models=models(), settings=SETTINGS) as one,
        perdure.open(folder, models=models(), settings=SETTINGS) as other,
    ):
        yield one, other


async def test_a_run_is_cancelled_from_elsewhere(tmp_path: Path) -> None:
    heard.clear()
    async with two(tmp_path) as (one, other):
        run = await one.start(LINGERER, "go")
        for _ in range(500):
            if heard:
                break
            await asyncio.sleep(0.01)
        ended = await asyncio.wait_for(other.cancel(run.id), 10)
        assert ended.status == "cancelled"
        assert (await asyncio.wait_for(one.wait(run), 10)).status == "cancelled"
        assert heard == ["begins", "ends"]
        assert await one.store.verify(run.agent_id) == []


async def test_a_question_is_answered_from_elsewhere(tmp_path: Path) -> None:
    async with two(tmp_path) as (one, other):
        asked = await one.run(ASKER, "go")
        assert asked.waiting_for == "approval"
        await other.approve(asked.run_id, "yes")
        for _ in range(500):
            row = await other.store.load_run(asked.run_id)
            if row is not None and row.status == "done":
                break
            await asyncio.sleep(0.01)
        assert (await one.wait(asked.run_id)).output == "Thank you."
        assert (await other.wait(asked.run_id)).output == "Thank you."


async def test_both_send_to_one_agent_and_every_message_is_answered_once(tmp_path: Path) -> None:
    async with two(tmp_path) as (one, other):
        runs = await asyncio.gather(
            *((one, other)[n % 2].start(ECHO, f"m{n}", agent="bob") for n in range(40)), return_exceptions=True
        )
        assert [run for run in runs if isinstance(run, BaseException)] == []
        results = await asyncio.wait_for(asyncio.gather(*(other.wait(run.id) for run in runs)), 30)  # type: ignore[union-attr]
        assert [result.output for result in results] == [f"M{n}" for n in range(40)]
        assert await one.store.verify("bob") == []


async def test_one_ends_while_the_other_goes_on(tmp_path: Path) -> None:
    async with perdure.open(tmp_path, models=models(), settings=SETTINGS) as other:
        async with perdure.open(tmp_path, models=models(), settings=SETTINGS) as one:
            runs = [await one.start(ECHO, f"m{n}", agent=f"echo-{n % 3}") for n in range(30)]
        with pytest.raises(StoreError):
            await one.run(ECHO, "it is closed")
        results = await asyncio.wait_for(asyncio.gather(*(other.wait(run.id) for run in runs)), 30)
        assert [result.output for result in results] == [f"M{n}" for n in range(30)]
