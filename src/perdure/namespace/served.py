"""A tree of nodes as a file service."""

from __future__ import annotations

from typing import NoReturn

from perdure.base.errors import (
    FileDenied,
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
from .port import APPEND, READ, WRITE, Entry, File, FileService, How, Stat, Watch
from .relocated import Relocated


class Served:
    """Opens, lists and watches the nodes below `root`, which may be a folder or one document."""

    __slots__ = ("_root",)

    def __init__(self, root: Node) -> None:
        self._root = root

    async def open(self, path: Path, how: How = READ) -> File:
        node, rest = await self._walk(path)
        if isinstance(node, Graft):
            return await node.service.open(rest, how)
        if rest:
            if not how.create or len(rest) > 1:
                raise _missing(path)
            return self._new(node, path, how)
        if isinstance(node, Folder):
            if node.itself is None:
                raise IsADirectory(f"{show(path)} is a directory", path=show(path))
            node = node.itself
        if how.exclusive:
            raise FileExists(f"{show(path)} is there already", path=show(path))
        return await _open(node, path, how)

    async def list(self, path: Path) -> list[Entry]:
        node, rest = await self._walk(path)
        if isinstance(node, Graft):
            return await node.service.list(rest)
        if rest:
            raise _missing(path)
        if isinstance(node, Document):
            raise NotADirectory(f"{show(path)} is a file", path=show(path))
        found = {name: _entry(name, one) for name, one in node.nodes.items()}
        if node.names is not None:
            for name in await node.names():
                if name not in found:
                    one = await node.child(name) if node.child is not None else None
                    if one is not None:  # else gone meanwhile
                        found[name] = _entry(name, one)
        return [found[name] for name in sorted(found)]

    async def stat(self, path: Path) -> Stat:
        node, rest = await self._walk(path)
        if isinstance(node, Graft):
            return await node.service.stat(rest)
        if rest:
            raise _missing(path)
        return _stat(node)

    async def watch(self, path: Path, after: int | None = None) -> Watch:
        node, rest = await self._walk(path)
        above = path[: len(path) - len(rest)]
        if isinstance(node, Graft):
            return Relocated(await node.service.watch(rest, after), above)
        if rest:
            raise _missing(path)
        if isinstance(node, Folder) and node.watch is None and node.itself is not None:
            node = node.itself
        if node.watch is None:
            raise FileUnsupported(f"{show(path)} cannot be watched", path=show(path))
        return Relocated(await node.watch(after), above)

    async def remove(self, path: Path) -> None:
        graft, rest = await self._graft(path)
        if graft is not None:
            return await graft.remove(rest)
        folder, name = await self._folder(path)
        await self._exists(path)
        if folder.remove is None or name in folder.nodes:
            _unable("removed", path)
        await folder.remove(name)

    async def rename(self, path: Path, to: Path) -> None:
        graft, rest = await self._graft(path)
        other, target = await self._graft(to)
        if graft is not None and graft is other:
            return await graft.rename(rest, target)
        folder, name = await self._folder(path)
        await self._exists(path)
        if graft is not None or other is not None or path[:-1] != to[:-1] or folder.rename is None:
            _unable(f"renamed to {show(to)}", path)
        if name in folder.nodes or to[-1] in folder.nodes:
            _unable(f"renamed to {show(to)}", path)
        if path != to:
            await folder.rename(name, to[-1])

    async def mkdir(self, path: Path) -> None:
        graft, rest = await self._graft(path)
        if graft is not None:
            return await graft.mkdir(rest)
        _, missing = await self._walk(path)
        if not missing:
            raise FileExists(f"{show(path)} is there already", path=show(path))
        folder, name = await self._folder(path)
        if folder.mkdir is None:
            _unable("made", path)
        await folder.mkdir(name)

    def _new(self, parent: Node, path: Path, how: How) -> File:
        if not isinstance(parent, Folder) or parent.create is None:
            _unable("created", path)
        create, exclusive = parent.create, how.exclusive

        async def keep(data: bytes) -> None:
            nonlocal exclusive
            _, missing = await self._walk(path)
            if missing:
                await create(path[-1], data)
            elif exclusive:
                raise FileExists(f"{show(path)} is there already", path=show(path))
            else:
                async with await self.open(path, APPEND if how.append else WRITE) as file:
                    await file.write(data)
            exclusive = False  # from now on it is ours

        return Buffered(how, b"", keep, fresh=True)

    async def _walk(self, path: Path) -> tuple[Node, Path]:
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
                return node, path[index:]
            else:
                raise NotADirectory(f"{show(path[:index])} is a file", path=show(path))
        return node, ()

    async def _graft(self, path: Path) -> tuple[FileService | None, Path]:
        """The service that a path leads into, below the place where it is grafted on."""
        node, rest = await self._walk(path)
        return (node.service, rest) if isinstance(node, Graft) and rest else (None, path)

    async def _folder(self, path: Path) -> tuple[Folder, str]:
        """The folder that a path is in, and its name in there."""
        if not path:
            raise FileDenied("the root stays where it is", path="/")
        parent, rest = await self._walk(path[:-1])
        if rest:
            raise _missing(path)
        if not isinstance(parent, Folder):
            raise NotADirectory(f"{show(path[:-1])} is a file", path=show(path))
        return parent, path[-1]

    async def _exists(self, path: Path) -> None:
        _, rest = await self._walk(path)
        if rest:
            raise _missing(path)


async def _open(document: Document, path: Path, how: How) -> File:
    read, call = document.read, document.call
    if not how.write:
        if read is None:
            why = "it answers requests: write one, then read on the same handle" if call else "it is only written"
            raise FileUnsupported(f"{show(path)} cannot be read: {why}", path=show(path))
        return Buffered(how, await read())
    if call is not None:
        return Exchange(call)
    if how.append:
        if document.append is None:
            _unable("appended to", path)
        return Buffered(how, await read() if read is not None and how.read else b"", document.append)
    if document.write is None:
        _unable("written", path)
    content = await read() if read is not None and not how.truncate else b""
    return Buffered(how, content, document.write, fresh=how.truncate and read is not None)


def _entry(name: str, node: Node) -> Entry:
    if isinstance(node, Document):
        return Entry(name, False, node.size, node.modified_at)
    return Entry(name, True)


def _stat(node: Document | Folder) -> Stat:
    if isinstance(node, Folder):
        return Stat(True, writable=node.create is not None)
    writable = node.write is not None or node.append is not None or node.call is not None
    return Stat(False, node.size, None, node.modified_at, node.read is not None or node.call is not None, writable)


def _missing(path: Path) -> NoSuchFile:
    return NoSuchFile(f"there is no {show(path)}", path=show(path))


def _unable(done: str, path: Path) -> NoReturn:
    raise FileUnsupported(f"{show(path)} cannot be {done}", path=show(path))
