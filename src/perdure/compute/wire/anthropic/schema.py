"""JSON Schemas as Anthropic's output format takes them.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
"""

from __future__ import annotations

from typing import Any

_KEPT = ("type", "title", "description", "enum", "const", "default", "format", "$ref", "required")
_INSIDE = ("anyOf", "allOf")


def closed_schema(schema: Any) -> Any:
    """The schema with every object closed, and without constraints that are refused: the caller still checks those."""
    if not isinstance(schema, dict):
        return schema
    closed = {key: schema[key] for key in _KEPT if key in schema}
    for place in ("properties", "$defs", "definitions"):
        if place in schema:
            closed[place] = {name: closed_schema(inner) for name, inner in schema[place].items()}
    for place in _INSIDE:
        if place in schema:
            closed[place] = [closed_schema(inner) for inner in schema[place]]
    if "oneOf" in schema:
        closed["anyOf"] = [closed_schema(inner) for inner in schema["oneOf"]]
    if "items" in schema:
        closed["items"] = closed_schema(schema["items"])
    if schema.get("minItems") in (0, 1):
        closed["minItems"] = schema["minItems"]
    if schema.get("type") == "object" or "properties" in schema:
        closed["additionalProperties"] = False
    return closed
