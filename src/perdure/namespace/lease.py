"""What is open through a mount, until the mount is changed or taken away: then it fails at once."""

from __future__ import annotations

import asyncio
from types import TracebackType
from weakref import WeakSet

from perdure.base.errors import FileDenied

from .path import Path, show
from .port import READ, Change, Entry, File, FileService, How, Stat, Watch


class Lease:
    """Whether the mount at `place` still stands as it was."""

    __slots__ = ("_closing", "_watches", "live", "place")

    def __init__(self, place: Path) -> None:
        self.place = place
        self.live = True
        self._watches: WeakSet[LeasedWatch] = WeakSet()
        self._closing: list[asyncio.Task[None]] = []

    def revoke(self) -> None:
        """End it: whoever waits for a change is woken."""
        self.live = False
        self._closing = [asyncio.ensure_future(watch.aclose()) for watch in self._watches]

    def check(self) -> None:
        if not self.live:
            raise FileDenied(f"the mount at {show(self.place)} was changed or taken away", hint="Open it again.")

    def watched_by(self, watch: LeasedWatch) -> None:
        self._watches.add(watch)


class Leased:
    """A service whose open files and watches end with the lease."""

    __slots__ = ("_inner", "_lease")

    def __init__(self, inner: FileService, lease: Lease) -> None:
        self._inner = inner
        self._lease = lease

    async def open(self, path: Path, how: How = READ) -> File:
        self._lease.check()
        return LeasedFile(await self._inner.open(path, how), self._lease)

    async def list(self, path: Path) -> list[Entry]:
        self._lease.check()
        return await self._inner.list(path)

    async def stat(self, path: Path) -> Stat:
        self._lease.check()
        return await self._inner.stat(path)

    async def watch(self, path: Path, after: int | None = None) -> Watch:
        self._lease.check()
        return LeasedWatch(await self._inner.watch(path, after), self._lease)

    async def remove(self, path: Path) -> None:
        self._lease.check()
        await self._inner.remove(path)

    async def rename(self, path: Path, to: Path) -> None:
        self._lease.check()
        await self._inner.rename(path, to)

    async def mkdir(self, path: Path) -> None:
        self._lease.check()
        await self._inner.mkdir(path)


class LeasedFile:
    """An open file that does nothing more when its mount is gone: what was written and not flushed is discarded."""

    __slots__ = ("_file", "_lease")

    def __init__(self, file: File, lease: Lease) -> None:
        self._file = file
        self._lease = lease

    async def read(self, size: int = -1) -> bytes:
        self._lease.check()
        return await self._file.read(size)

    async def write(self, data: bytes) -> None:
        self._lease.check()
        await self._file.write(data)

    async def seek(self, position: int) -> None:
        self._lease.check()
        await self._file.seek(position)

    async def flush(self) -> None:
        self._lease.check()
        await self._file.flush()

    async def close(self) -> None:
        if not self._lease.live:
            await self._file.discard()
            self._lease.check()
        await self._file.close()

    async def discard(self) -> None:
        await self._file.discard()

    async def __aenter__(self) -> LeasedFile:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await (self.close() if kind is None else self.discard())


class LeasedWatch:
    def __init__(self, watch: Watch, lease: Lease) -> None:
        self._watch = watch
        self._lease = lease
        lease.watched_by(self)

    def __aiter__(self) -> LeasedWatch:
        return self

    async def __anext__(self) -> Change:
        self._lease.check()
        try:
            change = await self._watch.__anext__()
        except StopAsyncIteration:
            self._lease.check()
            raise
        self._lease.check()
        return change

    async def aclose(self) -> None:
        await self._watch.aclose()
