"""`/openapi.json`: the description of all this, made from the structs that requests are read as."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

import msgspec

from perdure.base.version import __version__

from .endpoint import Call, Endpoint
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
        others = [type for types in endpoint.also.values() for type in types]
        types += [type for type in (endpoint.body, endpoint.answer, *others) if type not in (None, bytes)]
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
    about = (endpoint.handler.__doc__ or "").strip()
    operation: dict[str, Any] = {
        "operationId": f"{_module(endpoint)}_{endpoint.handler.__name__}",
        "tags": [_module(endpoint)],
        "summary": endpoint.handler.__name__.strip("_").replace("_", " "),
        **({"description": " ".join(about.split())} if about else {}),
        "parameters": [*_in_path(endpoint.path), *_in_query(endpoint.query)],
        "responses": {
            str(endpoint.status): _answer(endpoint, shown),
            **{str(status): _either(types, shown) for status, types in endpoint.also.items()},
            "default": {"description": "What went wrong", "content": _problems(endpoint, shown)},
        },
    }
    if endpoint.body is bytes:
        kind: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"required": False, "content": kind}
    elif endpoint.body is not None:
        kind = {JSON: {"schema": shown[_key(endpoint.body)]}}
        operation["requestBody"] = {"required": bool(_required(endpoint.body)), "content": kind}
    operation["security"] = [] if endpoint.is_open else [{"key": [endpoint.scope]}]
    return operation


def _module(endpoint: Endpoint[Any, Any]) -> str:
    return endpoint.handler.__module__.rpartition(".")[2]


def _required(body: type[Any]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(body) if field.required]


def _answer(endpoint: Endpoint[Any, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if endpoint.answer is not None:
        content[JSON] = {"schema": shown[_key(endpoint.answer)]}
    if endpoint.media != JSON:
        content[endpoint.media] = {"schema": {"type": "string", "format": "binary"}}
    if endpoint.streams:
        content["text/event-stream"] = {}
    return {"description": "Success", **({"content": content} if content else {})}


def _either(types: Sequence[type[Any]], shown: Mapping[str, Any]) -> dict[str, Any]:
    schemas = [shown[_key(type)] for type in types]
    return {"description": "Success", "content": {JSON: {"schema": {"anyOf": schemas} if schemas[1:] else schemas[0]}}}


def _problems(endpoint: Endpoint[Any, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """What a failure looks like: a problem, unless clients of this endpoint know another shape; and whatever a success
    that is not the usual one gives."""
    content: dict[str, Any] = {MEDIA_TYPE: {"schema": shown[_key(Problem)]}}
    if endpoint.told is not None:
        content[JSON] = {"schema": {"type": "object", "required": ["error"]}}
    if endpoint.media != JSON:
        content[endpoint.media] = {"schema": {"type": "string", "format": "binary"}}
    return content


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
