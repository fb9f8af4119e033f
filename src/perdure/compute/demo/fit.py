"""Structured answers without a model: what a tool gave, where it happens to have the shape that is asked for."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.base.codec import from_json

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def fit(schema: dict[str, Any], texts: list[str]) -> Any:
    """A value for `schema` from the last of `texts` that has one; None where there is none.

    A text fits if it is JSON of that shape. A schema of one required field takes a bare result as that field.
    """
    required = schema.get("required", [])
    for text in reversed(texts):
        for value in _readings(text):
            if fits(schema, value):
                return value
            if len(required) == 1 and fits(schema, {required[0]: value}):
                return {required[0]: value}
    return None


def fits(schema: dict[str, Any], value: Any) -> bool:
    """Whether types, enumerations and required fields are right; no other keyword of JSON Schema is looked at."""
    kind = schema.get("type")
    if isinstance(kind, str) and not _is(value, kind):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if isinstance(value, dict):
        fields = schema.get("properties", {})
        return all(name in value for name in schema.get("required", [])) and all(
            fits(fields[name], inner) for name, inner in value.items() if name in fields
        )
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return all(fits(schema["items"], inner) for inner in value)
    return True


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES.get(kind, (object,)))


def _readings(text: str) -> list[Any]:
    try:
        return [from_json(text), text]
    except msgspec.DecodeError:
        return [text]
