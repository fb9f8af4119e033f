"""What programs offer, as tools of agents: each call done by one of them, once, whoever dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.errors import ConfigError
from perdure.bus.capabilities import CLAIMED, call_topic, claim_id
from perdure.client.capability import capabilities_of
from perdure.control import capabilities
from perdure.testing import Scripted, by_turn, call
from perdure.wiring import Served, serve

AGENT = "name: clerk\nmodel: scripted/m\ntools: [{{capability: {{{}}}}}]\n"
ASK = call("lamp_switch", room="hall")


class Lamp:
    """Offers a switch, and remembers what it was told."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    @perdure.capability("lamp.switch")
    async def switch(self, room: str, *, key: str) -> str:
        """Switch the lamp of a room.

        Args:
            room: Which one.
        """
        self.keys.append(key)
        self.begun.set()
        await self.go_on.wait()
        if room == "palace":
            return "lit " * 2**20
        if room == "attic":
            raise ValueError("no lamp there")
        return f"lit {room}"


class Reader:
    def __init__(self) -> None:
        self.keys: list[str] = []

    @perdure.capability("lamp.switch", effect="idempotent")
    async def read(self, room: str, *, key: str) -> str:
        self.keys.append(key)
        return f"set {room}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "clerk.yaml").write_text(AGENT.format("name: lamp.switch, timeout: 20s"))
    return tmp_path


@pytest.fixture
def model() -> Scripted:
    return Scripted(by_turn([ASK, "so it is"]), name="scripted/m")


@pytest.fixture
def served(project: Path, model: Scripted) -> Callable[[], Any]:
    @asynccontextmanager
    async def begin() -> AsyncIterator[Served]:
        async with serve(project, port=0, models={"scripted/m": model}) as found:
            yield found

    return begin


def connected(to: Served, name: str = "lamps") -> Any:
    return perdure.connect(to.url, token=to.token, name=name)


def told(model: Scripted) -> str:
    """What the model read last of its tools."""
    return str(model.requests[-1].messages[-1].parts[0].parts[0].text)


def short(project: Path, timeout: str = "300ms") -> None:
    (project / "clerk.yaml").write_text(AGENT.format(f"name: lamp.switch, timeout: {timeout}"))


async def test_an_agent_uses_what_a_program_offers(served: Any, model: Scripted) -> None:
    async with served() as to, connected(to) as lamps:
        lamp = Lamp()
        await lamps.offer(lamp)
        result = await to.runtime.run("clerk.yaml", "Light!")
        assert (result.status, result.error, told(model)) == ("done", None, "lit hall")
        (tool,) = model.requests[0].tools
        assert (tool.name, tool.description) == ("lamp_switch", "Switch the lamp of a room.")
        assert tool.parameters["properties"]["room"]["description"] == "Which one."
        assert len(lamp.keys) == 1
        (asked,) = await to.runtime.topics.events(call_topic("lamp.switch", "1.0"))
        assert asked.envelope.sender == result.agent_id and asked.envelope.correlation == lamp.keys[0]


async def test_it_stays_what_it_was_when_the_run_began(served: Any, model: Scripted) -> None:
    async with served() as to, connected(to) as lamps:
        await lamps.offer(Lamp())
        result = await to.runtime.run("clerk.yaml", "Light!")
        await lamps.offer(Reader())
        assert (await to.runtime.replay(result.run_id)).verdict == "same"


async def test_what_goes_wrong_there_the_model_reads(served: Any, model: Scripted) -> None:
    model._answers = by_turn([call("lamp_switch", room="attic"), call("lamp_switch", rom="x"), "sorry"])
    async with served() as to, connected(to) as lamps:
        await lamps.offer(Lamp())
        assert (await to.runtime.run("clerk.yaml", "Light!")).output == "sorry"
        first, second = (request.messages[-1].parts[0].parts[0].text for request in model.requests[1:])
        assert "no lamp there" in first and "room" in second


async def test_an_answer_that_is_too_large_is_an_error(served: Any, model: Scripted) -> None:
    model._answers = by_turn([call("lamp_switch", room="palace"), "so it is"])
    async with served() as to, connected(to) as lamps:
        await lamps.offer(Lamp())
        assert (await to.runtime.run("clerk.yaml", "Light!")).status == "done"
        assert "the event has 4,194" in told(model)


async def test_nobody_offers_it(served: Any, project: Path, model: Scripted) -> None:
    short(project)
    async with served() as to:
        assert (await to.runtime.run("clerk.yaml", "Light!")).status == "done"
        assert "nobody who offers lamp.switch 1.0 took the call within 300 ms" in told(model)
        (tool,) = model.requests[0].tools
        assert tool.parameters == {"type": "object"} and "nobody offers" in tool.description
        async with connected(to) as late:  # what nobody took in time is never done
            lamp = Lamp()
            await late.offer(lamp)
            await asyncio.sleep(0.2)
            assert lamp.keys == []


async def test_a_call_waits_for_a_program_that_comes_in_time(served: Any, model: Scripted) -> None:
    async with served() as to:
        running = asyncio.create_task(to.runtime.run("clerk.yaml", "Light!"))
        async with asyncio.timeout(20):
            while not await to.runtime.topics.events(call_topic("lamp.switch", "1.0")):
                await asyncio.sleep(0.01)
        async with connected(to) as lamps:
            await lamps.offer(Lamp())
            assert (await running).status == "done"
            assert told(model) == "lit hall"


async def test_of_several_programs_one_does_it(served: Any, model: Scripted) -> None:
    found = [Lamp() for _ in range(3)]
    async with served() as to, connected(to, "a") as a, connected(to, "b") as b, connected(to, "c") as c:
        for bus, lamp in zip((a, b, c), found, strict=True):
            await bus.offer(lamp)
        await asyncio.gather(*(to.runtime.run("clerk.yaml", f"Light {n}!") for n in range(5)))
        keys = [key for lamp in found for key in lamp.keys]
        assert len(keys) == len(set(keys)) == 5


async def test_a_program_that_dies_in_the_middle_leaves_the_call_in_doubt(
    served: Any, project: Path, model: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capabilities, "LATE_MS", 50)
    short(project, "1s")
    async with served() as to:
        lamp = Lamp()
        lamp.go_on.clear()
        async with connected(to) as lamps:
            await lamps.offer(lamp)
            running = asyncio.create_task(to.runtime.run("clerk.yaml", "Light!"))
            await lamp.begun.wait()
        result = await running
        assert [wait.kind for wait in result.waits] == ["in_doubt"]
        # A person who knows that nothing was done has it made again: by a program that is there now, with the same key.
        async with connected(to, "other") as others:
            second = Lamp()
            await others.offer(second)
            await to.runtime.resolve(result.run_id, result.waits[0].key, "retry")
            assert (await to.runtime.wait(result.run_id, beyond=result.waits)).status == "done"
            assert second.keys == lamp.keys and told(model) == "lit hall"


async def test_what_knows_its_key_is_called_again(served: Any, project: Path, model: Scripted) -> None:
    short(project, "500ms")
    async with served() as to:
        reader = Reader()
        (offered,) = capabilities_of(reader)
        async with connected(to) as early:
            await early.offer(reader)
        calls = await to.runtime.topics.subscribe(offered.topic)
        running = asyncio.create_task(to.runtime.run("clerk.yaml", "Set!"))
        first = (await anext(calls)).envelope
        await to.runtime.publish(CLAIMED, "somebody who is never heard of again", id=claim_id(first.id))
        async with connected(to) as lamps:
            await lamps.offer(reader)
            assert (await running).status == "done"
        assert (told(model), reader.keys) == ("set hall", [first.correlation])


@pytest.mark.parametrize("said", ["name: a b", "name: a, timeout: 0s", "name: a, effect: read", "version: '1.0'"])
async def test_what_cannot_be_a_capability_is_told(project: Path, said: str) -> None:
    (project / "clerk.yaml").write_text(AGENT.format(said).replace("scripted/m", "demo/planner"))
    async with perdure.open(project) as rt:
        with pytest.raises(ConfigError, match="capability"):
            await rt.run("clerk.yaml", "?")


async def test_a_call_outlives_the_server(server: Any) -> None:
    """The program goes on while the server is away, and says how it ended when that is back: nobody is asked."""
    (server.project / "agents").mkdir()
    (server.project / "agents/clerk.yaml").write_text(
        "name: clerk\non: [{topic: do}]\n"
        "model:\n"
        "  provider: scripted\n"
        "  name: any\n"
        "  extra: {answers: [{tool: lamp_switch, arguments: {room: hall}}, so it is]}\n"
        "tools: [{capability: {name: lamp.switch, timeout: 5s}}]\n"
    )
    server.kill()
    server.start()
    async with perdure.connect(server.url, token=server.token) as bus:
        lamp = Lamp()
        lamp.go_on.clear()
        await bus.offer(lamp)
        asking = asyncio.create_task(bus.request("do", "Light!", timeout_ms=60_000))
        await lamp.begun.wait()
        server.kill()
        lamp.go_on.set()
        server.start()
        assert (await asking).payload["output"] == "so it is"
        assert len(lamp.keys) == 1
