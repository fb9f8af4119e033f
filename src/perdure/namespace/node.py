"""How a service is written: a tree of documents and folders, each a few functions, looked up when a path is used.

    Served(Folder({
        "status": json_document(status),                        # GET: computed when read
        "goals": Folder(names=ids, child=goal, create=add, remove=drop),
        "ctl": Document(write=command),
        "identity": Folder({"sign": Document(call=sign)}),      # write the data, read the signature
        "notes": Graft(HostFolder(folder)),                     # another service from here on down
    }))

A function that is left out is a thing that cannot be done there. What a function raises reaches the caller: an
InputError for content that makes no sense, a FileNotReady for a result that is not there yet.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias

import msgspec

from perdure.base.codec import to_json

from .port import Entry, FileService, Watch

Watching: TypeAlias = Callable[[int | None], Awaitable[Watch]]
"""Begin to watch behind a cursor, or from now on; paths of the changes are relative to the node (`Feed.watch` fits)."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual file. With `read` and `write` it is content: what is written is what will be read. With `call` whatever
    is written to it is a request, and its answer is read on the same handle; `read` is then what it shows to who asks
    nothing. `append` adds to it. A call that is `keyed` takes an `idempotency_key` in its JSON request, and does the
    same request with the same key once. `size` in bytes and `modified_at` in ms where they are known
    without reading."""

    read: Callable[[], Awaitable[bytes]] | None = None
    write: Callable[[bytes], Awaitable[None]] | None = None
    append: Callable[[bytes], Awaitable[None]] | None = None
    call: Callable[[bytes], Awaitable[bytes]] | None = None
    watch: Watching | None = None
    keyed: bool = False
    size: int | None = None
    modified_at: int | None = None


class Folder(msgspec.Struct, frozen=True, kw_only=False):
    """A directory of `nodes` that are always there, and of those that `names` lists and `child` finds (None where there
    is no such name; it may know more names than are listed). `names` gives an Entry where it knows all that a listing
    shows, so that no child has to be looked up for it.

    `create` is handed the name and content of a new file, `remove` and `rename` one of its names, `mkdir` a new one.
    A folder with `itself` can be read or written like a document too.
    """

    nodes: Mapping[str, Node] = {}
    names: Callable[[], Awaitable[Iterable[str | Entry]]] | None = None
    child: Callable[[str], Awaitable[Node | None]] | None = None
    create: Callable[[str, bytes], Awaitable[None]] | None = None
    remove: Callable[[str], Awaitable[None]] | None = None
    rename: Callable[[str, str], Awaitable[None]] | None = None
    mkdir: Callable[[str], Awaitable[None]] | None = None
    watch: Watching | None = None
    itself: Document | None = None


class Graft(msgspec.Struct, frozen=True):
    """Another service, which sees paths relative to this place."""

    service: FileService


Node: TypeAlias = Document | Folder | Graft


def json_document(value: Callable[[], Awaitable[Any]], *, watch: Watching | None = None) -> Document:
    """A document that shows what `value` gives, as indented JSON with a newline at its end."""

    async def read() -> bytes:
        return json_text(await value())

    return Document(read=read, watch=watch)


def json_text(value: Any) -> bytes:
    return msgspec.json.format(to_json(value), indent=2) + b"\n"
