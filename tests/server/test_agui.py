"""AG-UI, judged by its official client under Node."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from perdure.base.errors import BrokenStream
from perdure.base.messages import ModelResponse, Text, Thinking, ToolCall
from perdure.testing import Scripted, breaks, by_turn, call

Served = Callable[..., AbstractAsyncContextManager[Any]]
Step = Callable[..., Any]
CACHE = Path(os.environ.get("PERDURE_TEST_CACHE") or Path(__file__).parents[2] / ".cache")
MODULES = CACHE / "agui/node_modules"
NODE = shutil.which("node")
official = pytest.mark.skipif(
    NODE is None or not MODULES.exists(), reason="AG-UI's client is not installed: run scripts/fetch-agui"
)
HELLO = {"id": "u1", "role": "user", "content": "Hello"}
TOOL = {
    "name": "paint",
    "description": "Paints the page.",
    "parameters": {"type": "object", "properties": {"colour": {"type": "string"}}},
}
PAINT = ModelResponse((Text("I paint."), ToolCall("c1", "paint", {"colour": "red"})), stop="tool_calls")


@pytest.fixture
def project(project: Path) -> Path:
    (project / "agents" / "clerk.yaml").write_text(
        (project / "agents" / "clerk.yaml").read_text().replace("ask]", "ask, calculator]")
    )
    (project / "agents" / "counter.yaml").write_text("name: counter\nclass: ../counter.py:Counter\n")
    (project / "counter.py").write_text(
        "from perdure import Agent, AgentState\n"
        "class Counter(Agent):\n"
        "    class State(AgentState):\n"
        "        count: int = 0\n"
        "    async def on_message(self, ctx, message):\n"
        "        self.state.count += 1\n"
        "        return f'{self.state.count} so far'\n"
    )
    return project


@asynccontextmanager
async def talking(client: Any, spec: str = "clerk", thread: str = "t1") -> AsyncIterator[Step]:
    """A function that lets the official client take one step."""
    script = Path(__file__).with_name("agui.mjs")
    process = await asyncio.create_subprocess_exec(
        str(NODE),
        str(script),
        str(MODULES),
        f"{client.url}/agui/{spec}",
        client.token,
        thread,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    assert process.stdin is not None and process.stdout is not None
    reader, writer = process.stdout, process.stdin

    async def step(*said: Any, **more: Any) -> Any:
        writer.write(json.dumps({"add": said, **more}).encode() + b"\n")
        return json.loads(await reader.readline())

    try:
        yield step
    finally:
        writer.close()
        await process.wait()


def kinds(told: Any) -> list[str]:
    found: list[str] = []
    for event in told["events"]:
        if not found or found[-1] != event["type"]:
            found.append(event["type"])
    return found


def last(told: Any) -> Any:
    assert "error" not in told, told["error"]
    return told["events"][-1]


@official
async def test_a_conversation_is_a_durable_agent(served: Served) -> None:
    scripted = Scripted(by_turn(["Good day, Ada.", "You are Ada."]), name="scripted/m")
    async with served(model=scripted) as client, talking(client) as step:
        first = await step({**HELLO, "content": "I am Ada."})
        text = ["TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END"]
        assert kinds(first) == ["RUN_STARTED", *text, "RUN_FINISHED"]
        assert (last(first)["outcome"], last(first)["result"]) == ({"type": "success"}, "Good day, Ada.")
        assert [message["content"] for message in first["messages"]] == ["I am Ada.", "Good day, Ada."]
        second = await step({"id": "u2", "role": "user", "content": "Who am I?"})
        assert second["messages"][-1]["content"] == "You are Ada."
        said = [message.text for message in scripted.requests[-1].messages]
        assert said == ["I am Ada.", "Good day, Ada.", "Who am I?"]
        (agent,) = (await client.get("/agents")).json["items"]
        assert agent["agent_id"].startswith("clerk-") and len((await client.get("/runs")).json["items"]) == 2


@official
async def test_tools_of_the_agent_are_shown(served: Served) -> None:
    answers = [[Thinking("Hm."), "Let me see.", call("calculator", expression="6*7")], "It is 42."]
    async with served(answers) as client, talking(client) as step:
        told = await step(HELLO)
        assert [kind for kind in kinds(told) if kind.startswith("TOOL")] == [
            "TOOL_CALL_START",
            "TOOL_CALL_ARGS",
            "TOOL_CALL_END",
            "TOOL_CALL_RESULT",
        ]
        assert "REASONING_MESSAGE_CONTENT" in kinds(told)
        roles = [message["role"] for message in told["messages"] if message["role"] != "reasoning"]
        assert roles == ["user", "assistant", "tool", "assistant"]
        (result,) = [message for message in told["messages"] if message["role"] == "tool"]
        assert "42" in result["content"]


@official
async def test_tools_of_the_page_are_called_there(served: Served) -> None:
    async with served([PAINT, "It is red."]) as client, talking(client) as step:
        first = await step(HELLO, tools=[TOOL])
        (pending,) = last(first)["outcome"]["pendingToolCallIds"]
        (called,) = first["messages"][-1]["toolCalls"]
        assert (called["id"], json.loads(called["function"]["arguments"])) == (pending, {"colour": "red"})
        done = {"id": "r1", "role": "tool", "toolCallId": pending, "content": "painted"}
        second = await step(done, tools=[TOOL])
        assert second["messages"][-1]["content"] == "It is red."
        assert len((await client.get("/runs")).json["items"]) == 1


@official
async def test_who_speaks_on_instead_of_calling_is_heard(served: Served) -> None:
    scripted = Scripted(by_turn([PAINT, "As you like."]), name="scripted/m")
    async with served(model=scripted) as client, talking(client) as step:
        await step(HELLO, tools=[TOOL])
        told = await step({"id": "u2", "role": "user", "content": "No, leave it."}, tools=[TOOL])
        assert told["messages"][-1]["content"] == "As you like."
        (result,) = scripted.requests[-1].messages[-1].parts
        assert result.error and "No, leave it." in [part.text for part in result.parts]  # type: ignore[union-attr]


@official
async def test_an_approval_is_an_interrupt(served: Served) -> None:
    async with served([call("pay", amount=5), "Paid."]) as client, talking(client) as step:
        first = await step(HELLO)
        (interrupt,) = last(first)["outcome"]["interrupts"]
        assert interrupt["reason"] == "approval" and "pay" in interrupt["message"]
        assert interrupt["responseSchema"]["enum"] == ["approve", "deny"]
        answer = {"interruptId": interrupt["id"], "status": "resolved", "payload": "approve"}
        second = await step(resume=[answer])
        assert second["messages"][-1]["content"] == "Paid." and last(second)["outcome"] == {"type": "success"}
        assert len((await client.get("/runs")).json["items"]) == 1


@official
async def test_the_state_of_a_python_agent_is_shown(served: Served) -> None:
    async with served() as client, talking(client, "counter") as step:
        await step(HELLO)
        told = await step({"id": "u2", "role": "user", "content": "Again"})
        assert told["state"] == {"count": 2} and told["messages"][-1]["content"] == "2 so far"


@official
async def test_what_goes_wrong_is_told(served: Served) -> None:
    async with served(["x"]) as client, talking(client, "poor") as step:
        told = await step(HELLO)
        error = next(event for event in told["events"] if event["type"] == "RUN_ERROR")
        assert error["code"] == "budget.exceeded"
    async with served([breaks("one two", BrokenStream("gone"))]) as client, talking(client) as step:
        assert "RUN_ERROR" in kinds(await step(HELLO))


def asking(**more: Any) -> dict[str, Any]:
    return {"threadId": "t", "runId": "r1", "messages": [HELLO], **more}


async def events(client: Any, body: Any, spec: str = "clerk") -> list[Any]:
    answer = await client.post(f"/agui/{spec}", body)
    assert answer.status == 200, answer.content
    return [json.loads(line[6:]) for line in answer.content.decode().split("\n") if line.startswith("data: ")]


async def test_the_same_request_again_is_the_same_run(served: Served) -> None:
    async with served(["Good day."]) as client:
        first, again = [await events(client, asking()) for _ in range(2)]
        assert first[-1] == again[-1] and first[-1]["result"] == "Good day."
        assert len((await client.get("/runs")).json["items"]) == 1


async def test_what_the_page_tells_of_itself_is_known(served: Served) -> None:
    scripted = Scripted(by_turn(["ok"]), name="scripted/m")
    async with served(model=scripted) as client:
        await events(client, asking(context=[{"description": "The open file", "value": "a.py"}]))
        assert [message.text for message in scripted.requests[0].messages] == ["The open file:\na.py", "Hello"]


async def test_interrupts_of_other_threads_are_refused(served: Served) -> None:
    async with served([call("pay", amount=5), "Paid."]) as client:
        told = await events(client, asking())
        (interrupt,) = told[-1]["outcome"]["interrupts"]
        answer = [{"interruptId": interrupt["id"], "status": "resolved", "payload": "approve"}]
        assert (await client.post("/agui/clerk", asking(threadId="other", resume=answer))).status == 422
        more = asking(runId="r2", messages=[HELLO, {"id": "u2", "role": "user", "content": "And?"}])
        assert (await client.post("/agui/clerk", more)).json["code"] == "run.wrong_state"
        refused = [{**answer[0], "status": "cancelled"}]
        assert (await events(client, asking(runId="r3", resume=refused)))[-1]["result"] == "Paid."


async def test_who_may_only_send_cannot_agree(served: Served) -> None:
    async with served([call("pay", amount=5), "Paid."]) as client:
        made = await client.post("/keys", {"id": "page", "scopes": ["send"]})
        key = {"authorization": f"Bearer {made.json['secret']}"}
        answer = await client.ask("POST", "/agui/clerk", asking(), key)
        (interrupt,) = json.loads(answer.content.decode().strip().rpartition("data: ")[2])["outcome"]["interrupts"]
        resume = [{"interruptId": interrupt["id"], "status": "resolved", "payload": "approve"}]
        refused = await client.ask("POST", "/agui/clerk", asking(runId="r2", resume=resume), key)
        assert (refused.status, refused.json["code"]) == (403, "access.missing_scope")
        (run,) = (await client.get("/runs")).json["items"]
        assert run["status"] == "waiting"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        (asking(messages=[]), 422),
        (asking(messages=[{"role": "nobody", "content": "x"}]), 422),
        (asking(messages=[{"role": "user", "content": 5}]), 422),
        (asking(messages=[{"role": "assistant", "content": "x"}]), 422),
        (asking(messages=[{"role": "tool", "toolCallId": "x", "content": "y"}]), 422),
        (asking(messages=[{"role": "user", "content": [{"type": "video"}]}]), 422),
        (asking(threadId=""), 422),
        (asking(tools=[{"name": "pay", "description": ""}]), 422),
        (asking(resume=[{"interruptId": "run_x.y", "status": "resolved"}]), 404),
    ],
)
async def test_what_makes_no_sense_is_refused(served: Served, body: Any, status: int) -> None:
    async with served(["x"]) as client:
        answer = await client.post("/agui/clerk", body)
        assert answer.status == status and answer.headers["content-type"] == "application/problem+json"
        assert (await client.post("/agui/nobody", asking())).status == 404
