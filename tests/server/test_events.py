"""What is heard of a run: from any place, by many at once, and by clients that come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from perdure.base.messages import Delta, Finished, ModelRequest, ModelResponse, Text, TextDelta, ToolCall
from perdure.server import sse

Served = Callable[..., AbstractAsyncContextManager[Any]]
ASK = ModelResponse((ToolCall("c1", "ask", {"question": "why?"}),))


class Slow:
    """A model that says one word each time it is let to."""

    name = "scripted/m"

    def __init__(self) -> None:
        self.words: asyncio.Queue[str] = asyncio.Queue()
        self.asked = asyncio.Event()

    def say(self, *words: str) -> None:
        for word in words:
            self.words.put_nowait(word)

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        self.asked.set()
        said = ""
        while word := await self.words.get():
            said += word
            yield TextDelta(word)
        yield Finished(ModelResponse((Text(said),)))


async def test_a_client_goes_on_behind_the_last_event_it_saw(served: Served) -> None:
    async with served([ASK, "So."]) as client:
        run = (await client.post("/invoke", {"spec": "clerk", "input": "x"})).json["run_id"]
        cut = await client.stream("GET", f"/runs/{run}/events")
        asked = await cut.until("waiting")
        cut.close()
        await client.runtime.approve(run, "because")
        await client.runtime.wait(run)
        back = await client.get(f"/runs/{run}/events", last_event_id=asked["id"])
        assert [event["event"] for event in back.events] == ["tool_end", "model", "result"]
        everything = await client.get(f"/runs/{run}/events")
        assert everything.events[-3:] == back.events
        assert (await client.get(f"/runs/{run}/events?after={asked['id']}")).events == back.events


async def test_ids_only_grow(served: Served) -> None:
    async with served([ASK, "So."]) as client:
        run = (await client.post("/invoke", {"spec": "clerk", "input": "x"})).json["run_id"]
        await client.runtime.approve(run, "because")
        await client.runtime.wait(run)
        ids = [int(event["id"]) for event in (await client.get(f"/runs/{run}/events")).events if "id" in event]
        assert ids == sorted(set(ids)) and len(ids) > 3


async def test_who_reconnects_in_the_middle_of_an_answer_gets_the_text_so_far(served: Served) -> None:
    model = Slow()
    async with served(model=model) as client:
        first = await client.stream("POST", "/invoke", {"spec": "clerk", "input": "x", "stream": True})
        run = first.headers["perdure-run-id"]
        await model.asked.wait()
        model.say("one ", "two ")
        await first.until("text")
        await first.until("text")
        first.close()
        back = await client.stream("GET", f"/runs/{run}/events", last_event_id="1")
        event = await back.until("text")
        assert (event["data"]["text"], event["data"]["replaces"]) == ("one two ", True)
        model.say("three", "")
        assert (await back.until("text"))["data"]["text"] == "three"
        assert (await back.until("result"))["data"]["result"]["output"] == "one two three"


async def test_many_hear_the_same(served: Served) -> None:
    model = Slow()
    async with served(model=model) as client:
        run = (await client.post("/invoke", {"spec": "clerk", "input": "x", "async": True})).json["run_id"]
        watchers = [await client.stream("GET", f"/runs/{run}/events") for _ in range(50)]
        model.say("a ", "b", "")

        async def hear(watcher: Any) -> str:
            return str((await watcher.until("result"))["data"]["result"]["output"])

        assert set(await asyncio.gather(*map(hear, watchers))) == {"a b"}
        assert not client.runtime.engine.live.watched(run)


async def test_a_client_that_does_not_read_costs_nothing_and_misses_nothing(served: Served) -> None:
    model = Slow()
    async with served(model=model) as client:
        run = (await client.post("/invoke", {"spec": "clerk", "input": "x", "async": True})).json["run_id"]
        slow = await client.stream("GET", f"/runs/{run}/events")
        await slow.event()
        words = [f"{number} " + "x" * 1000 for number in range(8_000)]  # more than the sockets hold
        model.say(*words, "")
        await client.runtime.wait(run)
        result = await slow.until("result")
        assert result["data"]["result"]["output"] == "".join(words)


async def test_a_stream_with_nothing_to_say_is_kept(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "KEEP_ALIVE_S", 0.05)
    model = Slow()
    async with served(model=model) as client:
        watcher = await client.stream("POST", "/invoke", {"spec": "clerk", "input": "x", "stream": True})
        await watcher.event()
        assert await watcher.piece() == b": keep-alive\n\n"
        model.say("a", "")
        assert (await watcher.until("text"))["data"]["text"] == "a"


async def test_the_server_stops_while_somebody_listens(served: Served) -> None:
    model = Slow()
    async with served(model=model) as client:
        run = (await client.post("/invoke", {"spec": "clerk", "input": "x", "async": True})).json["run_id"]
        watcher = await client.stream("GET", f"/runs/{run}/events")
        await watcher.event()
        await model.asked.wait()
    with pytest.raises(EOFError):
        while True:
            await watcher.event()


@pytest.mark.parametrize("cursor", ["x", "-1", "9" * 30])
async def test_a_cursor_is_a_number(served: Served, cursor: str) -> None:
    async with served(["a"]) as client:
        run = (await client.post("/invoke", {"spec": "clerk", "input": "x"})).json["run_id"]
        assert (await client.get(f"/runs/{run}/events", last_event_id=cursor)).status == 422


async def test_there_has_to_be_a_run(served: Served) -> None:
    async with served() as client:
        answer = await client.get("/runs/run_00000000/events")
        assert (answer.status, answer.json["code"]) == (404, "run.not_found")
