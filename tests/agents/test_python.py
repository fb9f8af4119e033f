"""Python agents: hooks in order, state that lasts, migration."""

from __future__ import annotations

import pytest

from perdure.agents.python import Agent
from perdure.agents.state import AgentState, load_state, save_state
from perdure.base.envelope import Envelope
from perdure.base.errors import WrongState

STORY: list[str] = []


class Counter(Agent):
    class State(AgentState):
        count: int = 0

    async def on_create(self, ctx):
        STORY.append("create")

    async def on_wake(self, ctx):
        STORY.append("wake")

    async def on_message(self, ctx, message):
        STORY.append(f"message {message.payload}")
        self.state.count += 1
        if message.payload == "bad":
            raise ValueError("no")
        return self.state.count

    async def on_error(self, ctx, error):
        STORY.append(f"error {error}")

    async def on_sleep(self, ctx):
        STORY.append("sleep")


class Plain(Agent):
    async def on_trigger(self, ctx, trigger):
        return f"{trigger.kind}: {trigger.payload}"


class Silent(Agent):
    pass


async def test_hooks_run_in_order_and_state_lasts(stage):
    STORY.clear()
    async with stage.open([]) as rt:
        assert (await rt.run(Counter, "a", agent="c")).output == 1
        assert (await rt.run(Counter, "bad", agent="c")).status == "failed"
        assert (await rt.run(Counter, "b", agent="c")).output == 2
    assert [
        *("create", "wake", "message a", "sleep"),
        *("wake", "message bad", "error no"),
        *("wake", "message b", "sleep"),
    ] == STORY


@pytest.mark.parametrize("kind", ["message", "event", "alarm", "schedule", "webhook"])
async def test_every_trigger_has_a_hook_and_on_trigger_takes_the_rest(stage, kind):
    async with stage.open([]) as rt:
        digest, document, program = rt.library.add(rt.spec(Plain))
        run = await rt.engine.submit(Envelope("env_1", "p", kind, payload="x"), digest, document, program)
        assert (await rt.wait(run)).output == f"{kind}: x"


async def test_an_agent_without_hooks_says_nothing(stage):
    async with stage.open([]) as rt:
        assert (await rt.run(Silent, "x")).output is None
        digest, document, program = rt.library.add(rt.spec(Silent))
        run = await rt.engine.submit(Envelope("env_1", "s", "terminate"), digest, document, program)
        assert (await rt.wait(run)).status == "done"


async def test_an_error_of_an_agent_without_on_error_fails_its_run(stage):
    async with stage.open([]) as rt:
        result = await rt.run(Raises, "x")
    assert "ValueError: no" in result.error["message"]


class Raises(Agent):
    async def on_message(self, ctx, message):
        raise ValueError("no")


# -- state ------------------------------------------------------------------------------------------------------------


class Old(AgentState):
    count: int = 3


class New(AgentState):
    version = 2
    total: int = 0

    @classmethod
    def migrate(cls, from_version, data):
        return cls(total=data["count"])


def test_state_comes_back_and_is_new_where_there_is_none():
    assert load_state(Old, save_state(Old(5)), 1) == Old(5)
    assert load_state(Old, None, 0) == Old(3)


def test_older_state_is_migrated():
    assert load_state(New, save_state(Old(5)), 1) == New(5)


def test_state_of_another_version_without_a_way_to_migrate_is_an_error():
    with pytest.raises(WrongState, match="is at version 1, the stored state at 7") as found:
        load_state(Old, save_state(Old()), 7)
    assert "migrate" in found.value.hint
