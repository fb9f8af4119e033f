"""The connections of one event loop: which are idle, who may have one, and when they are let go."""

from __future__ import annotations

import asyncio

from perdure.base.errors import BrokenStream

from .connection import Connection
from .deadlines import Deadlines

MAX_IDLE = 128
IDLE_S = 60.0


class Pool:
    """Gives the connection that was used last, keeps at most `MAX_IDLE` for each host, none idle over `IDLE_S`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, idle_s: float) -> None:
        self.deadlines = Deadlines(loop)
        """When the calls under way have to be over."""
        self._loop = loop
        self._idle_s = idle_s
        self._idle: dict[tuple[str, int], list[Connection]] = {}
        self._all: set[Connection] = set()
        self._closed = False
        self._emptied = asyncio.Event()
        self._sweeper: asyncio.TimerHandle | None = None

    def take(self, host: str, port: int) -> Connection | None:
        idle = self._idle.get((host, port))
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None

    async def connect(self, host: str, port: int) -> Connection:
        """Raises OSError where no address of the host accepts a connection."""
        key = (host, port)
        _, connection = await self._loop.create_connection(lambda: Connection(key, self._keep, self._lose), host, port)
        if connection.is_open:  # else it was lost already, and nobody would take it out again
            self._all.add(connection)
        return connection

    async def close(self) -> None:
        """Hang up everywhere; calls under way fail with BrokenStream."""
        self._closed = True
        self.deadlines.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._idle.clear()
        for connection in tuple(self._all):
            connection.fail(BrokenStream("the connections of this process were closed"))
        if self._all:  # a socket is closed in one of the loop's next rounds
            self._emptied.clear()
            await self._emptied.wait()

    def _keep(self, connection: Connection) -> None:
        idle = self._idle.setdefault(connection.key, [])
        if self._closed or len(idle) >= MAX_IDLE:
            connection.drop()
            return
        connection.idle_since = self._loop.time()
        idle.append(connection)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(self._idle_s, self._sweep)

    def _lose(self, connection: Connection) -> None:
        self._all.discard(connection)
        if not self._all:
            self._emptied.set()
        idle = self._idle.get(connection.key, [])
        if connection in idle:
            idle.remove(connection)

    def _sweep(self) -> None:
        """Hang up on those that were idle for too long: the first of each list, for the last is taken first."""
        self._sweeper = None
        now = self._loop.time()
        for key, idle in list(self._idle.items()):
            while idle and now - idle[0].idle_since >= self._idle_s:
                idle.pop(0).drop()
            if not idle:
                del self._idle[key]
        if self._idle:
            oldest = min(idle[0].idle_since for idle in self._idle.values())
            self._sweeper = self._loop.call_at(oldest + self._idle_s, self._sweep)
