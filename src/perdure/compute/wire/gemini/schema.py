"""From JSON Schema to the subset of OpenAPI 3.0 that Gemini takes (https://ai.google.dev/api/caching#Schema)."""

from __future__ import annotations

from typing import Any

_KEPT = (
    "title",
    "description",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
    "minimum",
    "maximum",
    "pattern",
    "default",
    "example",
    "nullable",
)
_FORMATS = {"string": ("enum", "date-time"), "integer": ("int32", "int64"), "number": ("float", "double")}
_DEEPEST = 12


def openapi_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without what is refused: references are put in place (a recursive one ends as a plain object),
    `const` becomes an enum, `oneOf` an `anyOf`, and a type of null makes the rest nullable."""
    return _convert(schema, schema, 0)


def _convert(schema: Any, root: dict[str, Any], depth: int) -> dict[str, Any]:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return {"type": "object"} if depth > _DEEPEST else {}
    if "$ref" in schema:
        return {**_convert(_follow(schema["$ref"], root), root, depth + 1), **_pick(schema)}
    made = _pick(schema)
    _set_type(made, schema, root, depth)
    if isinstance(schema.get("properties"), dict):
        properties = {name: _convert(inner, root, depth + 1) for name, inner in schema["properties"].items()}
        if properties:
            made["properties"] = properties
        if required := [name for name in schema.get("required") or () if name in properties]:
            made["required"] = required
    if "items" in schema or made.get("type") == "array":
        made["items"] = _convert(schema.get("items") or {"type": "string"}, root, depth + 1)
    _set_enum(made, schema)
    for part in schema.get("allOf") or ():
        made = {**_convert(part, root, depth + 1), **made}
    return made


def _pick(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: schema[key] for key in _KEPT if key in schema}


def _follow(reference: Any, root: dict[str, Any]) -> Any:
    place: Any = root
    for step in str(reference).removeprefix("#").split("/")[1:]:
        place = place.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(place, dict) else None
    return place


def _set_type(made: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], depth: int) -> None:
    kind = schema.get("type")
    options = list(schema.get("anyOf") or schema.get("oneOf") or ())
    if isinstance(kind, list):
        options = [{**schema, "type": one} for one in kind]
        for key in _KEPT:  # they stay outside
            options = [{k: v for k, v in option.items() if k != key} for option in options]
    if options:
        real = [option for option in options if option != {"type": "null"} and option.get("type") != "null"]
        if len(real) < len(options):
            made["nullable"] = True
        if len(real) == 1:
            made.update({k: v for k, v in _convert(real[0], root, depth + 1).items() if k not in made})
        elif real:
            made["anyOf"] = [_convert(option, root, depth + 1) for option in real]
    elif isinstance(kind, str):
        made["type"] = kind
        if schema.get("format") in _FORMATS.get(kind, ()):
            made["format"] = schema["format"]
    elif "properties" in schema:
        made["type"] = "object"


def _set_enum(made: dict[str, Any], schema: dict[str, Any]) -> None:
    """Enums are of strings alone; one of numbers stays as a hint in the description."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if not values:
        return
    if all(isinstance(value, str) for value in values):
        made["type"] = "string"
        made["enum"] = list(values)
    else:
        made["description"] = f"{made.get('description', '')} One of: {', '.join(map(str, values))}.".strip()
