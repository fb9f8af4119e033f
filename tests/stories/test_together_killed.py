"""Flows that ask, gather, call for proposals and meet are killed over and over: nobody is asked twice, nor awarded."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import perdure

KILLS = 8
FLOW = """
name: killed
inputs: {n: integer}
tasks:
  - {id: price, request: {topic: ask, with: "${n}", within: 5m}}
  - {id: all, gather: {topic: [ask, many], with: "${n}", first: 3, within: 5m, summary_to: summary}}
  - {id: bids, contract: {topic: jobs, task: "${n}", score: "${proposal.price}", best: min, within: 1s}}
  - {emit: meet, with: "${n}"}
  - {id: met, barrier: {name: "of.${n}", parties: 2, within: 5m}}
outputs:
  price: ${price}
  all: ${pluck(all, 'payload') | sort}
  won: ${pluck(bids.awarded, 'payload')}
  met: ${met | sort}
"""
CLASSES = """
from perdure import Agent
from perdure.bus.collaboration.barrier import barrier

class Answers(Agent):
    async def on_message(self, ctx, message):
        await ctx.sleep(20)
        return message.payload * 10

class Bids(Agent):
    async def on_message(self, ctx, message):
        return {"price": 3 if ctx.agent_id == "dear" else 2}

class Meets(Agent):
    async def on_event(self, ctx, event):
        await barrier(ctx, f"of.{event.payload}", 2, timeout_ms=300_000)
"""
AGENTS = {
    "one": ("Answers", "ask"),
    "two": ("Answers", "many"),
    "three": ("Answers", "many"),
    "dear": ("Bids", "jobs"),
    "cheap": ("Bids", "jobs"),
    "partner": ("Meets", "meet"),
}


async def test_what_was_asked_and_awarded_is_asked_and_awarded_once(project: Any, flows_killed: Any) -> None:
    (project / "killed.flow.yaml").write_text(FLOW)
    (project / "classes.py").write_text(CLASSES)
    (project / "agents").mkdir()
    for name, (cls, topic) in AGENTS.items():
        text = f"name: {name}\nclass: ../classes.py:{cls}\non: [{{topic: {topic}}}]\n"
        (project / "agents" / f"{name}.yaml").write_text(text)
    chance = random.Random(5)
    results = flows_killed(KILLS, lambda: chance.random() * 0.4)
    runs = len(results)
    numbers = range(1, runs + 1)
    outputs = [result[2] for result in results]
    # Who bids in time is a matter of chance, where the process is dead for a while.
    won = [output.pop("won") for output in outputs]
    assert outputs == [
        {"price": n * 10, "all": [n * 10] * 3, "met": sorted(["partner", f"killed-{n}"])} for n in numbers
    ]
    async with perdure.open(project) as rt:
        log = [event.envelope for event in await rt.topics.events(limit=1_000)]
        for run, *_ in results:
            assert (await rt.replay(run)).verdict == "same"
    said = Counter((one.topic, one.kind, one.payload) for one in log if isinstance(one.payload, int))
    assert said == Counter(
        {
            **{("ask", "request", n): 2 for n in numbers},  # by a request, and by a gathering
            **{(topic, "request", n): 1 for topic in ("many", "jobs") for n in numbers},
            **{("meet", "event", n): 1 for n in numbers},
        }
    )
    awards = {one.payload["task"]: one.payload["proposal"] for one in log if one.kind == "collab.award"}
    assert [one for one in won if one] == [[awards[n]] for n in numbers if n in awards]
    assert sum(one.kind == "collab.award" for one in log) == len(awards)
    assert Counter(one.kind for one in log)["collab.summary"] == runs
    parties = Counter((one.topic, one.sender) for one in log if one.kind == "collab.barrier")
    assert set(parties.values()) == {1} and len(parties) == 2 * runs
