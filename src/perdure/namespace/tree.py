"""A tree of files in memory: the model of what every file service means, and the double for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from perdure.base.clock import Clock
from perdure.base.errors import (
    DirectoryNotEmpty,
    FileDenied,
    FileExists,
    InvalidPath,
    IsADirectory,
    NoSuchFile,
    NotADirectory,
)

from .buffered import MAX_CONTENT, Buffered
from .feed import Feed
from .path import Path, show
from .port import READ, ChangeKind, Entry, How, Stat, Watch


@dataclass(slots=True)
class _File:
    created_at: int
    modified_at: int
    content: bytes = b""


@dataclass(slots=True)
class _Directory:
    created_at: int
    modified_at: int
    nodes: dict[str, _Node] = field(default_factory=dict)


_Node: TypeAlias = _File | _Directory


class MemoryTree:
    """Files and directories that are gone with the process. Watchers find the last `backlog` changes again."""

    def __init__(self, clock: Clock, *, backlog: int = 1024, max_bytes: int = MAX_CONTENT) -> None:
        self._clock = clock
        self._root = _Directory(clock.now(), clock.now())
        self._feed = Feed(backlog)
        self._limit = max_bytes

    async def open(self, path: Path, how: How = READ) -> Buffered:
        node = self._look(path)
        if isinstance(node, _Directory):
            raise IsADirectory(path=show(path))
        if node is None and not how.create:
            raise NoSuchFile(path=show(path))
        if node is not None and how.exclusive:
            raise FileExists(path=show(path))
        if node is None:
            self._parent(path)
        content = b"" if node is None or how.truncate or how.call else node.content
        fresh = node is None or how.truncate
        exclusive = how.exclusive

        async def keep(data: bytes) -> None:
            nonlocal exclusive
            self._write(path, data, how, exclusive)
            exclusive = False  # from now on it is ours

        return Buffered(how, content, keep if how.write else None, fresh=fresh, limit=self._limit)

    async def list(self, path: Path) -> list[Entry]:
        node = self._find(path)
        if isinstance(node, _File):
            raise NotADirectory(path=show(path))
        return [
            Entry(name, False, len(one.content), one.modified_at)
            if isinstance(one, _File)
            else Entry(name, True, None, one.modified_at)
            for name, one in sorted(node.nodes.items())
        ]

    async def stat(self, path: Path) -> Stat:
        node = self._find(path)
        size = len(node.content) if isinstance(node, _File) else None
        return Stat(size is None, size, node.created_at, node.modified_at, writable=True)

    async def watch(self, path: Path, after: int | None = None) -> Watch:
        if after is None:
            self._find(path)
        return await self._feed.watch(after, path)

    async def remove(self, path: Path) -> None:
        node, parent = self._find(path), self._parent(path)
        if isinstance(node, _Directory) and node.nodes:
            raise DirectoryNotEmpty(path=show(path))
        del parent.nodes[path[-1]]
        self._changed("deleted", path)

    async def rename(self, path: Path, to: Path) -> None:
        node, out = self._find(path), self._parent(path)
        if path == to:
            return
        if to[: len(path)] == path and isinstance(node, _Directory):
            raise InvalidPath("a directory cannot move into itself", path=show(to))
        target = self._look(to)
        if target is not None and (isinstance(node, _Directory) or isinstance(target, _Directory)):
            raise FileExists(path=show(to))
        into = self._parent(to)
        del out.nodes[path[-1]]
        into.nodes[to[-1]] = node
        self._changed("deleted", path)
        self._changed("created" if target is None else "modified", to)

    async def mkdir(self, path: Path) -> None:
        if self._look(path) is not None:
            raise FileExists(path=show(path))
        now = self._clock.now()
        self._parent(path).nodes[path[-1]] = _Directory(now, now)
        self._changed("created", path)

    def _write(self, path: Path, data: bytes, how: How, exclusive: bool) -> None:
        node = self._look(path)
        if isinstance(node, _Directory):
            raise IsADirectory(path=show(path))
        if node is not None and exclusive:
            raise FileExists(path=show(path))
        now = self._clock.now()
        if node is None:
            if not how.create:
                raise NoSuchFile(path=show(path))
            self._parent(path).nodes[path[-1]] = _File(now, now, data)
            self._changed("created", path)
        else:
            node.content = node.content + data if how.append else data
            node.modified_at = now
            self._feed.tell("modified", path)

    def _changed(self, kind: ChangeKind, path: Path) -> None:
        self._parent(path).modified_at = self._clock.now()
        self._feed.tell(kind, path)

    def _look(self, path: Path) -> _Node | None:
        """What is there. Raises where what is above it is missing or is a file."""
        node: _Node = self._root
        for index, name in enumerate(path):
            if isinstance(node, _File):
                raise NotADirectory(path=show(path[:index]))
            found = node.nodes.get(name)
            if found is None:
                if index < len(path) - 1:
                    raise NoSuchFile(path=show(path))
                return None
            node = found
        return node

    def _find(self, path: Path) -> _Node:
        node = self._look(path)
        if node is None:
            raise NoSuchFile(path=show(path))
        return node

    def _parent(self, path: Path) -> _Directory:
        if not path:
            raise FileDenied("the root stays where it is", path="/")
        parent = self._find(path[:-1])
        if isinstance(parent, _File):
            raise NotADirectory(path=show(path[:-1]))
        return parent
