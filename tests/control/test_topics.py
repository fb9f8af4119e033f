"""Topics of a project: agents that subscribe, publish, ask and answer, and what a crash leaves of it."""

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

import perdure
from perdure.base.clock import ManualClock
from perdure.base.envelope import MAX_HOPS
from perdure.base.errors import AgentNotFound, InputError, InvalidFile, NoAnswer
from perdure.kernel.store.rows import RunFilter

AGENTS = '''
from perdure import Agent

class Ear(Agent):
    """Keeps what it hears."""
    async def on_trigger(self, ctx, trigger):
        return [trigger.topic, trigger.payload]

class Relay(Agent):
    """Says on what it hears, a level further down."""
    async def on_event(self, ctx, event):
        ctx.topics.publish(f"{event.topic}.again", event.payload, thread="t1")
        if event.payload == "fail":
            raise ValueError("no")

class Echo(Agent):
    async def on_message(self, ctx, message):
        return message.payload

class Early(Agent):
    async def on_message(self, ctx, message):
        ctx.reply("at once")
        return "too late"

class Listener(Agent):
    async def on_message(self, ctx, message):
        heard = await ctx.topics.listen("news.>", after=0)
        found = []
        while len(found) < message.payload:
            event = await ctx.topics.hear(heard, timeout_ms=60_000)
            found.append(None if event is None else event.payload)
        ctx.topics.unsubscribe(heard)
        return found

class Joiner(Agent):
    async def on_message(self, ctx, message):
        return await ctx.topics.subscribe(message.payload)
    async def on_event(self, ctx, event):
        return event.payload

class Circle(Agent):
    async def on_event(self, ctx, event):
        ctx.topics.publish("round", event.payload)

class Large(Agent):
    async def on_message(self, ctx, message):
        try:
            ctx.topics.publish("a", "x" * 2_000_000)
        except Exception as error:
            return type(error).__name__
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "classes.py").write_text(AGENTS)
    return tmp_path


def agent(project: Path, name: str, cls: str, *triggers: str) -> None:
    on = "".join(f"\n  - {{{trigger}}}" for trigger in triggers)
    text = f"name: {name}\nclass: ../classes.py:{cls}\n" + (f"on:{on}\n" if on else "")
    (project / "agents" / f"{name}.yaml").write_text(text)


@asynccontextmanager
async def opened(project: Path, **more: Any) -> AsyncIterator[perdure.Runtime]:
    async with perdure.open(project, recover=True, environment={}, **more) as rt:
        yield rt


async def outputs(rt: perdure.Runtime, agent_id: str, count: int) -> list[Any]:
    """What the runs of an agent came to, the oldest first, once there are so many that ended well."""
    async with asyncio.timeout(20):
        while True:
            page = await rt.store.runs(RunFilter(agent_id=agent_id, status=("done",)), limit=1000)
            if len(page.items) >= count:
                ended = [await rt.wait(run) for run in reversed(page.items)]
                return [one.output for one in ended]
            await asyncio.sleep(0.01)


async def test_an_agent_hears_what_its_file_names(project: Path) -> None:
    agent(project, "ear", "Ear", "topic: orders.*.eu", "topic: news, input: What is new?")
    async with opened(project) as rt:
        await rt.publish("orders.failed.eu", {"id": 7})
        await rt.publish("orders.failed.us", {"id": 8})
        await rt.publish("news", {"a": 1})
        assert await outputs(rt, "ear", 2) == [
            ["orders.failed.eu", {"id": 7}],
            ["news", 'What is new?\n\nnews {"a":1}'],
        ]
        found = {(one.pattern, one.source) for one in await rt.subscriptions("ear")}
        assert found == {("news", "spec"), ("orders.*.eu", "spec")}


async def test_a_file_that_changes_changes_what_its_agent_hears(project: Path) -> None:
    agent(project, "ear", "Ear", "topic: a", "topic: b")
    async with opened(project) as rt:
        await rt.subscribe("ear", "c")
    agent(project, "ear", "Ear", "topic: b", "topic: d")
    async with opened(project) as rt:
        assert sorted(one.pattern for one in await rt.subscriptions()) == ["b", "c", "d"]
    agent(project, "ear", "Ear", "every: 1h")
    async with opened(project) as rt:
        (left,) = await rt.subscriptions("ear")
        assert left.pattern == "c" and await rt.unsubscribe("ear", left.id)
        assert not await rt.unsubscribe("ear", left.id) and await rt.subscriptions() == []


async def test_a_pattern_that_is_none_is_found_in_the_file(project: Path) -> None:
    agent(project, "ear", "Ear", "topic: a..b")
    (project / "perdure.yaml").write_text("bus: {topics: {'a b': {durable: false}}}")
    async with perdure.open(project.parent) as rt:
        with pytest.raises(InvalidFile, match="not a pattern"):
            rt.spec(project / "agents/ear.yaml")
    with pytest.raises(InvalidFile, match="not a pattern"):
        async with opened(project):
            pass


async def test_what_is_published_while_nobody_serves_is_heard_later(project: Path) -> None:
    agent(project, "ear", "Ear", "topic: a")
    async with opened(project):
        pass
    async with perdure.open(project) as rt:
        for n in range(3):
            await rt.publish("a", n)
        assert (await rt.topics.topics()).items[0].events == 3
    async with opened(project) as rt:
        assert [payload for _, payload in await outputs(rt, "ear", 3)] == [0, 1, 2]


async def test_events_that_are_not_kept_reach_agents_too(project: Path) -> None:
    agent(project, "ear", "Ear", "topic: tick.>")
    (project / "perdure.yaml").write_text("bus: {topics: {tick.>: {durable: false}}}")
    async with opened(project) as rt:
        assert (await rt.publish("tick.a", 1)).seq == 0
        assert await outputs(rt, "ear", 1) == [["tick.a", 1]]
        assert await rt.topics.events() == []


async def test_what_a_run_publishes_is_there_when_it_ended_well(project: Path) -> None:
    agent(project, "relay", "Relay", "topic: a")
    agent(project, "ear", "Ear", "topic: a.again")
    async with opened(project) as rt:
        await rt.publish("a", "fail")
        await rt.publish("a", "fine", traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01")
        assert await outputs(rt, "ear", 1) == [["a.again", "fine"]]
        (again,) = await rt.topics.events("a.>")
        said = again.envelope
        assert (said.sender, said.thread, said.hops, said.kind) == ("relay", "t1", 1, "event")
        assert said.traceparent.startswith("00-111") and said.causation.startswith("sub_")


async def test_what_goes_round_in_circles_comes_to_an_end(project: Path) -> None:
    agent(project, "circle", "Circle", "topic: round")
    async with opened(project) as rt:
        await rt.publish("round", 1)
        await outputs(rt, "circle", MAX_HOPS + 1)
        (letter,) = await rt.store.dead_letters("circle")
        assert letter.reason == "hops"


async def test_what_is_too_large_is_told_to_the_run(project: Path) -> None:
    agent(project, "large", "Large")
    async with opened(project) as rt:
        assert (await rt.run("agents/large.yaml", "go")).output == "InputError"


async def test_a_request_from_outside_is_answered_by_the_run_that_it_begins(project: Path) -> None:
    agent(project, "echo", "Echo", "topic: ask.*")
    async with opened(project) as rt:
        answer = await rt.topics.request("ask.me", {"n": 1}, timeout_ms=10_000)
        assert (answer.kind, answer.sender, answer.payload["status"]) == ("reply", "echo", "done")
        assert answer.payload["output"] == {"n": 1}
        assert rt.topics.bus.stats.subscribers == 0


async def test_a_reply_counts_before_the_end_of_the_run(project: Path) -> None:
    agent(project, "early", "Early", "topic: ask")
    async with opened(project) as rt:
        assert (await rt.topics.request("ask", 1, timeout_ms=10_000)).payload["output"] == "at once"
        await outputs(rt, "early", 1)
        answers = await rt.topics.events("reply.>")
        assert [one.envelope.payload["output"] for one in answers] == ["at once"]


async def test_a_request_that_nobody_answers_says_so(project: Path) -> None:
    clock = ManualClock()
    async with perdure.open(project, clock=clock) as rt:
        with pytest.raises(NoAnswer):
            await _with(clock, rt.topics.request("nobody", 1, timeout_ms=5_000))
        with pytest.raises(InputError):
            await rt.publish("a", 1, reply_to="some-agent")
        with pytest.raises(InputError):
            await rt.topics.request("nobody", 1, timeout_ms=0)


async def test_subscribers_answer_each_other_without_the_bus_of_a_process(project: Path) -> None:
    async with opened(project) as rt:
        asked = await rt.topics.subscribe("ask")
        asking = asyncio.create_task(rt.topics.request("ask", "?", timeout_ms=10_000))
        question = (await anext(asked)).envelope
        await rt.topics.reply(question, "!", sender="me")
        answer = await asking
        assert (answer.payload, answer.sender, answer.causation) == ("!", "me", question.id)
        assert (answer.correlation, answer.thread, answer.hops) == (question.id, question.id, 1)
        with pytest.raises(InputError):
            await rt.topics.reply(answer, "again")


async def test_a_run_listens_to_what_was_and_what_comes(project: Path) -> None:
    agent(project, "listener", "Listener")
    async with opened(project) as rt:
        await rt.publish("news.a", 1)
        await rt.publish("other", 2)
        run = await rt.start("agents/listener.yaml", 3)
        await rt.publish("news.b", 3)
        await rt.publish("news.c", 4)
        assert (await rt.wait(run)).output == [1, 3, 4]
        async with asyncio.timeout(10):
            while await rt.subscriptions():
                await asyncio.sleep(0.01)


async def test_an_agent_subscribes_at_run_time(project: Path) -> None:
    agent(project, "joiner", "Joiner")
    async with opened(project) as rt:
        await rt.publish("late", 0)
        await rt.run("agents/joiner.yaml", "late", agent="joiner")
        await rt.publish("late", 1)
        assert (await outputs(rt, "joiner", 2))[1] == 1
        await rt.run("agents/joiner.yaml", "late", agent="joiner")
        await rt.publish("late", 2)
        assert (await outputs(rt, "joiner", 4))[3] == 2
        assert len(await rt.subscriptions("joiner")) == 1
        with pytest.raises(AgentNotFound):
            await rt.subscribe("nobody", "a")


async def test_batches_come_as_one_message(project: Path) -> None:
    agent(project, "ear", "Ear", "topic: 'b.>', qos: batched")
    async with opened(project):
        pass
    async with perdure.open(project) as rt:
        for n in range(3):
            await rt.publish(f"b.{n}", n)
    async with opened(project) as rt:
        ((topic, together),) = await outputs(rt, "ear", 1)
        assert topic == "b.>" and [one["payload"] for one in together] == [0, 1, 2]


async def test_two_processes_deliver_each_event_once(project: Path) -> None:
    agent(project, "ear", "Ear", "topic: a")
    async with opened(project) as one, opened(project) as two:
        await asyncio.gather(*(rt.publish("a", n) for n, rt in enumerate((one, two) * 25)))
        heard = await outputs(one, "ear", 50)
        await asyncio.sleep(0.5)
        assert len(await outputs(two, "ear", 50)) == 50
        assert sorted(payload for _, payload in heard) == list(range(50))


async def test_old_events_go_when_every_agent_has_had_them(project: Path) -> None:
    agent(project, "ear", "Ear", "topic: a")
    (project / "perdure.yaml").write_text("bus: {keep: 1h, topics: {keep.>: {keep: 2d, keep_events: 2}}}")
    clock = ManualClock()
    async with opened(project, clock=clock):
        pass
    async with perdure.open(project, clock=clock) as rt:
        for n in range(4):
            await rt.publish("a", n)
            await rt.publish("keep.x", n)
        await clock.advance(2 * 3_600_000)
        assert await rt.topics.trim() == 0  # the ear has had none of it
    async with opened(project, clock=clock) as rt:
        assert len(await _with(clock, outputs(rt, "ear", 4))) == 4
        assert await rt.topics.trim() == 6
        assert [one.envelope.payload for one in await rt.topics.events()] == [2, 3]


async def _with(clock: ManualClock, work: Any) -> Any:
    task = asyncio.ensure_future(work)
    while not task.done():
        await clock.advance(100)
        await asyncio.sleep(0.01)
    return task.result()


async def test_events_are_read_by_pages_from_both_ends(project: Path) -> None:
    async with perdure.open(project) as rt:
        for n in range(30):
            await rt.publish("a.x" if n % 3 else "b", n)
        read = rt.topics.events

        async def payloads(*said: Any, **more: Any) -> list[Any]:
            return [one.envelope.payload for one in await read(*said, **more)]

        assert await payloads("a.*", limit=3) == [1, 2, 4]
        assert await payloads("b", newest=True, limit=2) == [24, 27]
        assert await payloads(after=28) == [28, 29]
        with pytest.raises(InputError):
            await read(limit=0)
        page = await rt.topics.topics(limit=1)
        assert (page.items[0].topic, page.next) == ("a.x", "a.x")


async def test_a_snapshot_stands_for_what_came_before_it(project: Path) -> None:
    async with perdure.open(project) as rt:
        for n in range(5):
            await rt.publish("sum", n)
        assert await rt.topics.last_snapshot("sum") is None
        await rt.topics.snapshot("sum", {"sum": 6}, 4, trim=True)
        found = await rt.topics.last_snapshot("sum")
        assert found is not None and (found.seq, found.state) == (4, {"sum": 6})
        rest = await rt.topics.events("sum", after=found.seq)
        assert [one.envelope.payload for one in rest] == [4] and len(await rt.topics.events()) == 1


async def test_a_consumer_goes_on_where_it_acknowledged(project: Path) -> None:
    async with perdure.open(project) as rt:
        await rt.publish("a", 0)
        assert await rt.topics.position("me") == 1
        for n in range(3):
            await rt.publish("a", n)
        await asyncio.gather(*(rt.topics.acknowledge("me", seq) for seq in (3, 2, 999, 1)))
        assert await rt.topics.position("me") == 4
        with pytest.raises(InputError):
            await rt.topics.position("")


async def test_a_process_killed_in_the_middle_delivers_each_event_once_all_the_same(project: Path) -> None:
    agent(project, "ear", "Ear", "topic: a")
    script = f"""
        import asyncio, os, signal
        import perdure

        async def main():
            async with perdure.open({str(project)!r}, recover=True) as rt:
                for n in range(200):
                    await rt.publish("a", n, id=f"evt_{{n}}")
                    if n == 150:
                        asyncio.get_running_loop().call_later(0.03, os.kill, os.getpid(), signal.SIGKILL)

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
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    async with opened(project) as rt:
        for n in range(200):
            await rt.publish("a", n, id=f"evt_{n}")
        heard = await outputs(rt, "ear", 200)
        assert sorted(payload for _, payload in heard) == list(range(200))
