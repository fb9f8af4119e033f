"""The description of the server is what the server does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

from perdure.base.errors import ERRORS
from perdure.server.endpoints import ENDPOINTS
from perdure.server.openapi import describe
from perdure.server.problems import STATUS, status_of

Served = Callable[..., AbstractAsyncContextManager[Any]]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_endpoint_is_described() -> None:
    document = describe(ENDPOINTS, "x")
    for endpoint in ENDPOINTS:
        path = re.sub(r":\w+}", "}", endpoint.path)
        operation = document["paths"][path][endpoint.method.lower()]
        named = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
        assert named == re.findall(r"{(\w+)}", path)


def test_every_reference_leads_somewhere() -> None:
    document = describe(ENDPOINTS, "x")
    for reference in references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_no_two_operations_have_one_name() -> None:
    document = describe(ENDPOINTS, "x")
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))


async def test_it_is_served(served: Served) -> None:
    async with served() as client:
        document = (await client.get("/openapi.json")).json
        assert document["openapi"] == "3.1.0" and "/invoke" in document["paths"]


def test_every_error_has_a_status() -> None:
    assert {code: status_of(kind) for code, kind in ERRORS.items() if not 400 <= status_of(kind) < 600} == {}
    assert all(issubclass(kind, Exception) for kind in STATUS)
