"""What is heard of a run: from any place, by many at once, and by clients that come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from perdure.base.messages import Delta, Finished, ModelRequest, ModelResponse, Text, TextDelta, ToolCall
from perdure.kernel.store.rows import RecordFilter
from perdure.server import frames, protocol, sse

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


KINDS = "&".join(
    f"kind={kind}" for kind in ("accepted", "model", "waiting", "resumed", "tool_start", "tool_end", "result")
)


async def test_one_stream_tells_of_all_runs(served: Served) -> None:
    async with served([ASK, "So."]) as client:
        every = await client.stream("GET", "/events")
        assert (await every.event())["event"] == "now"
        runs = {}
        for agent in ("ann", "bob"):
            answer = await client.post("/invoke", {"spec": "clerk", "agent_id": agent, "input": "x"})
            runs[agent] = answer.json["run_id"]
        ends = []
        for agent in ("bob", "ann"):
            await client.runtime.approve(runs[agent], "because")
            ends.append((await every.until("result"))["data"])
        assert [(end["run_id"], end["agent_id"]) for end in ends] == [(runs["bob"], "bob"), (runs["ann"], "ann")]
        assert ends[0]["result"]["output"] == "So."


async def test_it_goes_on_behind_every_event_without_a_gap_or_a_double(served: Served) -> None:
    async with served([ASK, "So."]) as client:
        first = await client.stream("GET", f"/events?{KINDS}&kind=now")
        heard = [await first.event()]
        for agent in ("ann", "bob"):
            await client.post("/invoke", {"spec": "clerk", "agent_id": agent, "input": "x"})
        for run in (await client.get("/runs")).json["items"]:
            await client.runtime.approve(run["run_id"], "because")
        while len([event for event in heard if event["event"] == "result"]) < 2:
            heard.append(await first.event())
        ids = [int(event["id"]) for event in heard if "id" in event]
        assert (
            ids == sorted(set(ids)) and len(heard) == len(ids) + 2
        )  # of a model's answer and its call the last has one
        for place, seen in enumerate(heard):
            if "id" not in seen:
                continue
            back = await client.stream("GET", f"/events?{KINDS}", last_event_id=seen["id"])
            rest = heard[place + 1 :]
            assert [await back.event() for _ in rest] == rest
            back.close()


async def test_an_event_whose_cursor_stands_in_one_left_out_has_it_all_the_same(served: Served) -> None:
    async with served([ASK, "So."]) as client:
        every = await client.stream("GET", "/events?kind=model&after=0")
        await client.post("/invoke", {"spec": "clerk", "input": "x"})
        record = (await client.runtime.store.records(RecordFilter(types=("effect.done",)), limit=1))[0]
        assert "id" not in await every.event()
        assert await every.piece() == f"id: {record.seq}\n\n".encode()


async def test_one_stream_tells_of_an_agent(served: Served) -> None:
    async with served(["a", "b"]) as client:
        assert (await client.get("/events?agent_id=nobody")).json["code"] == "agent.not_found"
        await client.post("/invoke", {"spec": "clerk", "agent_id": "ann", "input": "x"})
        anns = await client.stream("GET", "/events?agent_id=ann&after=0")
        await client.post("/invoke", {"spec": "clerk", "agent_id": "bob", "input": "x"})
        await client.post("/invoke", {"spec": "clerk", "agent_id": "ann", "input": "x"})
        ends = [(await anns.until("result"))["data"] for _ in range(2)]
        assert [(end["agent_id"], end["result"]["output"]) for end in ends] == [("ann", "a"), ("ann", "b")]


async def test_who_follows_all_in_the_middle_of_an_answer_gets_the_text_so_far(served: Served) -> None:
    model = Slow()
    async with served(model=model) as client:
        early = await client.stream("GET", "/events")
        await early.event()
        run = (await client.post("/invoke", {"spec": "clerk", "input": "x", "async": True})).json["run_id"]
        await model.asked.wait()
        model.say("one ", "two ")
        await early.until("text")
        cut = await early.until("text")
        assert cut["data"]["run_id"] == run
        late = await client.stream("GET", "/events")
        event = await late.until("text")
        assert (event["data"]["text"], event["data"]["replaces"]) == ("one two ", True)
        model.say("three", "")
        for stream in (early, late):
            assert (await stream.until("text"))["data"]["text"] == "three"
            assert (await stream.until("result"))["data"]["result"]["output"] == "one two three"


async def test_text_is_made_only_where_somebody_wants_it(served: Served) -> None:
    model = Slow()
    async with served(model=model) as client:
        quiet = await client.stream("GET", "/events?kind=accepted&kind=result")
        run = (await client.post("/invoke", {"spec": "clerk", "input": "x", "async": True})).json["run_id"]
        await quiet.until("accepted")
        live = client.runtime.engine.live
        assert live.recorded(run) and not live.watched(run)
        loud = await client.stream("GET", "/events")
        await loud.event()
        assert live.watched(run)
        await model.asked.wait()
        model.say("a", "")
        assert (await quiet.event())["event"] == "result"


async def test_five_hundred_watch_and_each_event_is_encoded_once(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def counted(kind: str, value: Any, id: int | str = "") -> bytes:
        made.append(kind)
        return sse.frame(kind, value, id)

    monkeypatch.setattr(frames, "frame", counted)
    async with served(["a"] * 3) as client:
        watchers = [await client.stream("GET", "/events?kind=result") for _ in range(500)]
        loud = await client.stream("GET", "/events")
        await loud.event()
        while len(client.runtime.everywhere[False]._listeners) < 500:
            await asyncio.sleep(0.01)
        for name in ("ann", "bob", "cid"):
            await client.post("/invoke", {"spec": "clerk", "agent_id": name, "input": "x"})

        async def hear(watcher: Any) -> list[str]:
            return [(await watcher.until("result"))["data"]["agent_id"] for _ in range(3)]

        heard = await asyncio.gather(*map(hear, watchers))
        assert heard == [["ann", "bob", "cid"]] * 500
        assert made.count("result") <= 2 * 3  # those with text are other events than those without


async def test_a_client_that_never_reads_is_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STALLED_S", 0.2)
    model = Slow()
    async with served(model=model) as client:
        stuck = await client.stream("POST", "/invoke", {"spec": "clerk", "input": "x", "stream": True})
        run = stuck.headers["perdure-run-id"]
        await stuck.event()
        await model.asked.wait()
        ((channel, _),) = client.runtime.channels._open.values()
        for _ in range(30):  # more than the sockets hold
            model.say("x" * 500_000)
            await asyncio.sleep(0.01)
        async with asyncio.timeout(10):
            while channel.listeners:
                await asyncio.sleep(0.01)
        monkeypatch.undo()
        model.say("end", "")
        back = await client.stream("GET", f"/runs/{run}/events", last_event_id="1")
        assert (await back.until("result"))["data"]["result"]["output"].endswith("end")


async def test_who_may_read_may_follow(served: Served) -> None:
    async with served() as client:
        for scope, status in (("read", 200), ("send", 403)):
            made = await client.runtime.add_key(scope, [scope])
            stream = await client.stream("GET", "/events", authorization=f"Bearer {made.secret}")
            assert stream.status == status
            stream.close()
