"""Types as people write them: `text`, `list of number`, `one of: red, green`, or a JSON Schema."""

from __future__ import annotations

from typing import Any

from perdure.agents.config.problems import guess

from ..types import ANY, TEXT, Kind, Type, from_schema, list_of

NAMES: dict[str, Kind] = {
    "any": "any",
    "text": "text",
    "string": "text",
    "str": "text",
    "number": "number",
    "float": "number",
    "integer": "integer",
    "int": "integer",
    "boolean": "boolean",
    "bool": "boolean",
    "list": "list",
    "array": "list",
    "mapping": "mapping",
    "object": "mapping",
    "dict": "mapping",
    "null": "null",
}
SCHEMA_KEYS = ("type", "properties", "items", "enum", "required", "additionalProperties")


class NotAType(Exception):
    pass


def read_type(value: Any) -> Type:
    """The type that a text or a JSON Schema names. Raises NotAType."""
    if isinstance(value, dict):
        kind = value.get("type")
        if isinstance(kind, str) and kind in NAMES and kind not in ("text", "mapping", "list"):
            return from_schema(value)
        if isinstance(kind, str):
            return _with_details(read_type(kind), value)
        return _with_details(TEXT, value) if "enum" in value else from_schema(value)
    if not isinstance(value, str):
        raise NotAType("expected a type, such as text, number or list of text")
    words = value.strip()
    if words.startswith("list of "):
        return list_of(read_type(words.removeprefix("list of ")))
    if words.startswith("one of"):
        options = tuple(word.strip() for word in words.removeprefix("one of").lstrip(": ").split(",") if word.strip())
        if options:
            return Type("text", options=options)
    if words.endswith(" or null"):
        return Type(read_type(words.removesuffix(" or null")).kind, nullable=True)
    if words not in NAMES:
        raise NotAType(f"`{words:.40}` is not a type{guess(words, NAMES) or '; there are text, number, integer, …'}")
    return Type(NAMES[words])


def _with_details(type: Type, schema: dict[str, Any]) -> Type:
    if type.kind == "text" and isinstance(schema.get("enum"), list):
        return Type("text", options=tuple(str(option) for option in schema["enum"]))
    if type.kind == "list" and "items" in schema:
        return list_of(read_type(schema["items"]))
    if type.kind == "mapping" and isinstance(schema.get("properties"), dict):
        fields = tuple((name, read_type(inner)) for name, inner in schema["properties"].items())
        required = schema.get("required")
        needed = required if isinstance(required, list) else [name for name, _ in fields]
        return Type("mapping", fields=fields, optional=tuple(name for name, _ in fields if name not in needed))
    return ANY if type.kind == "any" else type
