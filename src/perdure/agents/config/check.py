"""Everything that is wrong with a tree of plain data, by its JSON Schema, in words for the person who wrote it.

Only loaded once something is known to be wrong: msgspec says so in microseconds, but stops at the first error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.validators import extend

from ..schema import data_schema
from .problems import Finding, Path, either, guess
from .scalars import as_number

MOST_FOUND = 1_000
FOREIGN = {
    "llm": "model",
    "system_prompt": "instructions",
    "system": "instructions",
    "prompt": "instructions",
    "max_iterations": "limits.steps",
    "max_steps": "limits.steps",
    "max_turns": "limits.steps",
    "steps": "limits.steps",
    "timeout": "limits.timeout",
    "parallel_tool_calls": "limits.concurrency",
    "stop_sequences": "stop",
    "response_format": "output",
    "output_schema": "output",
    "triggers": "on",
    "schedule": "on: [{schedule: …}]",
    "functions": "tools",
    "max_cost_per_request": "budget.per_run",
    "cost_limit": "budget.per_run",
    "temperature": "model: {temperature: …}",
    "max_tokens": "model: {max_tokens: …}",
    "provider": "model: {provider: …}",
}
"""Keys that other systems use at the root of an agent's file, and what stands for them here."""

_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


def explain(type: type[msgspec.Struct], tree: Any) -> list[Finding]:
    """All that the schema of `type` finds wrong with `tree`, variables filled in; no more than anyone reads."""
    errors = _Validator(data_schema(type)).iter_errors(tree)
    return list(islice((finding for error in errors for finding in _findings(error, ())), MOST_FOUND))


def _findings(error: Any, above: Path) -> Iterator[Finding]:
    path = (*above, *error.relative_path)
    limit: Any = error.validator_value
    match error.validator:
        case "additionalProperties":
            known = error.schema["properties"]
            for key in error.instance.keys() - known.keys():
                yield Finding((*path, key), "unknown key", "key", hint=_instead(key, known, root=not path))
        case "required":
            for key in limit:
                if key not in error.instance:
                    yield Finding((*path, key), "this key is required")
        case "anyOf":
            yield from _nearest(error, path)
        case "type":
            yield Finding(path, f"expected {_KINDS[limit]}", shown=True, hint=_quotes([limit], error.instance))
        case "enum":
            near = guess(error.instance, limit) if isinstance(error.instance, str) else ""
            yield Finding(path, f"expected {either(f'`{word}`' for word in limit)}", shown=True, hint=near)
        case "pattern":
            yield Finding(path, error.schema.get("errorMessage", "expected other text"), shown=True)
        case "minimum":
            yield Finding(path, f"expected {limit:,} or more", shown=True)
        case "maximum":
            yield Finding(path, f"expected {limit:,} or less", shown=True)
        case "exclusiveMinimum":
            yield Finding(path, f"expected more than {limit:,}", shown=True)
        case _:
            yield Finding(path, f"does not fit `{error.validator}: {limit}`", shown=True)


def _nearest(error: Any, path: Path) -> Iterator[Finding]:
    """Of several shapes, the one of the right kind is what was meant; where there is none, all are named."""
    if "errorMessage" in error.schema:
        yield Finding(path, error.schema["errorMessage"], shown=True)
        return
    branches: list[list[Any]] = [[] for _ in error.validator_value]
    for inner in error.context:
        branches[inner.relative_schema_path[0]].append(inner)
    for errors in branches:
        if not any(inner.validator == "type" and not inner.relative_path for inner in errors):
            for inner in errors:
                yield from _findings(inner, path)
            return
    kinds = list(dict.fromkeys(errors[0].validator_value for errors in branches))
    wanted = either(_KINDS[kind] for kind in kinds if kind != "null")
    yield Finding(path, f"expected {wanted}", shown=True, hint=_quotes(kinds, error.instance))


def _instead(key: str, known: Mapping[str, Any], *, root: bool) -> str:
    if key == "<<":
        return "; merge keys are not part of YAML 1.2"
    if root and "instructions" in known and key.lower() in FOREIGN:
        return f"; write `{FOREIGN[key.lower()]}` instead"
    return guess(key, known)


def _quotes(kinds: list[str], value: Any) -> str:
    return "; put it in quotes" if "string" in kinds and isinstance(value, int | float) else ""


def _reads_as(*kinds: type) -> Any:
    def is_type(_: Any, value: Any) -> bool:
        meant = as_number(value)
        if isinstance(meant, bool):
            return bool in kinds
        return isinstance(meant, kinds) or (int in kinds and isinstance(meant, float) and meant.is_integer())

    return is_type


def _bound(name: str) -> Any:
    plain = Draft202012Validator.VALIDATORS[name]

    def check(validator: Any, limit: Any, value: Any, schema: Any) -> Any:
        return plain(validator, limit, as_number(value), schema)

    return check


_extend: Any = extend
_Validator: Any = _extend(
    Draft202012Validator,
    {name: _bound(name) for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _reads_as(int), "number": _reads_as(int, float), "boolean": _reads_as(bool)}
    ),
)
