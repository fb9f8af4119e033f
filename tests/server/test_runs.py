"""Runs and approvals over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from perdure.base.messages import ModelResponse, ToolCall
from perdure.control.approvals import seal_of

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
        assert (again.status, again.json["code"]) == (409, "approval.decided")
        assert (again.json["facts"]["who"], again.json["facts"]["answer"]) == ("operator", "approve")
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
        assert (await client.post(f"/approvals/{first['id']}/approve")).json["code"] == "approval.decided"
        assert (await client.post(f"/approvals/{second['id']}/approve")).status == 202


async def test_an_approval_of_other_arguments_is_refused(served: Served) -> None:
    async with served([PAY, "paid"]) as client:
        run = await begin(client)
        (approval,) = (await client.get("/approvals")).json["items"]
        seen = "0" * len(approval["digest"])
        refused = await client.post(f"/approvals/{run}.{seen}/approve")
        assert (refused.status, refused.json["code"]) == (409, "approval.changed")
        assert (refused.json["facts"]["given"], refused.json["facts"]["asked"]) == (seen, [approval["digest"]])
        assert (await client.runtime.look(run)).status == "waiting"


async def test_an_approval_expires(served: Served, project: Path) -> None:
    clerk = project / "agents" / "clerk.yaml"
    clerk.write_text(clerk.read_text() + "approvals: {expire: 20ms}\n")
    async with served([PAY, "so be it"]) as client:
        asked = await client.runtime.accept("x", spec="clerk")
        (wait,) = (await client.runtime.wait(asked)).waits
        assert wait.due is not None
        late = f"{asked.id}.{seal_of(asked, wait)}"
        while (await client.runtime.look(asked.id)).status == "waiting":
            await asyncio.sleep(0.01)
        refused = await client.post(f"/approvals/{late}/approve")
        assert (refused.status, refused.json["code"]) == (410, "approval.expired")
        assert refused.json["facts"]["due"] == wait.due
        assert (await client.runtime.wait(asked)).output == "so be it"


async def test_of_many_decisions_at_once_one_counts(served: Served) -> None:
    async with served([PAY, "paid"]) as client:
        await begin(client)
        (approval,) = (await client.get("/approvals")).json["items"]
        ways = ("approve", "deny") * 5
        answers = await asyncio.gather(*(client.post(f"/approvals/{approval['id']}/{way}") for way in ways))
        assert sorted(answer.status for answer in answers) == [202] + [409] * 9
        assert {answer.json["code"] for answer in answers if answer.status == 409} == {"approval.decided"}


async def test_what_is_no_decision_is_not_taken_for_a_denial(served: Served) -> None:
    async with served([PAY, "paid"]) as client:
        await begin(client)
        (approval,) = (await client.get("/approvals")).json["items"]
        refused = await client.post(f"/approvals/{approval['id']}/approve", {"answer": "yes"})
        assert (refused.status, refused.json["code"]) == (422, "input.invalid")
        assert (await client.post(f"/approvals/{approval['id']}/approve")).status == 202


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
