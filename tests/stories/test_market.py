"""The market analyst: data, three analysts side by side, a planner that makes do with two of them, and rules where its
model fails. The numbers are those of the checklist."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.errors import Overloaded
from perdure.control.spans import walk
from perdure.kernel.store.rows import EventFilter
from perdure.testing import Scripted

AGENTS = '''
import asyncio, json
from pathlib import Path
from perdure import Agent, tool

HERE = Path(__file__).parent
PLAN = {"up": "buy", "down": "sell", "flat": "hold"}

def note(what):
    with (HERE / "order.txt").open("a") as file:
        file.write(what + "\\n")

def delays():
    return json.loads((HERE / "delays.json").read_text())

@tool(effect="read")
async def read_prices(days: int) -> list[float]:
    """The last prices."""
    note("data")
    return [100.0 + n for n in range(days)]

@tool(effect="read")
async def plan_by_rules(direction: str, level: str, mood: str) -> str:
    """A plan by fixed rules."""
    note("rules")
    return f"{PLAN[direction]} ({level}, {mood}) by rules"

class Analyst(Agent):
    async def on_message(self, ctx, message):
        name = type(self).__name__.lower()
        await ctx.effect("work", name, lambda _: self.work(name), effect="read")
        return self.view(message.payload)

    async def work(self, name):
        await asyncio.sleep(delays().get(name, 0))
        note(name)
        if delays().get(name) == -1:
            raise RuntimeError("the analyst is out")

class Trend(Analyst):
    def view(self, prices):
        return {"direction": "up" if prices["prices"][-1] > prices["prices"][0] else "down"}

class Risk(Analyst):
    def view(self, prices):
        return {"level": "low"}

class Sentiment(Analyst):
    def view(self, prices):
        return {"mood": "good"}
'''
FLOW = """
name: market
inputs: {days: {type: integer, default: 10}}
tools: ["./analysts.py:read_prices", "./analysts.py:plan_by_rules"]
agents:
  trend: {class: "./analysts.py:Trend"}
  risk: {class: "./analysts.py:Risk"}
  sentiment: {class: "./analysts.py:Sentiment"}
  planner: {model: scripted/planner, instructions: Make a plan.}
tasks:
  - id: data
    tool: read_prices
    with: {days: "${days}"}
    output: list of number
  - id: views
    need: NEED
    within: WITHIN
    parallel:
      trend: {agent: trend, input: {prices: "${data}"}}
      risk: {agent: risk, input: {prices: "${data}"}}
      sentiment: {agent: sentiment, input: {prices: "${data}"}}
  - id: plan
    agent: planner
    input: "${trend.direction ?? 'flat'} ${risk.level ?? 'medium'} ${sentiment.mood ?? 'mixed'}"
    timeout: 2s
    on_error:
      - tool: plan_by_rules
        with:
          direction: ${trend.direction ?? 'flat'}
          level: ${risk.level ?? 'medium'}
          mood: ${sentiment.mood ?? 'mixed'}
  - emit: market.plan
    with: {plan: "${plan}"}
outputs: {plan: "${plan}", views: "${views}"}
"""


class Market:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "analysts.py").write_text(AGENTS)
        self.slow()

    def slow(self, need: int = 2, within: str = "400ms", **seconds: float) -> None:
        """How long analysts take; -1: they fail."""
        (self.folder / "delays.json").write_text(str(seconds).replace("'", '"'))
        (self.folder / "market.flow.yaml").write_text(FLOW.replace("NEED", str(need)).replace("WITHIN", within))

    @property
    def order(self) -> list[str]:
        return (self.folder / "order.txt").read_text().splitlines()

    def open(self, answer: Any = "a plan", **more: Any) -> AbstractAsyncContextManager[perdure.Runtime]:
        self.planner = Scripted(lambda _: answer, name="scripted/planner")
        return perdure.open(self.folder, models={"scripted/planner": self.planner}, **more)

    async def run(self, answer: Any = "a plan") -> Any:
        async with self.open(answer) as rt:
            return await rt.run("market.flow.yaml", None)


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return Market(tmp_path)


async def test_loom_46_data_then_analysts_then_the_planner_each_with_what_the_one_before_gave(market):
    result = await market.run()
    assert result.output["plan"] == "a plan"
    assert market.order[0] == "data"
    assert sorted(market.order[1:]) == ["risk", "sentiment", "trend"]
    assert market.planner.requests[0].messages[-1].text == "up low good"


async def test_loom_47_three_analyses_are_gathered_side_by_side_within_the_time(market):
    market.slow(trend=0.15, risk=0.15, sentiment=0.15)
    result = await market.run()
    assert result.output["views"] == {
        "trend": {"direction": "up"},
        "risk": {"level": "low"},
        "sentiment": {"mood": "good"},
    }


async def test_loom_48_the_planner_makes_do_with_two_of_three(market):
    market.slow(sentiment=30)
    result = await market.run()
    assert (result.status, result.output["views"]["sentiment"]) == ("done", None)
    assert market.planner.requests[0].messages[-1].text == "up low mixed"


async def test_loom_49_without_any_answer_in_time_there_is_no_plan_but_an_error_that_says_so(market):
    market.slow(trend=30, risk=30, sentiment=30)
    async with market.open() as rt:
        result = await rt.run("market.flow.yaml", None)
        assert (result.status, result.error["code"]) == ("failed", "flow.not_enough")
        assert set(result.error["facts"]["failures"]) == {"trend", "risk", "sentiment"}
        for child in (await rt.show(result.run_id)).children:
            while (await rt.look(child)).status != "cancelled":
                await asyncio.sleep(0.01)
    assert market.order == ["data"]


async def test_loom_50_the_plan_is_the_models(market):
    result = await market.run("Buy, as the trend is up and the risk is low.")
    assert result.output["plan"] == "Buy, as the trend is up and the risk is low."
    assert "rules" not in market.order


async def test_loom_51_where_the_model_fails_there_are_rules(market):
    market.slow(risk=-1)
    result = await market.run(Overloaded("too many requests", retryable=False))
    assert result.output["plan"] == "buy (medium, good) by rules"
    assert market.order[-1] == "rules"


async def test_one_trace_goes_through_all_of_it(market):
    async with market.open() as rt:
        result = await rt.run("market.flow.yaml", None)
        nodes = [node for _, node in walk(await rt.trace(result.run_id))]
        runs = [node.name for node in nodes if node.kind == "run"]
        assert runs == ["market", "trend", "risk", "sentiment", "planner"]
        assert [node.name for node in nodes if node.kind == "model"] == ["scripted/planner"]
        event = (await rt.store.events(EventFilter()))[0]
        assert event.topic == "market.plan"


async def test_loom_58_what_was_killed_among_slow_analysts_goes_on_and_nothing_is_lost(market):
    market.slow(need=3, within="1m", trend=0.2, risk=0.05)
    script = f"""
        import asyncio, os, signal, threading, perdure
        from perdure.testing import Scripted

        async def main():
            models = {{"scripted/planner": Scripted(lambda _: "a plan", name="scripted/planner")}}
            async with perdure.open({str(market.folder)!r}, models=models) as rt:
                runs = [await rt.start("market.flow.yaml", {{"days": n}}, agent=f"market-{{n}}") for n in range(3, 23)]
                threading.Timer(DELAY, os.kill, (os.getpid(), signal.SIGKILL)).start()
                await asyncio.gather(*(rt.wait(run) for run in runs))

        asyncio.run(main())
    """
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", textwrap.dedent(script).replace("DELAY", "0.12")],
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == -9, killed.stderr
    async with market.open(recover=True) as rt:
        flows = [row for row in (await rt.runs(limit=200)).items if row.spec == "market"]
        results = await asyncio.gather(*(rt.wait(row.run_id) for row in flows))
        assert [result.status for result in results] == ["done"] * 20
        rows = (await rt.runs(limit=200)).items
        # Every analysis is on record once, whoever was killed in the middle of it.
        for name in ("trend", "risk", "sentiment"):
            assert sum(row.spec == name and row.status == "done" for row in rows) == 20
        assert len(await rt.store.events(EventFilter())) == 20
