"""Runs and approvals over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from perdure.base.messages import ModelResponse, ToolCall

Served = Callable[..., AbstractAsyncContextManager[Any]]
PAY = ModelResponse((ToolCall("c1", "pay", {"amount": 5}),))
LESS = ModelResponse((ToolCall("c2", "pay", {"amount": 3}),))
ASK = ModelResponse((ToolCall("c1", "ask", {"question": "Which colour?"}),))


async def begin(client: Any, **more: Any) -> str:
    answer = await client.post("/invoke", {"spec": "clerk", "input": "Do it", **more})
    return str(answer.json["run_id"])


async def test_runs_are_listed(served: Served) -> None:
    async with served(["hello"]) as client:
        ids = [await begin(client, agent_id=name) for name in ("a", "b", "c")]
        page = (await client.get("/runs?limit=2")).json
        assert [run["run_id"] for run in page["items"]] == ids[:0:-1]
        page = (await client.get(f"/runs?limit=2&cursor={page['next']}")).json
        assert [run["run_id"] for run in page["items"]] == ids[:1]
        assert [run["run_id"] for run in (await client.get("/runs?agent_id=b")).json["items"]] == ids[1:2]
        assert len((await client.get("/runs?status=done&status=failed")).json["items"]) == 3
        assert (await client.get("/runs?status=failed")).json["items"] == []


async def test_a_run_is_traced(served: Served) -> None:
    async with served(["hello"]) as client:
        run = await begin(client)
        for query in ("", "?full=true"):
            trace = await client.get(f"/traces/{run}{query}")
            assert trace.status == 200 and trace.json["children"]


async def test_a_run_is_cancelled_once(served: Served) -> None:
    async with served([PAY]) as client:
        run = await begin(client)
        cancelled = await client.post(f"/runs/{run}/cancel")
        assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
        again = await client.post(f"/runs/{run}/cancel")
        assert (again.status, again.json["code"]) == (409, "run.wrong_state")


async def test_a_run_is_paused_and_resumed(served: Served) -> None:
    async with served([PAY, "paid"]) as client:
        run = await begin(client)
        paused = await client.post(f"/runs/{run}/pause")
        assert (paused.status, paused.json["status"]) == (200, "paused")
        assert (await client.post(f"/runs/{run}/resume")).status == 202


async def test_a_run_is_forked(served: Served) -> None:
    async with served([ASK, "red"]) as client:
        run = await begin(client)
        fork = await client.post(f"/runs/{run}/fork", {"at": "step1/model"})
        assert fork.status == 202 and fork.json["run_id"] != run
        wrong = await client.post(f"/runs/{run}/fork", {"at": "nowhere"})
        assert (wrong.status, wrong.json["code"]) == (422, "input.invalid")


async def test_a_run_is_deleted(served: Served) -> None:
    async with served(["hello"]) as client:
        run = await begin(client)
        assert (await client.ask("DELETE", f"/runs/{run}")).status == 204
        assert (await client.get(f"/runs/{run}")).status == 404


async def test_an_approval_is_given_once(served: Served) -> None:
    async with served([PAY, "paid"]) as client:
        run = await begin(client)
        (approval,) = (await client.get("/approvals")).json["items"]
        assert approval["run_id"] == run and "5" in str(approval["about"])
        given = await client.post(f"/approvals/{approval['id']}/approve", {"why": "It is due."})
        assert (given.status, given.headers["location"]) == (202, f"/runs/{run}")
        assert (await client.runtime.wait(run)).output == "paid"
        again = await client.post(f"/approvals/{approval['id']}/approve")
        assert (again.status, again.json["code"]) == (409, "run.wrong_state")
        assert (await client.get("/approvals")).json["items"] == []


async def test_an_approval_is_for_one_action_only(served: Served) -> None:
    async with served([PAY, LESS, "paid"]) as client:
        run = await begin(client)
        (first,) = (await client.get("/approvals")).json["items"]
        assert (await client.post(f"/approvals/{first['id']}/deny", {"why": "Too much."})).status == 202
        await client.runtime.wait(run, beyond=(await client.runtime.look(run)).waits)
        while (await client.runtime.look(run)).status != "waiting":
            pass
        (second,) = (await client.get("/approvals")).json["items"]
        assert first["id"] != second["id"] and "3" in str(second["about"])
        assert (await client.post(f"/approvals/{first['id']}/approve")).status == 409
        assert (await client.post(f"/approvals/{second['id']}/approve")).status == 202


async def test_a_question_is_answered_in_words(served: Served) -> None:
    async with served([ASK, "So be it."]) as client:
        run = await begin(client)
        (approval,) = (await client.get("/approvals?agent_id=")).json["items"]
        await client.post(f"/approvals/{approval['id']}/approve", {"answer": "red"})
        assert (await client.runtime.wait(run)).output == "So be it."


async def test_an_effect_in_doubt_has_to_be_there_to_be_resolved(served: Served) -> None:
    async with served([ASK]) as client:
        run = await begin(client)
        answer = await client.post(f"/runs/{run}/resolve", {"key": "x", "how": "retry"})
        assert (answer.status, answer.json["code"]) == (409, "run.wrong_state")
        assert (await client.post(f"/runs/{run}/resolve", {"key": "x", "how": "maybe"})).status == 422
