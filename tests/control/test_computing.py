"""/compute of agents at work: the money of a job is that of the run that asks, and the books of both are one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure import Context, Envelope
from perdure.base.errors import BudgetExceeded
from perdure.base.messages import ModelResponse, Text
from perdure.base.usage import Usage
from perdure.testing import Scripted

PROJECT = '[prices."scripted/a"]\ninput = 3\noutput = 15\n'
AGENT = """
name: ada
class: ./ada.py:Ada
budget: {per_run: $0.001, per_tick: $0.0009, per_day: $0.002}
"""
CODE = """
import json
from perdure import Agent

class Ada(Agent):
    async def on_message(self, ctx, message):
        job = json.loads(await ctx.files.call("/compute/new", message.payload))
        await ctx.files.follow(job["stream_path"], after=0, until=lambda change: b"finish_reason" in change.data)
        usage = json.loads(await ctx.files.read("/compute/usage"))
        return {"result": json.loads(await ctx.files.read(job["result_path"])), "usage": usage}
"""
REQUEST = {"model": "a", "kind": "chat", "input": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 20}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "perdure.toml").write_text(PROJECT)
    (tmp_path / "ada.yaml").write_text(AGENT)
    (tmp_path / "ada.py").write_text(CODE)
    return tmp_path


def answer(_: Any) -> ModelResponse:
    return ModelResponse((Text("Hello"),), usage=Usage(10, 2))


def models() -> dict[str, Any]:
    return {"scripted/a": Scripted(answer, name="scripted/a")}


async def test_a_job_draws_on_the_run_that_asks_the_agent_and_the_books_agree(folder: Path) -> None:
    async with perdure.open(folder, models=models()) as runtime:
        for _ in range(2):
            done = await runtime.run("ada.yaml", REQUEST, agent="ada")
            assert done.output["result"]["cost_microusd"] == 60
            tick = done.output["usage"]["tick"]
            assert (tick["spent_microusd"], tick["limit_microusd"], tick["remaining_microusd"]) == (60, 900, 840)
        usage = json.loads(await runtime.namespace.read("/agents/ada/compute/usage"))
        assert usage["day"] == {
            "reserved_microusd": 0,
            "spent_microusd": 120,
            "limit_microusd": 2_000,
            "remaining_microusd": 1_880,
        }
        balance = json.loads(await runtime.namespace.read("/agents/ada/wallet/balance"))
        assert [one["spent_microusd"] for one in balance["scopes"] if one["scope"] == "agent:ada:day"] == [120]
        history = json.loads(await runtime.namespace.read("/agents/ada/wallet/history"))
        assert [one["spent_microusd"] for one in history] == [60, 60]


async def test_a_job_that_the_run_cannot_pay_for_fails_it(folder: Path) -> None:
    dear = {**REQUEST, "input": {**REQUEST["input"], "max_tokens": 63}}  # type: ignore[dict-item]
    async with perdure.open(folder, models=models()) as runtime:
        done = await runtime.run("ada.yaml", dear, agent="ada")
        assert done.error is not None
        assert (done.status, done.error["code"]) == ("failed", "budget.exceeded")
        assert done.error["facts"]["scope"] == "agent:ada:tick"
        with pytest.raises(BudgetExceeded):
            dearer = {**REQUEST, "input": {**REQUEST["input"], "max_tokens": 200}}  # type: ignore[dict-item]
            await runtime.namespace.call("/agents/ada/compute/new", json.dumps(dearer))


class Asking(perdure.Agent):
    """Asks through /compute only."""

    async def on_message(self, ctx: Context, message: Envelope) -> Any:
        job = json.loads(await ctx.files.call("/compute/new", message.payload))
        await ctx.files.follow(job["stream_path"], after=0, until=lambda change: b"finish_reason" in change.data)
        return json.loads(await ctx.files.read("/compute/providers/scripted/health"))


async def test_speeds_seen_by_the_loop_are_known_to_compute(folder: Path) -> None:
    (folder / "talker.yaml").write_text("name: talker\nmodel: scripted/a\n")
    async with perdure.open(folder, models=models()) as runtime:
        await runtime.run("talker.yaml", "Hi", agent="talker")
        health = json.loads(await runtime.namespace.read("/agents/talker/compute/providers/scripted/health"))
        assert health["latency"]["measured"]
        assert runtime.library.gateway.learnt("scripted/a").calls == 1
        await runtime.run(Asking, REQUEST, agent="asking")
        assert runtime.library.gateway.learnt("scripted/a").calls == 2
