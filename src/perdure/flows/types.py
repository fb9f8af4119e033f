"""Types: what a value of a flow may be, as far as that is known before it runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeGuard

import msgspec

Kind = Literal["any", "null", "text", "boolean", "integer", "number", "list", "mapping"]


class Type(msgspec.Struct, frozen=True, omit_defaults=True):
    """`item` is the type of a list's items, or of a mapping's values where no `fields` are named; `fields` those of a
    mapping, of which all but `optional` ones are there. `options` are the only values of a text. `nullable`: it may be
    null as well."""

    kind: Kind = "any"
    item: Type | None = None
    fields: tuple[tuple[str, Type], ...] | None = None
    optional: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    nullable: bool = False

    def __str__(self) -> str:
        shown = _LIST.format(self.item) if self.kind == "list" and self.item else self.kind
        return f"{shown} or null" if self.nullable and self.kind not in ("any", "null") else shown

    def field(self, name: str) -> Type | None:
        """The type of a field, None where there is none of that name."""
        if self.fields is None:
            return self.item or ANY
        return dict(self.fields).get(name)


_LIST = "list of {}"
ANY = Type()
NULL = Type("null")
TEXT = Type("text")
BOOLEAN = Type("boolean")
INTEGER = Type("integer")
NUMBER = Type("number")


def list_of(item: Type) -> Type:
    return Type("list", item=None if item.kind == "any" and not item.nullable else item)


def mapping_of(fields: dict[str, Type]) -> Type:
    return Type("mapping", fields=tuple(fields.items()))


def or_null(type: Type) -> Type:
    return type if type.kind in ("any", "null") else msgspec.structs.replace(type, nullable=True)


def union(left: Type, right: Type) -> Type:
    """The narrowest type known here that holds both."""
    if left == right:
        return left
    if left.kind == "null":
        return or_null(right)
    if right.kind == "null":
        return or_null(left)
    nullable = left.nullable or right.nullable
    if {left.kind, right.kind} == {"integer", "number"}:
        return Type("number", nullable=nullable)
    if left.kind != right.kind:
        return ANY
    if left.kind == "list":
        return msgspec.structs.replace(list_of(union(left.item or ANY, right.item or ANY)), nullable=nullable)
    return Type(left.kind, nullable=nullable)


def union_of(types: Iterable[Type]) -> Type:
    """The narrowest type that holds all of them; null where there are none."""
    result: Type | None = None
    for type in types:
        result = type if result is None else union(result, type)
    return result or NULL


def accepts(wanted: Type, given: Type) -> bool:
    """Whether a value of type `given` can be used where `wanted` is asked for; what is not known may."""
    if "any" in (wanted.kind, given.kind):
        return True
    if given.kind == "null":
        return wanted.nullable or wanted.kind == "null"
    if wanted.kind != given.kind:
        return wanted.kind == "number" and given.kind == "integer"
    if wanted.options and given.options:
        return set(given.options) <= set(wanted.options)
    if wanted.kind == "list":
        return accepts(wanted.item or ANY, given.item or ANY)
    if wanted.fields is not None and given.fields is not None:
        have = dict(given.fields)
        return all(
            accepts(type, have[name]) if name in have else name in wanted.optional for name, type in wanted.fields
        )
    return True


def type_of(value: Any) -> Type:
    """The type of plain data."""
    match value:
        case None:
            return NULL
        case bool():
            return BOOLEAN
        case int():
            return INTEGER
        case float():
            return NUMBER
        case str():
            return TEXT
        case list():
            item: Type | None = None
            for inner in value:
                item = type_of(inner) if item is None else union(item, type_of(inner))
            return list_of(item or ANY)
        case dict():
            return mapping_of({str(name): type_of(inner) for name, inner in value.items()})
        case _:
            return ANY


_JSON: dict[str, Kind] = {
    "string": "text",
    "boolean": "boolean",
    "integer": "integer",
    "number": "number",
    "array": "list",
    "object": "mapping",
    "null": "null",
}
_NAMES = {kind: name for name, kind in _JSON.items()}


def from_schema(schema: Any) -> Type:
    """What a JSON Schema says, as far as a type can say it."""
    if not isinstance(schema, dict):
        return ANY
    kind = schema.get("type")
    if isinstance(kind, list):
        named = [name for name in kind if name != "null"]
        inner = from_schema(schema | {"type": named[0]}) if len(named) == 1 else ANY
        return or_null(inner) if "null" in kind else inner
    if not isinstance(kind, str) or kind not in _JSON:
        return ANY
    if kind == "string":
        options = schema.get("enum")
        return Type("text", options=tuple(options) if _are_texts(options) else ())
    if kind == "array":
        return list_of(from_schema(schema.get("items")))
    properties = schema.get("properties")
    if kind == "object" and isinstance(properties, dict) and properties:
        required = schema.get("required")
        needed = set(required) if _are_texts(required) else set()
        return Type(
            "mapping",
            fields=tuple((name, from_schema(inner)) for name, inner in properties.items()),
            optional=tuple(name for name in properties if name not in needed),
        )
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return Type("mapping", item=from_schema(schema["additionalProperties"]))
    return Type(_JSON[kind])


def to_schema(type: Type) -> dict[str, Any]:
    """The JSON Schema of a type."""
    if type.kind == "any":
        return {}
    name = _NAMES[type.kind]
    schema: dict[str, Any] = {"type": [name, "null"] if type.nullable else name}
    if type.options:
        schema["enum"] = [*type.options, None] if type.nullable else list(type.options)
    if type.kind == "list" and type.item is not None:
        schema["items"] = to_schema(type.item)
    if type.fields is not None:
        schema["properties"] = {name: to_schema(inner) for name, inner in type.fields}
        schema["required"] = [name for name, _ in type.fields if name not in type.optional]
    elif type.kind == "mapping" and type.item is not None:
        schema["additionalProperties"] = to_schema(type.item)
    return schema


def mismatch(type: Type, value: Any, place: str = "") -> str | None:
    """What is wrong with a value, such as `files[2].name: expected text, found 3`; None where it fits."""
    if type.kind == "any" or (value is None and (type.nullable or type.kind == "null")):
        return None
    kind = type_of(value[:0] if isinstance(value, list) else {} if isinstance(value, dict) else value).kind
    where = f"{place}: " if place else ""
    if not accepts(Type(type.kind), Type(kind)):
        return f"{where}expected {type}, found {_shown(value)}"
    if type.options and value not in type.options:
        return f"{where}expected one of {', '.join(type.options)}"
    if isinstance(value, list) and type.item is not None:
        return next(
            (said for n, inner in enumerate(value) if (said := mismatch(type.item, inner, f"{place}[{n}]"))), None
        )
    if isinstance(value, dict):
        for name, inner in type.fields or ():
            if name not in value and name not in type.optional:
                return f"{where}`{name}` is missing"
            if name in value and (said := mismatch(inner, value[name], f"{place}.{name}".lstrip("."))):
                return said
        if type.fields is None and type.item is not None:
            return next(
                (said for name, inner in value.items() if (said := mismatch(type.item, inner, f"{place}.{name}"))), None
            )
    return None


def _shown(value: Any) -> str:
    return _A_KIND.get(type(value).__name__) or f"`{value!s:.60}`"


_A_KIND = {"NoneType": "null", "list": "a list", "dict": "a mapping"}


def _are_texts(values: Any) -> TypeGuard[list[str]]:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
