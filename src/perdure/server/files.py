"""The namespace: `/agents/{id}/{path}` is that path, and each method one verb of a file.

GET reads, and lists what ends in `/`; `?watch=1` streams its changes. PUT replaces, POST appends or calls, DELETE
removes, HEAD tells what is known without reading.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from email.utils import formatdate
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from perdure.base.codec import digest_bytes
from perdure.base.errors import IsADirectory, NoSuchFile, PerdureError
from perdure.namespace.path import show as show_path
from perdure.namespace.port import Change, Entry, Watch

from .endpoint import Call, Endpoint, Nothing
from .events import cursor_of
from .problems import problem
from .reply import JSON, Events, Reply
from .sse import frame

PATH = "/agents/{id}/{path:path}"
TEXT = "text/plain; charset=utf-8"
BINARY = "application/octet-stream"


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    watch: Annotated[bool, Meta(description="Stream what changes here, as server-sent events.")] = False
    after: Annotated[Annotated[int, Meta(ge=0)] | None, Meta(description="A cursor, as `Last-Event-ID` is.")] = None


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
    tag = f'"{digest_bytes(content)}"'
    if tag in [one.strip() for one in call.header("if-none-match").split(",")]:
        return Reply(status=304, headers={"etag": tag})
    return Reply(content, headers={"etag": tag}, media_type=kind_of(content))


async def write(call: Call[bytes, Nothing]) -> Reply:
    await call.runtime.namespace.write(path_of(call), call.body)
    return Reply(status=204)


async def append_or_call(call: Call[bytes, Nothing]) -> Reply:
    """Where a request is expected, the body is one, and the answer comes back; anything else is added to."""
    path, namespace = path_of(call), call.runtime.namespace
    try:
        takes = (await namespace.stat(path)).takes
    except NoSuchFile:
        takes = "content"
    if takes == "content":
        await namespace.append(path, call.body)
        return Reply(status=204)
    answer = await namespace.call(path, call.body)
    return Reply(answer, media_type=kind_of(answer)) if answer else Reply(status=204)


async def remove(call: Call[Any, Nothing]) -> Reply:
    await call.runtime.namespace.remove(path_of(call).removesuffix("/"))
    return Reply(status=204)


async def stat(call: Call[Any, Nothing]) -> Reply:
    found = await call.runtime.namespace.stat(path_of(call))
    headers = {
        "perdure-kind": "directory" if found.is_dir else "file",
        "allow": ", ".join(
            ["HEAD", *(["GET"] if found.readable else []), *(["PUT", "POST"] if found.writable else [])]
        ),
    }
    if found.size is not None:
        headers["content-length"] = str(found.size)
    if found.modified_at is not None:
        headers["last-modified"] = formatdate(found.modified_at / 1000, usegmt=True)
    return Reply(headers=headers)


def path_of(call: Call[Any, Any]) -> str:
    return f"/agents/{call.path['id']}/{call.path['path']}"


def kind_of(content: bytes) -> str:
    """The media type of what was read: nothing in the namespace says what it is."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return BINARY
    if text[:1] in ("{", "[", '"'):
        try:
            msgspec.json.decode(content)
        except (msgspec.DecodeError, RecursionError):
            return TEXT
        return JSON
    return BINARY if "\0" in text else TEXT


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
    Endpoint("GET", PATH, read, scope="read", query=Reading, streams=True),
    Endpoint("HEAD", PATH, stat, scope="read"),
    Endpoint("PUT", PATH, write, scope="admin", body=bytes, status=204),
    Endpoint("POST", PATH, append_or_call, scope="admin", body=bytes),
    Endpoint("DELETE", PATH, remove, scope="admin", status=204),
)
