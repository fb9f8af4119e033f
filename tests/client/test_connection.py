"""A program beside the server: what it says and hears, also over the server's death."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.errors import Disconnected, InputError, InvalidArguments, NoAnswer, ToolError, Unauthorized
from perdure.wiring import Served, serve

ECHO = """
from perdure import Agent

class Echo(Agent):
    async def on_message(self, ctx, message):
        return message.payload

    async def on_event(self, ctx, event):
        ctx.topics.publish("passed.on", event.payload)
"""
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "echo.py").write_text(ECHO)
    (tmp_path / "agents/echo.yaml").write_text(
        "name: echo\nclass: ../echo.py:Echo\non: [{topic: ask.echo}, {topic: pass.on}]\n"
    )
    return tmp_path


@asynccontextmanager
async def served(project: Path) -> AsyncIterator[Served]:
    async with serve(project, port=0, environment={}) as found:
        yield found


def connected(to: Served, name: str = "", **more: Any) -> Any:
    return perdure.connect(to.url, token=to.token, name=name, **more)


async def payloads(events: Any, count: int) -> list[Any]:
    async with asyncio.timeout(20):
        return [(await anext(events)).envelope.payload for _ in range(count)]


# -- saying and hearing -----------------------------------------------------------------------------------------------


async def test_two_programs_hear_each_other(project: Path) -> None:
    async with served(project) as to, connected(to, "one") as one, connected(to, "two") as two:
        heard = await two.subscribe("news.*")
        said = await one.emit("news.a", {"n": 1}, kind="report", thread="t", priority=1)
        await one.emit("news.b", None, durable=False)
        first, second = [await anext(heard) for _ in range(2)]
        assert (first.seq, first.envelope.id, second.seq) == (said.seq, said.id, 0)
        envelope = first.envelope
        assert (envelope.payload, envelope.kind, envelope.sender, envelope.thread, envelope.priority) == (
            {"n": 1},
            "report",
            "operator/one",
            "t",
            1,
        )


async def test_a_request_carries_what_its_answer_needs(project: Path) -> None:
    async with served(project) as to, connected(to, "asker") as asker, connected(to, "answerer") as answerer:
        asked = await answerer.subscribe("ask.me")
        asking = asyncio.create_task(asker.request("ask.me", "?", timeout_ms=10_000, thread="t7"))
        question = (await anext(asked)).envelope
        assert (question.kind, question.correlation, question.thread) == ("request", question.id, "t7")
        await answerer.reply(question, "!")
        again = await answerer.reply(question, "?!")
        assert not again.is_new
        answer = await asking
        assert (answer.payload, answer.kind, answer.sender) == ("!", "reply", "operator/answerer")
        assert (answer.correlation, answer.causation, answer.thread, answer.hops) == (
            question.id,
            question.id,
            "t7",
            1,
        )
        with pytest.raises(InputError):
            await answerer.reply(answer, "and so on")


async def test_an_agent_answers_a_program(project: Path) -> None:
    async with served(project) as to, connected(to) as bus:
        answer = await bus.request("ask.echo", {"n": 1}, timeout_ms=20_000)
        assert (answer.sender, answer.payload["output"]) == ("echo", {"n": 1})


async def test_the_trace_survives_every_hop_from_program_to_agent_to_program(project: Path) -> None:
    async with served(project) as to, connected(to) as bus:
        heard = await bus.subscribe("passed.on")
        await bus.emit("pass.on", 7, traceparent=TRACE, thread="t1")
        envelope = (await anext(heard)).envelope
        assert (envelope.traceparent[:35], envelope.thread, envelope.hops) == (TRACE[:35], "t1", 1)
        await bus.emit("ask", kind="request", reply_to="topic:answers", traceparent=TRACE)
        answers = await bus.subscribe("answers")
        (question,) = (await to.runtime.topics.events("ask"))[-1:]
        await bus.reply(question, "!")
        assert (await anext(answers)).envelope.traceparent == TRACE


async def test_nobody_answers(project: Path) -> None:
    async with served(project) as to, connected(to) as bus:
        with pytest.raises(NoAnswer):
            await bus.request("nobody", timeout_ms=100)


async def test_what_the_server_refuses_is_raised_as_there(project: Path) -> None:
    async with served(project) as to, connected(to) as bus:
        with pytest.raises(InputError, match="not a topic"):
            await bus.emit("a b")
        with pytest.raises(InputError, match="not a pattern"):
            await bus.subscribe("a..b")
        async with perdure.connect(to.url, token="wrong") as stranger:
            with pytest.raises(Unauthorized):
                await stranger.emit("a")
            with pytest.raises(Unauthorized):
                await stranger.subscribe("a")


async def test_a_server_that_is_not_there_is_given_up_after_a_while() -> None:
    async with perdure.connect("http://127.0.0.1:9", token="", patience_ms=300) as bus:
        with pytest.raises(Disconnected):
            await bus.emit("a")


async def test_who_gives_up_waiting_has_taken_nothing(project: Path) -> None:
    async with served(project) as to, connected(to) as bus:
        heard = await bus.subscribe("n")
        emitting = asyncio.create_task(emit_slowly(bus, 30))
        found: list[Any] = []
        async with asyncio.timeout(20):
            while len(found) < 30:
                try:
                    found.append((await asyncio.wait_for(anext(heard), 0.003)).envelope.payload)
                except TimeoutError:
                    pass
        await emitting
        assert found == list(range(30))


async def emit_slowly(bus: Any, count: int) -> None:
    for n in range(count):
        await bus.emit("n", n)
        await asyncio.sleep(0.003)


async def test_more_than_fits_is_taken_as_there_is_room(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.client.subscription.WAITING", 3)
    async with served(project) as to, connected(to) as bus:
        heard = await bus.subscribe("n")
        for n in range(20):
            await bus.emit("n", n)
        assert await payloads(heard, 20) == list(range(20))


async def test_a_closed_subscription_ends(project: Path) -> None:
    async with served(project) as to, connected(to) as bus:
        heard = await bus.subscribe("a")
        waiting = asyncio.create_task(anext(heard, None))
        await asyncio.sleep(0.05)
        await heard.close()
        assert await waiting is None


# -- capabilities -----------------------------------------------------------------------------------------------------


class Sums:
    def __init__(self) -> None:
        self.calls = 0

    @perdure.capability("add")
    async def add(self, a: int, b: int = 1) -> int:
        """Add two numbers."""
        self.calls += 1
        return a + b

    @perdure.capability("fail", version="2.0")
    def fail(self) -> None:
        raise ValueError("no")


async def test_a_capability_is_called_by_its_name(project: Path) -> None:
    async with served(project) as to, connected(to, "maker") as maker, connected(to, "user") as user:
        await maker.offer(Sums())
        assert await user.tool("add", {"a": 2}, timeout_ms=20_000) == 3
        with pytest.raises(InvalidArguments):
            await user.tool("add", {"a": "two"}, timeout_ms=20_000)
        with pytest.raises(InputError, match="mapping"):
            await user.tool("add", [1], timeout_ms=20_000)
        with pytest.raises(ToolError, match="ValueError: no"):
            await user.tool("fail", version="2.0", timeout_ms=20_000)
        with pytest.raises(NoAnswer):
            await user.tool("add", {"a": 2}, version="9.9", timeout_ms=100)
        add, _ = await user.capabilities()
        assert (add.name, add.version, add.provider, add.description) == ("add", "1.0", "maker", "Add two numbers.")
        assert add.input_schema["required"] == ["a"]


async def test_of_many_who_offer_the_same_one_does_it(project: Path) -> None:
    makers = [Sums() for _ in range(3)]
    async with (
        served(project) as to,
        connected(to) as user,
        connected(to, "same") as one,
        connected(to, "same") as two,
        connected(to, "other") as three,
    ):
        for bus, sums in zip((one, two, three), makers, strict=True):
            await bus.offer(sums)
        results = await asyncio.gather(*(user.tool("add", {"a": n}, timeout_ms=20_000) for n in range(10)))
        assert results == list(range(1, 11))
        assert sum(sums.calls for sums in makers) == 10


def test_what_offers_nothing_is_refused() -> None:
    from perdure.client.capability import capabilities_of

    with pytest.raises(InputError):
        capabilities_of(object())


# -- the server dies --------------------------------------------------------------------------------------------------


async def test_nothing_kept_is_missed_when_the_server_is_killed(server: Any) -> None:
    async with perdure.connect(server.url, token=server.token, name="client") as bus:
        heard = await bus.subscribe("n.>")

        async def emit() -> None:
            for n in range(60):
                await bus.emit(f"n.{n % 3}", n)

        async def restart() -> None:
            for _ in range(2):
                await asyncio.sleep(0.25)
                server.kill()
                await asyncio.to_thread(server.start)

        got, _, _ = await asyncio.gather(payloads(heard, 60), emit(), restart())
        assert got == list(range(60))
        await bus.emit("n.end", "end")
        assert await payloads(heard, 1) == ["end"]


async def test_a_consumer_goes_on_behind_what_it_acknowledged(server: Any) -> None:
    async with perdure.connect(server.url, token=server.token) as bus:
        async with await bus.subscribe("n", consumer="worker") as heard:
            for n in range(6):
                await bus.emit("n", n)
            for n in range(4):
                event = await anext(heard)
                if n < 3:
                    await heard.ack(event)
        server.kill()
        server.start()
        await bus.emit("n", 6)
        async with await bus.subscribe("n", consumer="worker") as heard:
            assert await payloads(heard, 4) == [3, 4, 5, 6]


async def test_a_request_survives_a_restart(server: Any) -> None:
    async with perdure.connect(server.url, token=server.token) as bus:
        asked = await bus.subscribe("ask")
        asking = asyncio.create_task(bus.request("ask", "?", timeout_ms=30_000))
        question = await anext(asked)
        server.kill()
        server.start()
        await bus.reply(question, "!")
        assert (await asking).payload == "!"
