"""Short ways to write and read that the suite's tests are written with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from perdure.base.errors import PerdureError
from perdure.namespace.path import parse
from perdure.namespace.port import READ, WRITE, Change, FileService, How, Watch

E = TypeVar("E", bound=PerdureError)

PATIENCE = 20
"""Seconds to wait for a change that has to come."""


async def put(service: FileService, path: str, data: bytes, how: How = WRITE) -> None:
    async with await service.open(parse(path), how) as file:
        await file.write(data)


async def get(service: FileService, path: str) -> bytes:
    async with await service.open(parse(path), READ) as file:
        return await file.read()


async def names(service: FileService, path: str = "/") -> list[str]:
    return [one.name for one in await service.list(parse(path))]


async def refused(error: type[E], doing: Awaitable[object]) -> E:
    """The error of this type that this has to raise."""
    try:
        result = await doing
    except error as refusal:
        return refusal
    raise AssertionError(f"{error.__name__} was not raised; it gave {result!r}")


async def following(watch: Watch) -> Change:
    return await asyncio.wait_for(watch.__anext__(), PATIENCE)


async def told(watch: Watch, kind: str, path: str) -> Change:
    """The next change, which has to be this one."""
    change = await following(watch)
    assert (change.kind, change.path) == (kind, parse(path))
    return change
