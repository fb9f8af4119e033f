"""Asking an agent over HTTP: for the answer, for a stream, or for a receipt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from perdure.base.codec import unpack_as
from perdure.base.envelope import Envelope
from perdure.base.messages import ModelResponse, ToolCall
from perdure.kernel.journal import decode
from perdure.kernel.store.rows import RecordFilter
from perdure.testing import Scripted, by_turn

Served = Callable[..., AbstractAsyncContextManager[Any]]
PAY = ModelResponse((ToolCall("c1", "pay", {"amount": 5}),))


async def test_the_answer_comes_back(served: Served) -> None:
    async with served(["Good day."]) as client:
        answer = await client.post("/invoke", {"spec": "clerk", "input": "Hello"})
        assert (answer.status, answer.json["output"], answer.json["status"]) == (200, "Good day.", "done")
        assert answer.json["agent_id"].startswith("clerk-")


async def test_a_conversation_goes_on(served: Served) -> None:
    async with served(["one", "two"]) as client:
        first = await client.post("/invoke", {"spec": "clerk", "agent_id": "ada", "input": "a"})
        second = await client.post("/invoke", {"agent_id": "ada", "input": "b"})
        assert (first.json["output"], second.json["output"]) == ("one", "two")
        assert {first.json["agent_id"], second.json["agent_id"]} == {"ada"}


async def test_a_published_name_is_an_agent_of_its_own(served: Served) -> None:
    async with served(["yes"]) as client:
        answer = await client.post("/invoke", {"agent_id": "clerk", "input": "There?"})
        assert (answer.status, answer.json["agent_id"]) == (200, "clerk")


async def test_it_is_accepted_and_fetched_later(served: Served) -> None:
    async with served(["done"]) as client:
        receipt = await client.post("/invoke", {"spec": "clerk", "input": "Go", "async": True})
        assert (receipt.status, receipt.headers["location"]) == (202, f"/runs/{receipt.json['run_id']}")
        await client.runtime.wait(receipt.json["run_id"])
        run = await client.get(receipt.headers["location"])
        assert (run.json["output"], run.json["input"]) == ("done", "Go")


async def test_it_comes_as_a_stream(served: Served) -> None:
    async with served(["one two"]) as client:
        answer = await client.post("/invoke", {"spec": "clerk", "input": "Count", "stream": True})
        assert answer.headers["content-type"].startswith("text/event-stream")
        kinds = [event["event"] for event in answer.events]
        assert (kinds[0], kinds[-1]) == ("accepted", "result")
        assert "".join(event["data"]["text"] for event in answer.events if event["event"] == "text") == "one two"
        assert answer.events[-1]["data"]["result"]["output"] == "one two"


async def test_a_key_makes_it_one_request(served: Served) -> None:
    async with served(["first"]) as client:
        ask = {"spec": "clerk", "input": "Once"}
        answers = await asyncio.gather(*(client.post("/invoke", ask, idempotency_key="k1") for _ in range(5)))
        assert {(answer.json["run_id"], answer.json["output"]) for answer in answers} == {
            (answers[0].json["run_id"], "first")
        }
        other = await client.post("/invoke", ask, idempotency_key="k2")
        assert other.json["run_id"] != answers[0].json["run_id"]


async def test_a_key_is_for_one_request_only(served: Served) -> None:
    async with served(["first"]) as client:
        await client.post("/invoke", {"spec": "clerk", "input": "This"}, idempotency_key="k")
        again = await client.post("/invoke", {"spec": "clerk", "input": "That"}, idempotency_key="k")
        assert (again.status, again.json["code"]) == (422, "request.key_reused")


async def test_what_waits_for_a_person_is_no_answer_yet(served: Served) -> None:
    async with served([PAY, "paid"]) as client:
        answer = await client.post("/invoke", {"spec": "clerk", "input": "Pay"})
        assert (answer.status, answer.json["status"], answer.json["waiting_for"]) == (202, "waiting", "approval")


async def test_a_stream_ends_where_a_person_is_waited_for(served: Served) -> None:
    async with served([PAY, "paid"]) as client:
        answer = await client.post("/invoke", {"spec": "clerk", "input": "Pay", "stream": True})
        assert [event["event"] for event in answer.events][-2:] == ["waiting", "result"]
        assert answer.events[-1]["data"]["result"]["status"] == "waiting"


async def test_a_failure_is_a_problem_with_its_run(served: Served) -> None:
    async with served(["unused"]) as client:
        answer = await client.post("/invoke", {"spec": "poor", "input": "Spend"})
        assert (answer.status, answer.json["code"]) == (402, "budget.exceeded")
        assert answer.headers["content-type"] == "application/problem+json"
        run = await client.get(f"/runs/{answer.json['run_id']}")
        assert run.json["summary"]["status"] == "failed"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"spec": "nobody", "input": "x"}, 404, "config.spec_not_found"),
        ({"agent_id": "nobody", "input": "x"}, 404, "agent.not_found"),
        ({"agent_id": "../x", "input": "x"}, 422, "request.invalid"),
        ({"input": "x"}, 422, "input.invalid"),
        ({"spec": "clerk", "input": "  "}, 422, "input.invalid"),
        ({"spec": "clerk"}, 422, "request.invalid"),
        ({"spec": "clerk", "input": "x", "sream": True}, 422, "request.invalid"),
        ({"spec": "clerk", "input": "x", "stream": "yes"}, 422, "request.invalid"),
        ({"spec": "clerk", "input": "x", "stream": True, "async": True}, 422, "request.invalid"),
        (["clerk"], 422, "request.invalid"),
        (b"{", 400, "request.malformed"),
        (b"\xff", 400, "request.malformed"),
        (b'{"input": ' + b"[" * 100_000, 400, "request.malformed"),
    ],
)
async def test_what_makes_no_sense_is_refused(served: Served, body: Any, status: int, code: str) -> None:
    async with served() as client:
        answer = await client.post("/invoke", body)
        assert (answer.status, answer.json["code"], answer.json["status"]) == (status, code, status)


async def test_a_message_is_sent_to_an_agent(served: Served) -> None:
    async with served(["one", "two"]) as client:
        await client.post("/invoke", {"spec": "clerk", "agent_id": "ada", "input": "a"})
        receipt = await client.post("/agents/ada/send", {"input": "b"})
        assert (receipt.status, sorted(receipt.json)) == (202, ["agent_id", "envelope_id", "run_id", "status"])
        assert (await client.runtime.wait(receipt.json["run_id"])).output == "two"


async def test_who_sends_may_wait_for_the_answer(served: Served) -> None:
    async with served(["one", PAY]) as client:
        answer = await client.post("/agents/clerk/send?wait=30s", {"input": "a"})
        assert (answer.status, answer.json["output"]) == (200, "one")
        assert (await client.post("/agents/clerk/send?wait=1h", {"input": "a"})).status == 422


async def test_an_edited_file_is_taken_for_what_comes_next(served: Served, project: Path) -> None:
    model = Scripted(by_turn(["one", "two", "three"]), name="scripted/m")
    file = project / "agents" / "clerk.yaml"
    async with served(model=model) as client:
        ask = {"spec": "clerk", "input": "x"}
        await client.post("/invoke", ask)
        file.write_text(file.read_text().replace("You are a clerk.", "You are the manager now."))
        await client.runtime.reload()
        await client.post("/invoke", ask)
        file.write_text("name: clerk\nmodell: x\n")
        await client.runtime.reload()
        await client.post("/invoke", ask)
        said = [request.system for request in model.requests]
        assert said == ["You are a clerk.", "You are the manager now.", "You are the manager now."]
        (clerk, _) = (await client.get("/specs")).json["items"]
        assert "modell" in clerk["problem"]


async def test_the_trace_of_a_request_is_that_of_its_run(served: Served) -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with served(["ok"]) as client:
        for sent, kept in (
            ({"traceparent": parent, "tracestate": "rojo=1, congo=2"}, (parent, "rojo=1,congo=2")),
            ({"traceparent": parent, "tracestate": "NONSENSE"}, (parent, "")),
            ({"traceparent": "nonsense", "tracestate": "rojo=1"}, ("", "")),
        ):
            ran = (await client.post("/invoke", {"spec": "clerk", "input": "hi"}, **sent)).json
            (first,) = await client.runtime.store.records(
                RecordFilter(ran["agent_id"], ran["run_id"], ("run.accepted",)), limit=1
            )
            envelope = unpack_as(decode(first).body, Envelope)
            assert (envelope.traceparent, envelope.tracestate) == kept
