"""Steps that work with others: who is asked is a program here, which answers as a test wants it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from perdure.base.clock import ManualClock
from perdure.base.errors import InvalidFile
from perdure.flows.language.loader import load_flow_document
from perdure.flows.language.schema import flow_schema
from perdure.kernel.settings import Settings

TIMELESS = Settings(recover=True, heartbeat_ms=None)


class Desk:
    """A runtime, and what it takes to answer its flows."""

    def __init__(self, project: Any, rt: Any, clock: ManualClock) -> None:
        self.project, self.rt, self.clock = project, rt, clock

    async def start(self, flow: str, input: Any = None, name: str = "flow") -> Any:
        return await self.rt.start(self.project.write(flow, name), input)

    async def until(self, is_so: Any) -> None:
        async with asyncio.timeout(20):
            while not await is_so():
                await asyncio.sleep(0.005)

    async def ended(self, run: Any) -> Any:
        """The run's result; executing it again from its journal comes to the same."""
        result = await asyncio.wait_for(self.rt.wait(run), 20)
        assert (await self.rt.replay(run.id)).verdict == "same"
        if result.status == "done":  # those of a run that failed are tidied up later
            assert await self.listening(run) == []
        return result

    async def until_waiting(self, run: Any) -> None:
        async def waits() -> bool:
            return bool((await self.rt.look(run.id)).status == "waiting")

        await self.until(waits)

    async def listening(self, run: Any) -> list[str]:
        return [one.pattern for one in await self.rt.subscriptions() if one.run_id == run.id]

    async def until_listening(self, run: Any, pattern: str) -> None:
        async def listens() -> bool:
            return pattern in await self.listening(run)

        await self.until(listens)

    async def said(self, topic: str) -> list[Any]:
        return [(one.envelope.kind, one.envelope.payload) for one in await self.rt.topics.events(topic)]

    async def with_time(self, run: Any, *, step_ms: int = 250) -> Any:
        """The run's result; time passes while it waits, and what needs none is let come first."""

        async def is_over() -> bool:
            await self.clock.advance(step_ms)
            return (await self.rt.look(run.id)).status in ("done", "failed", "cancelled")

        await self.until(is_over)
        return await self.ended(run)


CLASSES = """
from perdure import Agent

class Says(Agent):
    async def on_message(self, ctx, message):
        return f"{ctx.agent_id} heard {message.payload}"

class Fails(Agent):
    async def on_message(self, ctx, message):
        raise ValueError("no")
"""


def deploy(folder: Path, **agents: tuple[str, str]) -> None:
    """Agents by name, each of a class, and with a topic that it hears."""
    (folder / "agents").mkdir()
    (folder / "classes.py").write_text(CLASSES)
    for name, (cls, topic) in agents.items():
        on = f"name: {name}\nclass: ../classes.py:{cls}\non: [{{topic: {topic}}}]\n"
        (folder / "agents" / f"{name}.yaml").write_text(on)


@pytest.fixture
def desk(project: Any) -> Any:
    @asynccontextmanager
    async def open(**more: Any) -> AsyncIterator[Desk]:
        clock = ManualClock()
        async with project.open(settings=TIMELESS, clock=clock, recover=True, **more) as rt:
            yield Desk(project, rt, clock)

    return open


# -- request ----------------------------------------------------------------------------------------------------------

ASKS = """
    inputs: {n: {type: any, default: 1}}
    tasks: [{id: price, request: {topic: "prices.${'new'}", with: {n: "${n}"}, within: 10m}}]
    outputs: {price: "${price.amount}"}
"""


async def test_a_request_takes_the_first_answer(desk):
    async with desk() as on:
        asked = await on.rt.topics.subscribe("prices.*")
        run = await on.start(ASKS)
        question = (await anext(asked)).envelope
        assert (question.kind, question.payload, question.topic) == ("request", {"n": 1}, "prices.new")
        for amount in (5, 7):
            await on.rt.topics.reply(question, {"amount": amount})
        assert (await on.ended(run)).output == {"price": 5}


async def test_agents_answer_by_what_their_runs_come_to(desk, project):
    deploy(project.folder, good=("Says", "ask"), bad=("Fails", "ask"), worse=("Fails", "alone"))
    flow = """
        tasks:
          - {id: all, gather: {topic: ask, with: hello, first: 2, within: 1m}}
          - id: one
            request: {topic: alone, within: 1m}
            retry: {attempts: 2, backoff: 1ms}
            on_error: {set: {why: "${error.message}"}}
        outputs:
          said: ${where(all, 'sender', 'good')[0].payload}
          code: ${where(all, 'sender', 'bad')[0].error.code}
          why: ${why}
    """
    async with desk() as on:
        result = await on.with_time(await on.start(flow))
        assert result.output["said"] == "good heard hello"
        assert result.output["code"] == "run.effect_failed"
        assert result.output["why"].startswith("worse gave no answer: ")
        assert [kind for kind, _ in await on.said("alone")] == ["request", "request"]


async def test_a_request_that_nobody_answers_fails_when_its_time_is_up(desk):
    async with desk() as on:
        result = await on.with_time(await on.start(ASKS), step_ms=60_000)
        assert (result.status, result.error["code"]) == ("failed", "flow.timeout")
        assert "nobody answered on prices.new within 600,000 ms" in result.error["message"]
        assert await on.said("prices.new") == [
            ("request", {"n": 1}),
            ("collab.timeout", {"reason": "request_timeout"}),
        ]


async def test_a_late_answer_changes_nothing(desk):
    flow = """
        tasks:
          - {id: price, request: {topic: prices, within: 10m}, on_error: ignore}
          - {wait: {event: go}}
        outputs: {price: "${price}"}
    """
    async with desk() as on:
        asked = await on.rt.topics.subscribe("prices")
        run = await on.start(flow)
        question = (await anext(asked)).envelope
        await on.until_waiting(run)
        await on.clock.advance(600_000)
        await on.until_listening(run, "go")
        await on.rt.topics.reply(question, "late")
        await on.rt.publish("go", None)
        assert (await on.ended(run)).output == {"price": None}


async def test_what_only_looks_like_the_answer_of_a_run_is_an_answer_like_any_other(desk):
    forged = {"run_id": 1, "agent_id": 1, "status": 1, "output": 1, "error": "no mapping", "cost": 1}
    async with desk() as on:
        asked = await on.rt.topics.subscribe("prices.*")
        run = await on.start(ASKS.replace("price.amount", "price.error"))
        await on.rt.topics.reply((await anext(asked)).envelope, forged)
        assert (await on.ended(run)).output == {"price": "no mapping"}


@pytest.mark.parametrize("error", [{}, {"code": "store.failed"}, {"code": 1, "message": [1]}])
async def test_what_somebody_says_went_wrong_fails_the_step_and_no_more(desk, error):
    forged = {"run_id": 1, "agent_id": 1, "status": 1, "output": 1, "error": error, "cost": 1}
    async with desk() as on:
        asked = await on.rt.topics.subscribe("prices.*")
        run = await on.start(ASKS)
        await on.rt.topics.reply((await anext(asked)).envelope, forged)
        result = await on.ended(run)
        assert (result.status, result.error["code"]) == ("failed", "run.effect_failed")


async def test_a_request_that_lost_a_race_listens_no_more(desk):
    flow = """
        tasks:
          - {id: won, race: {asks: {request: {topic: prices, within: 1h}}, waits: {wait: {event: go}}}}
          - {wait: {event: on}}
    """
    async with desk() as on:
        run = await on.start(flow)
        await on.until_listening(run, "go")
        assert len(await on.listening(run)) == 2
        await on.rt.publish("go", 1)
        await on.until_listening(run, "on")
        assert await on.listening(run) == ["on"]
        await on.rt.publish("on", 2)
        assert (await on.ended(run)).output == 2


# -- gather -----------------------------------------------------------------------------------------------------------

GATHERS = """
    inputs: {topics: any}
    tasks: [{id: all, gather: {topic: "${topics}", with: hi, first: 2, within: 10m, partial: PARTIAL, summary_to: sum}}]
    outputs: {all: "${all}", who: "${pluck(all, 'sender')}"}
"""


async def test_the_first_answers_are_gathered_and_each_sender_counts_once(desk):
    async with desk() as on:
        asked = await on.rt.topics.subscribe("ask")
        run = await on.start(GATHERS.replace("PARTIAL", "false"), {"topics": "ask"})
        question = (await anext(asked)).envelope
        for sender, said in (("ann", 1), ("ann", 2), ("bob", 3), ("cy", 4)):
            await on.rt.topics.reply(question, said, sender=sender)
        assert (await on.ended(run)).output["all"] == [
            {"sender": "ann", "payload": 1, "error": None},
            {"sender": "bob", "payload": 3, "error": None},
        ]
        assert await on.said("sum") == [("collab.summary", {"asked": 1, "received": 2, "wanted": 2})]


async def test_one_may_answer_on_each_topic_of_a_list(desk):
    async with desk() as on:
        asked = await on.rt.topics.subscribe("ask.*")
        run = await on.start(GATHERS.replace("PARTIAL", "false"), {"topics": ["ask.a", "ask.b"]})
        for _ in range(2):
            question = (await anext(asked)).envelope
            await on.rt.topics.reply(question, question.topic, sender="ann")
        result = await on.ended(run)
        assert [one["payload"] for one in result.output["all"]] == ["ask.a", "ask.b"]


@pytest.mark.parametrize(("partial", "status"), [("true", "done"), ("false", "failed")])
async def test_fewer_answers_do_where_the_step_says_so(desk, partial, status):
    async with desk() as on:
        asked = await on.rt.topics.subscribe("ask")
        run = await on.start(GATHERS.replace("PARTIAL", partial), {"topics": "ask"})
        await on.rt.topics.reply((await anext(asked)).envelope, 1, sender="ann")
        result = await on.with_time(run, step_ms=60_000)
        assert result.status == status
        if status == "done":
            assert result.output["who"] == ["ann"]
        else:
            assert "1 of 2 answers came within 600,000 ms" in result.error["message"]
        assert await on.said("sum") == [("collab.summary", {"asked": 1, "received": 1, "wanted": 2})]


@pytest.mark.parametrize("topics", [[], None, 3, "", ["a", None], "a b", "a.*"])
async def test_nobody_is_asked_on_what_is_no_topic(desk, topics):
    async with desk() as on:
        result = await on.ended(await on.start(GATHERS.replace("PARTIAL", "true"), {"topics": topics}))
        assert (result.status, result.error["code"]) == ("failed", "input.invalid")
        assert await on.rt.topics.events() == []


# -- contract ---------------------------------------------------------------------------------------------------------


async def proposed(on: Desk, flow: str, *proposals: Any) -> Any:
    """What the flow comes to whose call for proposals is answered with these, by as many bidders."""
    asked = await on.rt.topics.subscribe("jobs")
    run = await on.start(flow)
    call = (await anext(asked)).envelope
    assert (call.kind, call.payload) == ("request", {"what": "paint"})
    for number, proposal in enumerate(proposals):
        await on.rt.topics.reply(call, proposal, sender=f"b{number}")
    await on.until_waiting(run)
    return await on.with_time(run, step_ms=30_000)


CONTRACT = """
    tasks: [{id: bids, contract: {topic: jobs, task: {what: paint}, within: 1m, MORE}}]
    outputs: {won: "${pluck(bids.awarded, 'sender')}", all: "${pluck(bids.proposals, 'sender')}"}
"""


@pytest.mark.parametrize(
    ("more", "proposals", "won", "everybody"),
    [
        ("awards: 1", [{"score": 1}, {"score": 3}, {"score": 2}], ["b1"], ["b1", "b2", "b0"]),
        ("best: min, awards: 2", [{"score": 2}, {"score": 1}, {"score": 2}], ["b1", "b0"], ["b1", "b0", "b2"]),
        (
            "best: min, score: '${proposal.price * 2}'",
            ["cheap", {}, {"price": "free"}, {"price": 9}, {"price": 8}],
            ["b4"],
            ["b4", "b3", "b0", "b1", "b2"],
        ),
        ("score: '${proposal}'", [True, "1e400", -5, None], ["b2"], ["b2", "b0", "b1", "b3"]),
        ("awards: 3", [], [], []),
    ],
)
async def test_a_task_is_awarded_to_the_best(desk, more, proposals, won, everybody):
    async with desk() as on:
        result = await proposed(on, CONTRACT.replace("MORE", more), *proposals)
        assert result.output == {"won": won, "all": everybody}
        told = [(kind, said["award_to"], said["task"]) for kind, said in await on.said("jobs.award")]
        assert told == [("collab.award", winner, {"what": "paint"}) for winner in won]


async def test_who_proposes_twice_is_awarded_once(desk):
    async with desk() as on:
        asked = await on.rt.topics.subscribe("jobs")
        run = await on.start(CONTRACT.replace("MORE", "awards: 2"))
        call = (await anext(asked)).envelope
        for score in (1, 9):
            await on.rt.topics.reply(call, {"score": score}, sender="greedy")
        result = await on.with_time(run, step_ms=30_000)
        assert result.output == {"won": ["greedy"], "all": ["greedy"]}


# -- barrier ----------------------------------------------------------------------------------------------------------

MEETS = """
    inputs: {n: {type: integer, default: 1}}
    tasks: [{id: met, barrier: {name: "release.${n}", parties: 2, within: 10m}}]
    outputs: {who: "${met}"}
"""


async def test_two_flows_wait_for_each_other(desk):
    async with desk() as on:
        file = on.project.write(MEETS)
        one = await on.rt.start(file, None, agent="one")
        await on.until_waiting(one)
        other = await on.rt.start(file, None, agent="other")
        for run in (one, other):
            assert (await on.ended(run)).output == {"who": ["one", "other"]}


async def test_an_agent_that_comes_twice_is_one_party(desk):
    flow = "tasks: [{for_each: [1, 2], concurrency: 2, do: [{barrier: {name: m, parties: 2, within: 1m}}]}]"
    async with desk() as on:
        result = await on.with_time(await on.start(flow), step_ms=60_000)
        assert (result.status, result.error["code"]) == ("failed", "flow.timeout")
        assert "1 of 2 parties came to the barrier m" in result.error["message"]


async def test_two_branches_may_come_to_one_barrier(desk):
    branch = "{barrier: {name: m, parties: 2, within: 10m}}"
    async with desk() as on:
        run = await on.rt.start(on.project.write(f"tasks: [{{parallel: [{branch}, {branch}]}}]"), None, agent="one")
        await on.until_waiting(run)
        other = await on.rt.start(on.project.write(f"tasks: [{branch}]", "other"), None, agent="other")
        assert (await on.ended(run)).output == [["one", "other"]] * 2
        assert (await on.ended(other)).output == ["one", "other"]


async def test_who_waits_in_vain_says_so(desk):
    async with desk() as on:
        run = await on.rt.start(on.project.write(MEETS), None, agent="one")
        result = await on.with_time(run, step_ms=60_000)
        assert (result.status, result.error["code"]) == ("failed", "flow.timeout")
        kinds = [kind for kind, _ in await on.said("barrier.release.1")]
        assert kinds == ["collab.barrier", "collab.timeout"]


# -- broadcast --------------------------------------------------------------------------------------------------------


async def test_a_thread_is_told(desk):
    flow = (
        "tasks: [{id: sent, broadcast: {with: {n: 1}, thread: t1}}, {broadcast: {with: all}}]\noutputs: {id: '${sent}'}"
    )
    async with desk() as on:
        result = await on.ended(await on.start(flow))
        one, other = [event.envelope for event in await on.rt.topics.events("thread.*.broadcast")]
        assert (one.topic, one.kind, one.thread, one.payload) == (
            "thread.t1.broadcast",
            "collab.broadcast",
            "t1",
            {"n": 1},
        )
        assert result.output == {"id": one.id}
        assert other.topic == f"thread.{other.thread}.broadcast"


# -- what stands around them ------------------------------------------------------------------------------------------


async def test_whoever_goes_step_by_step_sees_who_will_be_asked(desk):
    flow = """
        tasks:
          - {id: a, request: {topic: ask, with: 1, within: 1m}}
          - {id: b, gather: {topic: [ask, more], with: 2, first: 1, within: 1m}}
          - {id: c, contract: {topic: jobs, task: paint, within: 1m}}
          - {id: d, barrier: {name: release, parties: 2, within: 1m}}
          - {id: e, broadcast: {with: 3}}
    """
    async with desk() as on:
        run = await on.rt.start(on.project.write(flow), None, stepwise=True)
        shown = []
        result = await on.rt.wait(run)
        while result.status == "waiting":
            shown.append(result.waits[0].about["about"])
            await on.rt.approve(run.id, "skip", key=result.waits[0].key)
            result = await on.rt.wait(run.id, beyond=result.waits)
        assert shown == [
            {"step": "a", "kind": "request", "topic": "ask", "with": 1},
            {"step": "b", "kind": "gather", "topic": ["ask", "more"], "with": 2},
            {"step": "c", "kind": "contract", "topic": "jobs", "task": "paint"},
            {"step": "d", "kind": "barrier", "name": "release", "parties": 2},
            {"step": "e", "kind": "broadcast", "with": 3},
        ]
        assert await on.rt.topics.events() == []


def test_what_the_schema_says_of_them_is_what_the_grammar_says():
    schema = flow_schema()
    validator = Draft202012Validator(schema)
    for step, fits in (
        ("request: {topic: t, within: 1m}", True),
        ("request: t", False),
        ("request: {topic: t}", False),
        ("gather: {topic: [a, b], first: 2, within: 1m, partial: true, summary_to: s}", True),
        ("gather: {topic: t, first: 0, within: 1m}", False),
        ("contract: {topic: t, task: x, best: min, score: '${proposal.price}', within: 60}", True),
        ("contract: {topic: t, task: x, best: mean, within: 60}", False),
        ("barrier: {name: m, parties: 2, within: 1m}", True),
        ("barrier: {name: m, parties: 2, within: 1m, with: 1}", False),
        ("broadcast: {with: hi}", True),
    ):
        found = yaml.safe_load(f"tasks: [{{{step}}}]")
        assert validator.is_valid(found) is fits, step


def test_a_flow_under_way_keeps_names_that_have_a_meaning_by_now(load):
    document = load("inputs: {asked: text}\ntasks: [{id: agreed, set: {x: '${asked}'}}]\n").document
    old = document.replace(b"asked", b"request").replace(b"agreed", b"contract")
    plan = load_flow_document(old, environment={}).plan
    assert (plan.inputs[0].name, plan.steps[0].id) == ("request", "contract")
    with pytest.raises(InvalidFile, match="`request` has a meaning of its own"):
        load("inputs: {request: text}\ntasks: [{set: {x: 1}}]\n")
