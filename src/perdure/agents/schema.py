"""JSON Schemas (draft 2020-12) of the files that people write, for editors and for complete error reports."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from perdure.base.errors import InputError

from .amounts import amount_schema
from .project import ProjectFile
from .spec import AgentFile

TEAM = "team"
"""The file of an agent that is a team."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"
KINDS: dict[str, type[msgspec.Struct]] = {"agent": AgentFile, "project": ProjectFile}
_VARIABLE = {"type": "string", "pattern": r"\$\{", "description": "Filled in from the environment."}
_OUTSIDE = ("description", "default", "errorMessage")


def file_schema(kind: str) -> dict[str, Any]:
    """The schema of an `agent`, `team` or `project` file as it is written, `${VARIABLES}` included."""
    type = AgentFile if kind == TEAM else KINDS.get(kind)
    if type is None:
        raise InputError(f"no schema of {kind!r}", hint=f"There is one of: {', '.join((*KINDS, TEAM))}.")
    schema = _as_written(data_schema(type))
    if kind == TEAM:
        schema = {"allOf": [{"$ref": schema.pop("$ref")}, {"required": ["team"]}], **schema}
    head = {"$schema": DIALECT, "$id": f"urn:perdure:schema:{kind}", "title": f"Perdure {kind}"}
    return head | schema


@cache
def data_schema(type: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of what a file means once its variables are filled in."""
    schema: dict[str, Any] = msgspec.json.decode(
        msgspec.json.encode(msgspec.json.schema(type, schema_hook=amount_schema))
    )
    for definition in schema["$defs"].values():
        definition["description"] = " ".join(definition.get("description", "").split())
    return schema


def _as_written(node: dict[str, Any]) -> dict[str, Any]:
    """The node of a schema, but anything that is not free text may be a variable, and nothing is null."""
    if "properties" in node or "$defs" in node:
        return {key: _within(value) if key in ("properties", "$defs") else value for key, value in node.items()}
    outside = {key: node[key] for key in _OUTSIDE if node.get(key) is not None}
    branches = [branch for branch in node.get("anyOf", [node]) if branch.get("type") != "null"]
    if len(branches) == 1 and "anyOf" in branches[0]:
        return _as_written(branches[0] | outside)
    branches = [_deeper(branch) for branch in branches]
    if _fills(branches):
        branches.append(_VARIABLE)
    return outside | (branches[0] if len(branches) == 1 else {"anyOf": branches})


def _within(nodes: dict[str, Any]) -> dict[str, Any]:
    return {name: _as_written(node) for name, node in nodes.items()}


def _deeper(branch: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _as_written(value) if key in ("items", "additionalProperties") else value
        for key, value in branch.items()
        if key not in _OUTSIDE
    }


def _fills(branches: list[dict[str, Any]]) -> bool:
    """Whether a variable could stand here, and is not allowed yet."""
    free = any(branch.get("type") == "string" and "pattern" not in branch for branch in branches)
    scalar = any(
        branch.get("type") in ("integer", "number", "boolean", "string") or "enum" in branch for branch in branches
    )
    return scalar and not free
