"""`tools/`: the tools of an agent as files. `<name>/schema` tells what one takes, `<name>/call` does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec

from perdure.base.codec import from_json
from perdure.base.errors import FileUnsupported, InvalidArguments
from perdure.base.ids import Ids
from perdure.kernel.context import Context
from perdure.namespace.node import Document, Folder, Node, json_document, json_text

from .port import Tool, ToolOutput


def tools_node(tools: Callable[[], Awaitable[Mapping[str, Tool]]], ids: Ids) -> Folder:
    """A folder of the tools that there are when it is looked at."""

    async def names() -> list[str]:
        return list(await tools())

    async def child(name: str) -> Node | None:
        tool = (await tools()).get(name)
        return None if tool is None else tool_node(tool, ids)

    return Folder(names=names, child=child)


def tool_node(tool: Tool, ids: Ids) -> Folder:
    """`schema`: name, description, parameters and effect class. `call`: write the arguments as one JSON object, read
    `{"output": …}`, with `"error": true` where the tool says that it could not."""
    definition = tool.definition

    async def schema() -> dict[str, Any]:
        return {
            "name": definition.name,
            "description": definition.description,
            "parameters": definition.parameters,
            "effect": tool.effect or "context",
        }

    async def call(request: bytes) -> bytes:
        try:
            arguments = from_json(request.strip() or b"{}")
        except msgspec.DecodeError as error:
            raise InvalidArguments(f"the arguments of {definition.name} are not valid JSON: {error}") from error
        if not isinstance(arguments, dict):
            raise InvalidArguments(f"the arguments of {definition.name} must be one JSON object")
        tool.check(arguments)
        if tool.effect_of(arguments) is None:
            raise _needs_a_run()
        return json_text(_answer(await tool.call(arguments, key=ids.new("call"), ctx=cast(Context, _NoRun()))))

    return Folder({"schema": json_document(schema), "call": Document(call=call)})


def _answer(output: ToolOutput) -> dict[str, Any]:
    return {"output": output.plain, "error": True} if output.error else {"output": output.plain}


class _NoRun:
    """Stands where a run's context would: a tool that is called by a file has none."""

    def __getattr__(self, name: str) -> Any:
        raise _needs_a_run()


def _needs_a_run() -> FileUnsupported:
    return FileUnsupported("it works within a run only", hint="Let the agent's model call it.")
