"""`/openapi.json`: the description of all this, made from the structs that requests are read as."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import msgspec

from perdure.base.version import __version__

from .endpoint import Call, Endpoint, Nothing
from .problems import MEDIA_TYPE
from .reply import JSON

TABLE = "perdure.server.endpoints"
_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457, with the stable `code`, the facts and the cure."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    retryable: bool = False
    facts: dict[str, Any] = {}
    run_id: str = ""
    agent_id: str = ""


async def openapi(call: Call[Any, Any]) -> Mapping[str, Any]:
    # The table lists this endpoint too: it is looked up when it is asked for.
    return describe(import_module(TABLE).ENDPOINTS, call.runtime.project.name)


def describe(endpoints: Iterable[Endpoint[Any, Any]], title: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these endpoints."""
    endpoints = list(endpoints)
    types = [Problem]
    for endpoint in endpoints:
        types += [type for type in (endpoint.body, endpoint.answer) if type not in (None, bytes)]
    schemas, definitions = msgspec.json.schema_components(types, ref_template=_REF)
    shown = dict(zip(map(_key, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        path = _PARAMETER.sub(r"{\1}", endpoint.path)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint, shown)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__},
        "paths": paths,
        "components": {"schemas": definitions, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(endpoint: Endpoint[Any, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "Success"}
    if endpoint.answer is not None:
        answer["content"] = {JSON: {"schema": shown[_key(endpoint.answer)]}}
    if endpoint.streams:
        answer.setdefault("content", {})["text/event-stream"] = {"schema": {"type": "string"}}
    operation: dict[str, Any] = {
        "operationId": f"{endpoint.handler.__module__.rpartition('.')[2]}_{endpoint.handler.__name__}",
        "parameters": [*_in_path(endpoint.path), *_in_query(endpoint.query)],
        "responses": {
            str(endpoint.status): answer,
            "default": {
                "description": "What went wrong",
                "content": {MEDIA_TYPE: {"schema": shown[_key(Problem)]}},
            },
        },
    }
    if endpoint.body is not None:
        schema = {} if endpoint.body is bytes else shown[_key(endpoint.body)]
        kind = "application/octet-stream" if endpoint.body is bytes else JSON
        operation["requestBody"] = {"required": endpoint.body is not Nothing, "content": {kind: {"schema": schema}}}
    operation["security"] = [] if endpoint.is_open else [{"key": [endpoint.scope]}]
    return operation


def _in_path(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(path)
    ]


def _in_query(query: type[Any]) -> list[dict[str, Any]]:
    schema = msgspec.json.schema(query)
    fields = schema["$defs"][query.__name__].get("properties", {})
    return [{"name": name, "in": "query", "schema": field} for name, field in fields.items()]


def _key(type: Any) -> str:
    return repr(type)


ENDPOINTS = (Endpoint("GET", "/openapi.json", openapi, scope="read"),)
