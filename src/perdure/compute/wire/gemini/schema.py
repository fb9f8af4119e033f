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


def openapi_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without what is refused: references are put in place (a recursive one ends as a plain object),
    `const` becomes an enum, `oneOf` an `anyOf`, and a type of null makes the rest nullable."""
    return _convert(schema, schema, ())


def _convert(schema: Any, root: dict[str, Any], above: tuple[str, ...]) -> dict[str, Any]:
    """`above` are the references that this schema is inside of. A type must be named even where anything is allowed."""
    made = _convert_part(schema, root, above)
    return made if "type" in made or "anyOf" in made else {**made, "type": "string"}


def _convert_part(schema: Any, root: dict[str, Any], above: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(schema, dict):
        return {}
    reference = schema.get("$ref")
    if reference is not None:
        inner = {"type": "object"} if reference in above else _follow(reference, root)
        return {**_convert_part(inner, root, (*above, reference)), **_pick(schema)}
    made = _pick(schema)
    for part in schema.get("allOf") or ():
        made = {**_convert_part(part, root, above), **made}
    if isinstance(schema.get("properties"), dict):
        properties = {name: _convert(inner, root, above) for name, inner in schema["properties"].items()}
        if properties:
            made["properties"] = properties
        if required := [name for name in schema.get("required") or () if name in properties]:
            made["required"] = required
        made["type"] = "object"
    if "items" in schema:
        made["items"] = _convert(schema["items"], root, above)
        made["type"] = "array"
    _set_type(made, schema)
    _set_options(made, schema, root, above)
    _set_enum(made, schema)
    return made


def _pick(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: schema[key] for key in _KEPT if key in schema}


def _follow(reference: str, root: dict[str, Any]) -> Any:
    """What a reference inside of the document points to, None for any other."""
    place: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        place = place.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(place, dict) else None
    return place


def _set_type(made: dict[str, Any], schema: dict[str, Any]) -> None:
    kinds = schema.get("type") or []
    if isinstance(kinds, str):
        kinds = [kinds]
    named = [kind for kind in kinds if kind != "null"]
    if len(named) < len(kinds):
        made["nullable"] = True
    if len(named) > 1:
        made["anyOf"] = [{"type": kind} for kind in named]
    elif named:
        made["type"] = named[0]
        if schema.get("format") in _FORMATS.get(named[0], ()):
            made["format"] = schema["format"]
    if made.get("type") == "array":
        made.setdefault("items", {"type": "string"})


def _set_options(made: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], above: tuple[str, ...]) -> None:
    options = schema.get("anyOf") or schema.get("oneOf") or ()
    real = [option for option in options if not (isinstance(option, dict) and option.get("type") == "null")]
    if len(real) < len(options):
        made["nullable"] = True
    if len(real) == 1:
        for key, value in _convert_part(real[0], root, above).items():
            made.setdefault(key, value)
    elif real:
        made["anyOf"] = [_convert(option, root, above) for option in real]


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
