"""A folder of this machine as a file service."""

from __future__ import annotations

from asyncio import to_thread
from pathlib import Path as HostPath

from msgspec.structs import replace

from perdure.base.clock import Clock
from perdure.base.errors import ConfigError

from .buffered import MAX_CONTENT, Buffered
from .jail import Jail, Seen
from .path import Path
from .polling import Polling
from .port import READ, Entry, How, Stat, Watch

MAX_WATCHED = 20_000
"""Names below a place that is watched."""


class HostFolder:
    """The files below `root`, out of which no path and no link leads. Writing replaces a file in one step and is on the
    disk when it is flushed. Watching looks every `interval_ms` of `clock`, and sees changes from outside too."""

    def __init__(self, root: HostPath, clock: Clock, *, interval_ms: float = 500, max_bytes: int = MAX_CONTENT) -> None:
        if not root.is_dir():
            raise ConfigError(f"there is no folder {root}", hint="Create it, or correct the path.")
        self._jail = Jail(root, max_bytes)
        self._limit = max_bytes
        self._polling = Polling[Seen](self._scan, clock, interval_ms)

    async def open(self, path: Path, how: How = READ) -> Buffered:
        if not how.write:
            return Buffered(how, await to_thread(self._jail.read, path))
        there = await to_thread(self._jail.writable, path, how)
        known = there and how.read and not how.truncate and not how.call
        partly = there and not (how.truncate or how.call or how.append)
        content = await to_thread(self._jail.read, path) if known or partly else b""

        async def keep(data: bytes) -> None:
            nonlocal how
            await to_thread(self._jail.write, path, data, how)
            how = replace(how, exclusive=False)  # from now on it is ours

        return Buffered(how, content, keep, fresh=how.truncate or not there, limit=self._limit)

    async def list(self, path: Path) -> list[Entry]:
        return await to_thread(self._jail.list, path)

    async def stat(self, path: Path) -> Stat:
        return await to_thread(self._jail.stat, path)

    async def watch(self, path: Path, after: int | None = None) -> Watch:
        if after is None:
            await self.stat(path)
        return await self._polling.watch(path, after)

    async def remove(self, path: Path) -> None:
        await to_thread(self._jail.remove, path)

    async def rename(self, path: Path, to: Path) -> None:
        await to_thread(self._jail.rename, path, to)

    async def mkdir(self, path: Path) -> None:
        await to_thread(self._jail.mkdir, path)

    async def _scan(self, path: Path) -> dict[Path, Seen]:
        return await to_thread(self._jail.scan, path, MAX_WATCHED)
