"""The JSON Schema (draft 2020-12) of flow files, for editors. It is made from the grammar, and says what that says."""

from __future__ import annotations

from typing import Any

from perdure.agents.schema import DIALECT, data_schema
from perdure.agents.spec import AgentFile, Budget

from .grammar import COMMON, FLOW, KINDS, RETRY, TOGETHER, WAIT, Field, Kind, Takes

_STEPS = {"$ref": "#/$defs/steps"}
_STEP = {"$ref": "#/$defs/step"}
_EXPRESSION = {"type": "string", "pattern": r"\$\{"}
_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_DURATION = {"anyOf": [{"type": "string"}, {"type": "number", "exclusiveMinimum": 0}]}
_COUNT = {"type": "integer", "minimum": 1}
_NAME = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,63}$"}
_SHAPE = {"anyOf": [{"type": "string"}, {"type": "object"}]}


def flow_schema() -> dict[str, Any]:
    """The schema of a `*.flow.yaml` as it is written."""
    definitions = dict(data_schema(AgentFile)["$defs"]) | dict(data_schema(Budget)["$defs"])
    agent = definitions.pop("AgentFile")
    definitions["Agent"] = {
        "type": "object",
        "properties": {**agent["properties"], "file": {"type": "string"}, "role": {"type": "string"}, "vars": {}},
        "additionalProperties": False,
    }
    definitions |= {
        "step": {"anyOf": [{"type": "string"}, *(_step(key, kind) for key, kind in KINDS.items())]},
        "steps": {"anyOf": [_STEP, {"type": "array", "items": _STEP}]},
    }
    head = {"$schema": DIALECT, "$id": "urn:perdure:schema:flow", "title": "Perdure flow"}
    return {**head, **_mapping(FLOW), "$defs": definitions}


def _step(key: str, kind: Kind) -> dict[str, Any]:
    fields = {key: Field(kind.takes, kind.about, required=True), **kind.fields}
    return _mapping({**{name: field for name, field in COMMON.items() if name not in fields}, **fields})


def _mapping(fields: dict[str, Field], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {**_takes(field.takes), "description": field.about} for name, field in fields.items()},
        "required": [name for name, field in fields.items() if field.required],
        "additionalProperties": False,
        **more,
    }


def _takes(takes: Takes) -> dict[str, Any]:
    made = _SIMPLE.get(takes)
    if made is not None:
        return made
    match takes:
        case "elif":
            way = _mapping({"if": Field("condition", "", required=True), "then": Field("steps", "", required=True)})
            return {"anyOf": [way, {"type": "array", "items": way}]}
        case "retry":
            return {"anyOf": [_COUNT, _mapping(RETRY)]}
        case "wait":
            return {"anyOf": [{"type": ["string", "number"]}, _mapping(WAIT)]}
        case "request" | "gather" | "contract" | "barrier" | "broadcast":
            return _mapping(TOGETHER[takes])
        case "condition_form":
            return _mapping({"if": Field("condition", "", required=True), **KINDS["if"].fields})
        case _:
            loops = ("for_each", "map", "while", "until")
            return {"anyOf": [_mapping({key: Field(KINDS[key].takes, ""), **KINDS[key].fields}) for key in loops]}


_SIMPLE: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "name": {"type": "string"},
    "names": _TEXTS,
    "texts": _TEXTS,
    "value": {},
    "values": {"type": "object"},
    "settings": {"type": "object"},
    "vars": {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
    "condition": {"anyOf": [_EXPRESSION, {"type": "boolean"}]},
    "steps": _STEPS,
    "on_error": _STEPS,
    "branches": {"anyOf": [{"type": "array", "items": _STEP}, {"type": "object", "additionalProperties": _STEPS}]},
    "nodes": {"anyOf": [{"type": "array", "items": _STEP}, {"type": "object", "additionalProperties": _STEP}]},
    "cases": {"type": "object", "additionalProperties": _STEPS},
    "edges": {"type": "array", "items": {"type": ["string", "object"]}},
    "duration": _DURATION,
    "count": _COUNT,
    "flag": {"type": "boolean"},
    "best": {"enum": ["max", "min"]},
    "number": {"type": "number"},
    "type": _SHAPE,
    "inputs": {"type": "object", "propertyNames": _NAME, "additionalProperties": _SHAPE},
    "outputs": {"type": "object"},
    "agents": {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Agent"}]}},
    "tools": {"type": "array", "items": {"type": ["string", "object"]}},
    "budget": {"$ref": "#/$defs/Budget"},
    "triggers": {"type": "array", "items": {"$ref": "#/$defs/Trigger"}},
    "model": {"anyOf": [{"type": "string"}, {"type": "object"}]},
}
