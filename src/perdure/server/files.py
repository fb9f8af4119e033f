"""The namespace: `/agents/{id}/{path}` is that path, and each method one verb of a file.

GET reads (also ranges of bytes), and lists what ends in `/`; `?watch=1` streams its changes. PUT replaces, POST appends
or calls, DELETE removes, HEAD tells what is known without reading. `If-Match` and `If-None-Match` name the `ETag` of a
GET.
"""

from __future__ import annotations

from asyncio import Lock
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from email.utils import formatdate
from functools import wraps
from typing import Annotated, Any
from weakref import WeakValueDictionary

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from perdure.base.codec import digest_bytes
from perdure.base.errors import (
    FileExists,
    FileUnsupported,
    IsADirectory,
    NoSuchFile,
    PerdureError,
    PreconditionFailed,
    VersionConflict,
)
from perdure.namespace.only import NOTHING, only
from perdure.namespace.path import show as show_path
from perdure.namespace.port import CREATE, Change, Entry, Stat, Watch

from .content import answer, check_match, kind_of, tag_of
from .endpoint import B, Call, Endpoint, Nothing, Q
from .events import cursor_of
from .problems import problem
from .reply import Events, Reply
from .sse import frame

ANY = "*/*"
PATH = "/agents/{id}/{path:path}"
_WRITING: WeakValueDictionary[str, Lock] = WeakValueDictionary()
"""Paths that a client of this process writes just now."""


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    watch: Annotated[bool, Meta(description="Stream what changes here, as server-sent events.")] = False
    after: Annotated[
        Annotated[int, Meta(ge=0, le=10**18)] | None, Meta(description="A cursor, as `Last-Event-ID` is.")
    ] = None


class Listing(msgspec.Struct, frozen=True):
    items: list[Entry]


async def read(call: Call[Any, Reading]) -> Reply | Events | Listing:
    path = path_of(call)
    if call.query.watch:
        after = cursor_of(call) if call.header("last-event-id") else call.query.after
        return Events(_frames(await call.runtime.namespace.watch(path, after)))
    if path.endswith("/"):
        return Listing(await call.runtime.namespace.list(path))
    try:
        content = await call.runtime.namespace.read(path)
    except IsADirectory:
        return Listing(await call.runtime.namespace.list(path))
    return answer(content, kind_of(path, content), call.header)


async def write(call: Call[bytes, Nothing]) -> Reply:
    path, namespace = path_of(call), call.runtime.namespace
    if call.header("if-none-match").strip() == "*":
        try:
            with only(NOTHING):
                async with await namespace.open(path, CREATE) as file:
                    await file.write(call.body)
        except (FileExists, VersionConflict) as error:
            raise PreconditionFailed(f"there is {path[:200]} already") from error
        return Reply(status=204)
    async with _alone(call, path):
        await namespace.write(path, call.body)
    return Reply(status=204)


async def append_or_call(call: Call[bytes, Nothing]) -> Reply:
    """Where a request is expected, the body is one, and the answer comes back; anything else is added to."""
    path, namespace = path_of(call), call.runtime.namespace
    try:
        takes = (await namespace.stat(path)).takes
    except NoSuchFile:
        takes = "content"
    if takes == "content":
        async with _alone(call, path):
            await namespace.append(path, call.body)
        return Reply(status=204)
    answered = await namespace.call(path, call.body)
    return Reply(answered, media_type=kind_of(path, answered)) if answered else Reply(status=204)


async def remove(call: Call[Any, Nothing]) -> Reply:
    path = path_of(call).removesuffix("/")
    async with _alone(call, path):
        await call.runtime.namespace.remove(path)
    return Reply(status=204)


@asynccontextmanager
async def _alone(call: Call[Any, Any], path: str) -> AsyncIterator[None]:
    """Let one client after the other change a file, and only where it is what `If-Match` says. What an agent keeps is
    looked at again in the commit that changes it; other files are kept from the clients of this process alone."""
    async with _WRITING.setdefault(path, Lock()):
        digest = None
        if call.header("if-match"):
            try:
                content = await call.runtime.namespace.read(path)
            except NoSuchFile as error:
                raise PreconditionFailed(f"there is no {path[:200]}") from error
            check_match(tag_of(content), call.header)
            digest = None if call.header("if-match").strip() == "*" else digest_bytes(content)
        try:
            with only(digest):
                yield
        except VersionConflict as error:
            raise PreconditionFailed(f"{path[:200]} was changed meanwhile") from error


async def stat(call: Call[Any, Nothing]) -> Reply:
    found = await call.runtime.namespace.stat(path_of(call))
    headers = {"perdure-kind": "directory" if found.is_dir else "file", "allow": _allowed(found)}
    if not found.is_dir:
        headers["accept-ranges"] = "bytes"
    if found.size is not None:
        headers["content-length"] = str(found.size)
    if found.modified_at is not None:
        headers["last-modified"] = formatdate(found.modified_at / 1000, usegmt=True)
    return Reply(headers=headers)


def _allowed(found: Stat) -> str:
    return ", ".join(["HEAD", *(["GET"] if found.readable else []), *(["PUT", "POST"] if found.writable else [])])


def supported(handler: Callable[[Call[B, Q]], Awaitable[Any]]) -> Callable[[Call[B, Q]], Awaitable[Any]]:
    """The handler, which says what can be done where it is asked for what cannot."""

    @wraps(handler)
    async def asked(call: Call[B, Q]) -> Any:
        try:
            return await handler(call)
        except FileUnsupported as error:
            told, found = problem(error), await call.runtime.namespace.stat(path_of(call))
            return replace(told, headers={**told.headers, "allow": _allowed(found)})

    return asked


def path_of(call: Call[Any, Any]) -> str:
    return f"/agents/{call.path['id']}/{call.path['path']}"


async def _frames(watch: Watch) -> AsyncIterator[bytes]:
    try:
        async for change in watch:
            yield frame(change.kind, _shown(change), change.seq or "")
    except PerdureError as error:
        yield frame("error", problem(error).body)
    finally:
        await watch.aclose()


def _shown(change: Change) -> Mapping[str, Any]:
    shown: dict[str, Any] = {"event": change.kind, "path": show_path(change.path)}
    if change.kind == "data":
        shown["data"] = change.data.decode(errors="replace")
    return shown


ENDPOINTS = (
    Endpoint("GET", PATH, supported(read), scope="read", query=Reading, answer=Listing, media=ANY, streams=True),
    Endpoint("HEAD", PATH, stat, scope="read"),
    Endpoint("PUT", PATH, supported(write), scope="admin", body=bytes, status=204),
    Endpoint("POST", PATH, supported(append_or_call), scope="admin", body=bytes, media=ANY),
    Endpoint("DELETE", PATH, supported(remove), scope="admin", status=204),
)
