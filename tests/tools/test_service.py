"""Tools as files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from perdure import Context, tool
from perdure.base.clock import ManualClock
from perdure.base.errors import FileUnsupported, InvalidArguments, NoSuchFile
from perdure.base.ids import Ids, seeded
from perdure.namespace.namespace import Namespace
from perdure.namespace.served import Served
from perdure.tools.function import FunctionTool
from perdure.tools.port import Tool, ToolOutput
from perdure.tools.service import tools_node

keys: list[str] = []


@tool(effect="idempotent")
async def double(number: int, *, key: str) -> int:
    """Twice a number."""
    keys.append(key)
    return number * 2


@tool
async def later(ctx: Context) -> None:
    """Part of a run."""


@tool(effect="read")
async def who(ctx: Context) -> str:
    """Who asks."""
    return ctx.agent_id


@tool
def fails() -> ToolOutput:
    """Say that it did not work."""
    return ToolOutput((), "no", error=True)


@pytest.fixture
def tools() -> Namespace:
    known: dict[str, Tool] = {
        one.definition.name: one for one in (double, later, who, fails) if isinstance(one, FunctionTool)
    }

    async def found() -> dict[str, Tool]:
        return known

    return Namespace(Served(tools_node(found, Ids(ManualClock(), seeded(1)))))


async def asked(tools: Namespace, path: str, arguments: Any) -> Any:
    return json.loads(await tools.call(path, json.dumps(arguments)))


async def test_each_tool_tells_what_it_takes(tools: Namespace) -> None:
    assert [entry.name for entry in await tools.list("/")] == ["double", "fails", "later", "who"]
    schema = json.loads(await tools.read("/double/schema"))
    assert (schema["name"], schema["effect"], list(schema["parameters"]["properties"])) == (
        "double",
        "idempotent",
        ["number"],
    )
    assert json.loads(await tools.read("/later/schema"))["effect"] == "context"
    with pytest.raises(NoSuchFile):
        await tools.read("/triple/schema")


async def test_a_call_is_a_request_with_an_answer_and_a_key_of_its_own(tools: Namespace) -> None:
    keys.clear()
    assert await asked(tools, "/double/call", {"number": 21}) == {"output": 42}
    await asked(tools, "/double/call", {"number": 21})
    assert len(set(keys)) == 2
    assert await asked(tools, "/fails/call", {}) == {"output": "no", "error": True}


async def test_what_makes_no_sense_is_refused_before_anything_is_done(tools: Namespace) -> None:
    keys.clear()
    for arguments in ({"number": "many"}, [1], {}):
        with pytest.raises(InvalidArguments):
            await asked(tools, "/double/call", arguments)
    with pytest.raises(InvalidArguments):
        await tools.call("/double/call", "{")
    assert keys == []


@pytest.mark.parametrize("name", ["later", "who"])
async def test_what_needs_a_run_says_so(tools: Namespace, name: str) -> None:
    with pytest.raises(FileUnsupported, match="works within a run only"):
        await asked(tools, f"/{name}/call", {})
