"""Agents as a person has them: made, listed, put to sleep, stopped, ended, and sent something to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import perdure
from perdure.base.errors import AgentAtRest, AgentExists, AgentNotFound, AgentTerminated, FileDenied, InputError
from perdure.kernel.store.memory import MemoryStore

Open: TypeAlias = Callable[..., AbstractAsyncContextManager[perdure.Runtime]]

COUNTER = """
from perdure import Agent, AgentState

class Counter(Agent):
    class State(AgentState):
        born: int = 0
        count: int = 0

    async def on_create(self, ctx):
        self.state.born = 1

    async def on_trigger(self, ctx, trigger):
        self.state.count += 1
        return [trigger.kind, self.state.born, self.state.count]

    async def on_terminate(self, ctx, message):
        return f"goodbye after {self.state.count}"

class Broken(Agent):
    async def on_create(self, ctx):
        raise RuntimeError("no")
"""


@pytest.fixture
def counter(project: Path) -> dict[str, str]:
    (project / "counter.py").write_text(COUNTER)
    return {"name": "counter", "class": "./counter.py:Counter"}


async def test_an_agent_is_made_without_a_message(opened: Open, counter: dict[str, str]) -> None:
    async with opened(["hello"], store=MemoryStore()) as rt:
        made = await rt.create("clerk.yaml", agent="ann")
        assert (made.agent_id, made.spec, made.status, made.mail) == ("ann", "clerk", "created", 0)
        with pytest.raises(AgentExists):
            await rt.create("clerk.yaml", agent="ann")
        assert (await rt.wait(await rt.send("ann", "hi"))).output == "hello"
        assert (await rt.show_agent("ann")).status == "active"
        assert (await rt.create(counter)).status == "active"
        assert (await rt.wait(await rt.send("counter", "x"))).output == ["message", 1, 2], "it was created first"


async def test_one_that_cannot_be_made_has_failed_until_somebody_starts_it(opened: Open, project: Path) -> None:
    (project / "counter.py").write_text(COUNTER)
    async with opened(store=MemoryStore()) as rt:
        made = await rt.create({"name": "broken", "class": "./counter.py:Broken"})
        assert made.status == "failed"
        with pytest.raises(AgentAtRest):
            await rt.change("broken", "hibernate")
        assert (await rt.change("broken", "start")).status == "active"


async def test_a_stopped_agent_is_waited_for_by_nobody(opened: Open, counter: dict[str, str]) -> None:
    async with opened(store=MemoryStore()) as rt:
        await rt.create(counter)
        assert (await rt.change("counter", "stop", why="repairs")).status == "quarantined"
        waiting = await rt.wait(await rt.send("counter", "hi"))
        assert (waiting.status, waiting.waits[0].kind) == ("queued", "start")
        with pytest.raises(AgentAtRest):
            await rt.tick("counter")
        assert (await rt.agents(status=["quarantined"])).items[0].mail == 1
        await rt.change("counter", "wake")
        assert (await rt.wait(waiting.run_id)).output == ["message", 1, 2]
        assert (await rt.wait(await rt.tick("counter", reason="now"))).output == ["manual", 1, 3]


async def test_a_python_agent_hears_that_it_is_to_end(opened: Open, counter: dict[str, str]) -> None:
    async with opened(store=MemoryStore()) as rt:
        await rt.create(counter)
        assert (await rt.change("counter", "terminate")).status == "terminated"
        last = (await rt.runs(agent="counter", limit=1)).items[0]
        assert (await rt.look(last.run_id)).output == "goodbye after 1"
        with pytest.raises(AgentTerminated):
            await rt.send("counter", "hello?")
        with pytest.raises(AgentTerminated):
            await rt.change("counter", "start")
        assert (await rt.show_agent("counter")).dead_letters == 1
        await rt.delete_agent("counter")
        with pytest.raises(AgentNotFound):
            await rt.show_agent("counter")


async def test_the_list_goes_by_states_and_pages(opened: Open) -> None:
    async with opened(store=MemoryStore()) as rt:
        for name in ("a", "b", "c", "d", "e"):
            await rt.create("clerk.yaml", agent=name)
        await rt.change("b", "stop")
        await rt.change("d", "stop")
        page = await rt.agents(limit=2)
        assert [one.agent_id for one in page.items] == ["a", "b"]
        page = await rt.agents(limit=9, cursor=page.next)
        assert [one.agent_id for one in page.items] == ["c", "d", "e"] and page.next == ""
        page = await rt.agents(status=["quarantined"], limit=1)
        assert [one.agent_id for one in page.items] == ["b"]
        page = await rt.agents(status=["quarantined"], limit=1, cursor=page.next)
        assert [one.agent_id for one in page.items] == ["d"] and page.next == ""
        with pytest.raises(InputError, match="asleep"):
            await rt.agents(status=["asleep"])


async def test_the_rules_of_supervision_stand_in_the_file(opened: Open, project: Path) -> None:
    (project / "counter.py").write_text(COUNTER)
    spec: dict[str, Any] = {
        "name": "broken",
        "class": "./counter.py:Broken",
        "supervise": {"restart": 0, "then": "terminate", "throttle": 60, "on": {"budget": "quarantine"}},
    }
    async with opened(store=MemoryStore()) as rt:
        await rt.run(spec, "hi", agent="ann")
        assert (await rt.show_agent("ann")).status == "terminated"
        program = await rt.library.program((await rt.show_agent("ann")).spec_digest)
        assert program.supervision is not None
        assert (program.supervision.throttle, program.supervision.backoff_ms) == (60, 10_000)


async def test_what_a_supervisor_took_away_is_gone_at_once_and_for_good(opened: Open, project: Path) -> None:
    (project / "counter.py").write_text(COUNTER)
    spec: dict[str, Any] = {
        "name": "broken",
        "class": "./counter.py:Broken",
        "supervise": {"restart": 0, "then": "demote", "demote": ["/memory", "/wallet"]},
    }
    store = MemoryStore()
    async with opened(store=store) as rt:
        await rt.create("clerk.yaml", agent="ann")
        before = await rt.namespace_of("ann")
        await before.list("/memory")
        await rt.run(spec, "hi", agent="eve")
        with pytest.raises(FileDenied):
            await (await rt.namespace_of("eve")).list("/memory")
    async with opened(store=store) as rt:
        with pytest.raises(FileDenied):
            await (await rt.namespace_of("eve")).list("/memory")


async def test_an_agent_s_own_ctl_stops_it_when_its_turn_is_over(opened: Open) -> None:
    async with opened(["hello"], store=MemoryStore()) as rt:
        await rt.create("clerk.yaml", agent="ann")
        await rt.namespace.write("/agents/ann/ctl", b"hibernate")
        assert (await rt.show_agent("ann")).status == "dormant"
        await (await rt.namespace_of("ann")).write("/ctl", b"stop")
        await rt.engine.order("ann", [])
        assert (await rt.show_agent("ann")).status == "quarantined"
