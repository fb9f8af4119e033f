"""What clients wish of an answer, as the endpoints have in common: tools, and the shape of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from perdure.base.errors import RequestError
from perdure.base.messages import ToolDefinition

MAX_TOOLS = 128
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

Temperature: TypeAlias = Annotated[float, Meta(ge=0, le=2)]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Count: TypeAlias = Annotated[int, Meta(ge=1, le=1_000_000_000)]


def tools_of(
    given: Iterable[Mapping[str, Any]] | None, *, parameters: str = "parameters"
) -> tuple[ToolDefinition, ...]:
    """The tools of a client, whose schema stands under the key `parameters`. Raises RequestError."""
    tools = tuple(_tool(one, parameters) for one in given or ())
    if len(tools) > MAX_TOOLS:
        raise RequestError(f"{len(tools)} tools are too many", hint=f"At most {MAX_TOOLS}.")
    if len({tool.name for tool in tools}) < len(tools):
        raise RequestError("two tools have one name")
    return tools


def _tool(given: Mapping[str, Any], parameters: str) -> ToolDefinition:
    if given.get("type", "function") not in ("function", "custom") or "format" in given:
        raise RequestError(f"tools of type {str(given['type'])[:40]!r} are not a client's own")
    name, description, schema = given.get("name"), given.get("description") or "", given.get(parameters)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RequestError(f"not a name for a tool: {str(name)[:80]!r}", hint="1 to 64 letters, digits, `_` or `-`.")
    schema = {"type": "object", "properties": {}} if schema is None else schema
    if not isinstance(schema, dict) or schema.get("type", "object") != "object" or not isinstance(description, str):
        raise RequestError(f"tool {name}: its parameters are a JSON Schema of type object, its description is text")
    return ToolDefinition(name, description, schema)


def choice_of(name: Any, tools: Iterable[ToolDefinition]) -> str:
    """The choice of one tool by its name. Raises RequestError where there is none."""
    if name not in [tool.name for tool in tools]:
        raise RequestError(f"there is no tool {str(name)[:80]!r} to choose")
    return str(name)


def schema_of(format: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The JSON Schema that an answer is to meet, as OpenAI's `response_format` states it. Raises RequestError."""
    match format:
        case None | {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return {"type": "object"}
        case {"type": "json_schema", "schema": dict(schema)}:
            return check_schema(schema)
        case _:
            raise RequestError(
                "this is no format of an answer", hint="text, json_object, or json_schema with a schema."
            )


def check_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, where it is one. Raises RequestError."""
    if any(not reference.startswith("#") for reference in _references(schema)):
        raise RequestError("a schema of an answer refers to nothing outside it", hint="Put what it needs into $defs.")
    # Imported here by name: it takes a tenth of a second, and few requests need it.
    jsonschema = import_module("jsonschema")
    try:
        jsonschema.validators.validator_for(schema).check_schema(schema)
    except (jsonschema.SchemaError, RecursionError) as error:
        raise RequestError(f"this is no JSON Schema: {str(error).splitlines()[0]}") from error
    return schema


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key in ("$ref", "$dynamicRef", "$recursiveRef") and isinstance(one, str):
                yield one
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)


def arguments_of(text: Any) -> dict[str, Any] | str:
    """The arguments of a call, as data where they are JSON."""
    if isinstance(text, dict):
        return text
    try:
        value = msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, TypeError, RecursionError):
        return str(text)
    return value if isinstance(value, dict) else str(text)
