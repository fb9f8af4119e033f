"""A tree of nodes as a file service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeAlias, TypeVar

from perdure.base.errors import (
    FileDenied,
    FileError,
    FileExists,
    FileUnsupported,
    IsADirectory,
    NoSuchFile,
    NotADirectory,
)

from .buffered import Buffered
from .exchange import Exchange
from .node import Document, Folder, Graft, Node
from .path import Path, show
from .placed import Placed
from .port import APPEND, READ, WRITE, Entry, File, How, Stat, Takes, Watch
from .relocated import Relocated

T = TypeVar("T")
Found: TypeAlias = Document | Folder | Placed


class Served:
    """Opens, lists and watches the nodes below `root`, which may be a folder or one document."""

    __slots__ = ("_root",)

    def __init__(self, root: Node) -> None:
        self._root = root

    async def open(self, path: Path, how: How = READ) -> File:
        node, rest = await self._walk(path)
        if isinstance(node, Placed):
            return await node.open(path, how)
        if rest:
            if not how.create or len(rest) > 1:
                raise NoSuchFile(path=show(path))
            return self._new(node, path, how)
        if isinstance(node, Folder):
            if node.itself is None:
                raise IsADirectory(path=show(path))
            node = node.itself
        if how.exclusive:
            raise FileExists(path=show(path))
        with _At(path):
            return await _open(node, path, how)

    async def list(self, path: Path) -> list[Entry]:
        node = await self._find(path)
        if isinstance(node, Placed):
            return await node.list(path)
        if isinstance(node, Document):
            raise NotADirectory(path=show(path))
        found = {name: await _entry(name, one) for name, one in node.nodes.items()}
        for listed in await node.names() if node.names is not None else ():
            if isinstance(listed, Entry):
                found.setdefault(listed.name, listed)
            elif listed not in found:
                one = await node.child(listed) if node.child is not None else None
                if one is not None:  # else gone meanwhile
                    found[listed] = await _entry(listed, one)
        return [found[name] for name in sorted(found)]

    async def stat(self, path: Path) -> Stat:
        node = await self._find(path)
        if isinstance(node, Placed):
            return await node.stat(path)
        return _stat(node)

    async def watch(self, path: Path, after: int | None = None) -> Watch:
        node = await self._find(path)
        if isinstance(node, Placed):
            return await node.watch(path, after)
        if isinstance(node, Folder) and node.watch is None and node.itself is not None:
            node = node.itself
        if node.watch is None:
            raise FileUnsupported("it cannot be watched", path=show(path))
        return Relocated(await node.watch(after), path)

    async def remove(self, path: Path) -> None:
        folder = await self._parent(path)
        if isinstance(folder, Placed):
            return await folder.remove(path)
        await self._find(path)
        if folder.remove is None or path[-1] in folder.nodes:
            _unable("removed", path)
        with _At(path):
            await folder.remove(path[-1])

    async def rename(self, path: Path, to: Path) -> None:
        folder, into = await self._parent(path), await self._parent(to)
        if isinstance(folder, Placed) or isinstance(into, Placed):
            if isinstance(folder, Placed) and folder == into:
                return await folder.rename(path, to)
            _unable("moved there", path)
        name, new = path[-1], to[-1]
        await self._find(path)
        if path[:-1] != to[:-1]:
            _unable("moved there", path)
        if folder.rename is None or name in folder.nodes or new in folder.nodes:
            _unable("renamed", path)
        if name != new:
            with _At(path):
                await folder.rename(name, new)

    async def mkdir(self, path: Path) -> None:
        node, missing = await self._walk(path)
        if isinstance(node, Placed) and missing:
            return await node.mkdir(path)
        if not missing:
            raise FileExists(path=show(path))
        folder = await self._parent(path)
        if isinstance(folder, Placed) or folder.mkdir is None:
            _unable("made", path)
        with _At(path):
            await folder.mkdir(path[-1])

    def _new(self, parent: Document | Folder, path: Path, how: How) -> File:
        if not isinstance(parent, Folder) or parent.create is None:
            _unable("created", path)
        create, exclusive = parent.create, how.exclusive

        async def keep(data: bytes) -> None:
            nonlocal exclusive
            _, missing = await self._walk(path)
            if missing:
                with _At(path):
                    await create(path[-1], data)
            elif exclusive:
                raise FileExists(path=show(path))
            else:
                async with await self.open(path, APPEND if how.append else WRITE) as file:
                    await file.write(data)
            exclusive = False  # from now on it is ours

        return Buffered(how, b"", keep, fresh=True)

    async def _walk(self, path: Path) -> tuple[Found, Path]:
        """The deepest node that there is on the way, and the names that are left: those of a graft, or missing ones."""
        node = self._root
        for index, name in enumerate(path):
            if isinstance(node, Folder):
                found = node.nodes.get(name)
                if found is None and node.child is not None:
                    found = await node.child(name)
                if found is None:
                    return node, path[index:]
                node = found
            elif isinstance(node, Graft):
                return Placed(node.service, path[:index]), path[index:]
            else:
                raise NotADirectory(path=show(path[:index]))
        return (Placed(node.service, path), ()) if isinstance(node, Graft) else (node, ())

    async def _find(self, path: Path) -> Found:
        node, rest = await self._walk(path)
        if rest and not isinstance(node, Placed):
            raise NoSuchFile(path=show(path))
        return node

    async def _parent(self, path: Path) -> Folder | Placed:
        """What a path is in."""
        if not path:
            raise FileDenied("the root stays where it is", path="/")
        parent = await self._find(path[:-1])
        if isinstance(parent, Document):
            raise NotADirectory(path=show(path[:-1]))
        return parent


async def _open(document: Document, path: Path, how: How) -> File:
    read, call = document.read, document.call
    if not how.write:
        if read is None:
            why = "it answers requests: write one, then read on the same handle" if call else "it is only written"
            raise FileUnsupported(f"it cannot be read: {why}", path=show(path))
        return Buffered(how, await read())
    if call is not None:
        return Exchange(_at(path, call))
    if how.append:
        if document.append is None:
            _unable("appended to", path)
        return Buffered(how, await read() if read is not None and how.read else b"", _at(path, document.append))
    if document.write is None:
        _unable("written", path)
    content = b"" if read is None or how.truncate or how.call else await read()
    return Buffered(how, content, _at(path, document.write), fresh=how.truncate and read is not None)


async def _entry(name: str, node: Node) -> Entry:
    try:
        stat = await node.service.stat(()) if isinstance(node, Graft) else _stat(node)
    except FileError:
        stat = Stat(True)  # what is broken is listed too: opening it tells more
    return Entry(name, stat.is_dir, stat.size, stat.modified_at)


def _stat(node: Document | Folder) -> Stat:
    if isinstance(node, Folder):
        return Stat(
            True,
            writable=node.create is not None or (node.itself is not None and _writable(node.itself)),
            takes="content" if node.itself is None else _takes(node.itself),
        )
    readable = node.read is not None or node.call is not None
    return Stat(False, node.size, None, node.modified_at, readable, _writable(node), _takes(node))


def _writable(document: Document) -> bool:
    return document.write is not None or document.append is not None or document.call is not None


def _takes(document: Document) -> Takes:
    if document.call is not None:
        return "keyed requests" if document.keyed else "requests"
    return "content" if document.read is not None or document.write is None else "requests"


def _unable(done: str, path: Path) -> NoReturn:
    raise FileUnsupported(f"it cannot be {done}", path=show(path))


class _At:
    """File errors raised in here that name no path name this one."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FileError):
            error.found_at(show(self._path))


def _at(path: Path, function: Callable[[bytes], Awaitable[T]]) -> Callable[[bytes], Awaitable[T]]:
    """The function of a node, its errors with the path."""

    async def named(data: bytes) -> T:
        with _At(path):
            return await function(data)

    return named
