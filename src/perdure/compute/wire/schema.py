"""JSON Schemas of answers: what a vendor's strict mode asks of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def is_closed(schema: Any) -> bool:
    """Whether every object in it requires all of its properties and allows no others, as OpenAI's strict mode asks."""
    if not isinstance(schema, dict):
        return True
    if "properties" in schema or schema.get("type") == "object":
        names = set(schema.get("properties") or ())
        if schema.get("additionalProperties") is not False or set(schema.get("required") or ()) != names:
            return False
    return all(map(is_closed, children(schema)))


def children(schema: dict[str, Any]) -> Iterator[Any]:
    """The schemas directly inside a schema."""
    for place in ("properties", "$defs", "definitions"):
        yield from (schema.get(place) or {}).values()
    for place in ("anyOf", "oneOf", "allOf", "prefixItems"):
        yield from schema.get(place) or ()
    yield schema.get("items")
