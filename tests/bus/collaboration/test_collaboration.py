"""Agents that ask many, choose among proposals, and wait for each other; also where the process dies in between."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import perdure
from perdure.base.clock import ManualClock
from perdure.bus.collaboration.answers import Answer
from perdure.bus.collaboration.contract_net import Best, number_of, rank, stated

AGENTS = """
import asyncio
import msgspec
from perdure import Agent
from perdure.bus.collaboration.barrier import barrier
from perdure.bus.collaboration.contract_net import contract_net
from perdure.bus.collaboration.fan_out import fan_out
from perdure.bus.collaboration.requesting import request
from perdure.bus.collaboration.thread import broadcast, join

class Echo(Agent):
    async def on_message(self, ctx, message):
        return {"who": ctx.agent_id, "said": message.payload}

class Broken(Agent):
    async def on_message(self, ctx, message):
        raise ValueError("no")

class Bidder(Agent):
    async def on_message(self, ctx, message):
        return {"score": message.payload["scores"].get(ctx.agent_id)}

class Requester(Agent):
    async def on_message(self, ctx, message):
        answer = await request(ctx, message.payload, {"n": 1}, timeout_ms=5_000)
        return None if answer is None else [answer.payload, answer.error and answer.error["code"]]

class Fan(Agent):
    async def on_message(self, ctx, message):
        said = message.payload
        answers = await fan_out(ctx, said["topics"], "?", first=said["first"], timeout_ms=5_000, summary_to="summary")
        return sorted(answer.payload["who"] for answer in answers)

class Manager(Agent):
    async def on_message(self, ctx, message):
        made = await contract_net(ctx, "tasks", message.payload, window_ms=5_000, awards=2, summary_to="summary")
        return [[one.sender for one in made.awarded], len(made.proposals)]

class Party(Agent):
    async def on_message(self, ctx, message):
        met = await barrier(ctx, message.payload[0], message.payload[1], timeout_ms=5_000)
        return [sorted(met.parties), met.complete]

class Joiner(Agent):
    async def on_message(self, ctx, message):
        return await join(ctx, "t1")
    async def on_event(self, ctx, event):
        return [event.payload, event.kind, event.thread]

class Speaker(Agent):
    async def on_message(self, ctx, message):
        broadcast(ctx, message.payload, thread="t1")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "classes.py").write_text(AGENTS)
    return tmp_path


def agent(project: Path, name: str, cls: str, topic: str = "") -> None:
    on = f"on: [{{topic: {topic}}}]\n" if topic else ""
    (project / "agents" / f"{name}.yaml").write_text(f"name: {name}\nclass: ../classes.py:{cls}\n{on}")


@asynccontextmanager
async def opened(project: Path, **more: Any) -> AsyncIterator[perdure.Runtime]:
    async with perdure.open(project, recover=True, environment={}, **more) as rt:
        yield rt


async def with_time(clock: ManualClock, work: Any) -> Any:
    """The result of work that waits for the clock; what needs no time is let come first."""
    task = asyncio.ensure_future(work)
    for _ in range(400):
        if not task.done():
            await asyncio.sleep(0.01)
            await clock.advance(250)
    return await asyncio.wait_for(task, 5)


async def said(rt: perdure.Runtime, topic: str) -> list[Any]:
    return [(one.envelope.kind, one.envelope.payload) for one in await rt.topics.events(topic)]


# -- request and reply ------------------------------------------------------------------------------------------------


async def test_a_request_takes_the_first_answer(project: Path) -> None:
    agent(project, "echo", "Echo", "ask")
    agent(project, "requester", "Requester")
    async with opened(project) as rt:
        result = await rt.run("agents/requester.yaml", "ask")
        assert result.output == [{"who": "echo", "said": {"n": 1}}, None]
        assert [one.source for one in await rt.subscriptions()] == ["spec"]


async def test_a_request_is_answered_by_a_program_too(project: Path) -> None:
    agent(project, "requester", "Requester")
    async with opened(project) as rt:
        asked = await rt.topics.subscribe("ask")
        run = await rt.start("agents/requester.yaml", "ask")
        await rt.topics.reply((await anext(asked)).envelope, "from outside")
        assert (await rt.wait(run)).output == ["from outside", None]


async def test_an_answer_can_be_that_it_failed(project: Path) -> None:
    agent(project, "broken", "Broken", "ask")
    agent(project, "requester", "Requester")
    async with opened(project) as rt:
        assert (await rt.run("agents/requester.yaml", "ask")).output == [None, "run.effect_failed"]


async def test_a_request_that_nobody_answers_comes_to_an_end(project: Path) -> None:
    agent(project, "requester", "Requester")
    clock = ManualClock()
    async with opened(project, clock=clock) as rt:
        assert (await with_time(clock, rt.run("agents/requester.yaml", "ask"))).output is None
        assert [kind for kind, _ in await said(rt, "ask")] == ["request", "collab.timeout"]


# -- fan-out ----------------------------------------------------------------------------------------------------------


async def test_many_are_asked_and_all_answer(project: Path) -> None:
    for name in ("a", "b", "c"):
        agent(project, name, "Echo", f"ask.{name}")
    agent(project, "fan", "Fan")
    async with opened(project) as rt:
        asked = {"topics": ["ask.a", "ask.b", "ask.c"], "first": 3}
        assert (await rt.run("agents/fan.yaml", asked)).output == ["a", "b", "c"]
        assert await said(rt, "summary") == [("collab.summary", {"asked": 3, "received": 3, "wanted": 3})]
        assert (await rt.run("agents/fan.yaml", {"topics": [], "first": 3})).output == []
        assert len((await rt.run("agents/fan.yaml", {**asked, "first": 1})).output) == 1
        assert (await rt.run("agents/fan.yaml", {**asked, "first": 0})).status == "failed"


async def test_some_of_many_are_enough_when_the_time_is_up(project: Path) -> None:
    agent(project, "a", "Echo", "ask.a")
    agent(project, "fan", "Fan")
    clock = ManualClock()
    async with opened(project, clock=clock) as rt:
        asked = {"topics": ["ask.a", "ask.nobody"], "first": 2}
        assert (await with_time(clock, rt.run("agents/fan.yaml", asked))).output == ["a"]


# -- contract net -----------------------------------------------------------------------------------------------------


async def test_the_best_proposals_are_awarded(project: Path) -> None:
    scores = {"a": 0.5, "b": "much", "c": 0.9, "d": 0.7}
    for name in scores:
        agent(project, name, "Bidder", "tasks")
    agent(project, "manager", "Manager")
    clock = ManualClock()
    async with opened(project, clock=clock) as rt:
        made = await with_time(clock, rt.run("agents/manager.yaml", {"scores": scores}))
        assert made.output == [["c", "d"], 4]
        assert [award["award_to"] for _, award in await said(rt, "tasks.award")] == ["c", "d"]
        assert await said(rt, "summary") == [("collab.summary", {"proposals": 4, "winners": ["c", "d"], "awards": 2})]


SCORES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))


@given(st.lists(SCORES, max_size=8), st.sampled_from(["max", "min"]))
def test_whatever_a_score_is_proposals_are_ranked_and_equals_keep_their_order(scores: list[Any], best: Best) -> None:
    proposals = [Answer(str(n), {"score": said}) for n, said in enumerate(scores)] + [Answer("x", "no mapping")]
    ranked = rank(proposals, best=best)
    assert sorted(one.sender for one in ranked) == sorted(one.sender for one in proposals)
    values = [number_of(stated(one.payload)) for one in ranked]
    known = [value for value in values if value is not None]
    assert values == [*sorted(known, reverse=best == "max"), *[None] * (len(values) - len(known))]
    for value in set(values):
        senders = [one.sender for one in proposals if number_of(stated(one.payload)) == value]
        assert [one.sender for one in ranked if number_of(stated(one.payload)) == value] == senders


# -- barrier ----------------------------------------------------------------------------------------------------------


async def test_nobody_goes_on_before_all_are_there(project: Path) -> None:
    agent(project, "party", "Party")
    async with opened(project) as rt:
        runs = [await rt.start("agents/party.yaml", ["m1", 3], agent=name) for name in ("a", "b")]
        await asyncio.sleep(0.2)
        assert [(await rt.look(run.id)).status for run in runs] == ["waiting", "waiting"]
        runs.append(await rt.start("agents/party.yaml", ["m1", 3], agent="c"))
        for run in runs:
            assert (await rt.wait(run)).output == [["a", "b", "c"], True]


async def test_who_waits_in_vain_is_told_who_was_there(project: Path) -> None:
    agent(project, "party", "Party")
    clock = ManualClock()
    async with opened(project, clock=clock) as rt:
        met = await with_time(clock, rt.run("agents/party.yaml", ["m2", 2], agent="a"))
        assert met.output == [["a"], False]
        kind, told = (await said(rt, "barrier.m2"))[-1]
        assert (kind, told["there"]) == ("collab.timeout", ["a"])


# -- threads ----------------------------------------------------------------------------------------------------------


async def test_a_thread_is_told_to_all_who_joined(project: Path) -> None:
    for name, cls in (("joiner", "Joiner"), ("speaker", "Speaker")):
        agent(project, name, cls)
    async with opened(project) as rt:
        for name in ("one", "two"):
            await rt.run("agents/joiner.yaml", "join", agent=name)
        await rt.run("agents/speaker.yaml", "hello")
        async with asyncio.timeout(10):
            while len([run for run in (await rt.runs()).items if run.status == "done"]) < 5:
                await asyncio.sleep(0.01)
        for name in ("one", "two"):
            heard = await rt.show_agent(name)
            assert (await rt.look(heard.runs[0])).output == ["hello", "collab.broadcast", "t1"]


# -- a crash in the middle --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ms", [60, 150, 300])
async def test_a_fan_out_goes_on_where_the_process_died(project: Path, ms: int) -> None:
    for name in ("a", "b", "c"):
        agent(project, name, "Echo", f"ask.{name}")
    agent(project, "fan", "Fan")
    script = f"""
        import asyncio, os, signal
        import perdure

        async def main():
            async with perdure.open({str(project)!r}, recover=True) as rt:
                asyncio.get_running_loop().call_later({ms / 1000}, os.kill, os.getpid(), signal.SIGKILL)
                asked = {{"topics": ["ask.a", "ask.b", "ask.c"], "first": 3}}
                run = await rt.start("agents/fan.yaml", asked, agent="fan", envelope_id="env_1")
                print(run.id, flush=True)
                await asyncio.sleep(5)

        asyncio.run(main())
    """
    paths = os.pathsep.join(entry for entry in sys.path if entry)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    asked = {"topics": ["ask.a", "ask.b", "ask.c"], "first": 3}
    async with opened(project) as rt:
        run = await rt.start("agents/fan.yaml", asked, agent="fan", envelope_id="env_1")
        assert (await asyncio.wait_for(rt.wait(run), 20)).output == ["a", "b", "c"]
        requests = await rt.topics.events("ask.*")
        assert len(requests) == 3 and len(await said(rt, "summary")) == 1
