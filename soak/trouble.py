"""What is done to the servers while they work."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from world import Server, World

HELD = """\
import apsw, sys, time
connection = apsw.Connection(sys.argv[1])
connection.set_busy_timeout(5000)
connection.execute("begin immediate")
time.sleep(float(sys.argv[2]))
"""
"""Somebody else who holds the file, as a backup does."""

BUSY = """\
import os, sys, time
until = time.monotonic() + float(sys.argv[2])
descriptor = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
while time.monotonic() < until:
    os.pwrite(descriptor, os.urandom(1 << 20) * 4, 0)
    os.fsync(descriptor)
os.close(descriptor)
os.unlink(sys.argv[1])
"""
"""Somebody else who writes to the same disk, and brings every 4 MB to it."""

SMALL = 64 * 1024


class Trouble:
    """`done` counts what was done, `moments` are when (monotonic, begin and end)."""

    def __init__(self, world: World, chance: random.Random, *, clocks: bool) -> None:
        self.done: Counter[str] = Counter()
        self.moments: list[tuple[float, float]] = []
        self._world = world
        self._chance = chance
        self._kinds: dict[str, Callable[[Server], Awaitable[None]]] = {
            "kill -9": self._kill,
            "kill -9 of both": self._kill_both,
            "restart": self._restart,
            "frozen": self._freeze,
            "disk full": self._full,
            "files that may not grow": self._small_files,
            "busy disk": self._busy,
            "slow disk": self._slow,
            "file held": self._held,
        }
        if clocks:
            self._kinds["clock jump"] = self._jump
        if not world.disk.is_own:
            del self._kinds["disk full"]
        if not world.slow_disk.is_there:
            del self._kinds["slow disk"]
        self._weights = {"kill -9": 6, "kill -9 of both": 2, "restart": 2}

    async def storm(self, seconds: float) -> None:
        """One after another, each kind at least once where the time is enough; in the end all servers are up."""
        until = time.monotonic() + seconds
        names = list(self._kinds)
        first = self._chance.sample(names, len(names))
        while time.monotonic() < until:
            weights = [self._weights.get(name, 1) for name in names]
            name = first.pop() if first else self._chance.choices(names, weights)[0]
            began = time.monotonic()
            await self._kinds[name](self._chance.choice(self._world.servers))
            self.done[name] += 1
            self.moments.append((began, time.monotonic()))
            await asyncio.sleep(self._chance.random())

    async def _kill(self, server: Server) -> None:
        await server.kill()
        await asyncio.sleep(self._chance.random())
        await server.start()

    async def _kill_both(self, server: Server) -> None:
        for one in self._world.servers:
            await one.kill()
        await self._world.start()

    async def _restart(self, server: Server) -> None:
        await server.stop()
        await server.start()

    async def _freeze(self, server: Server) -> None:
        """Longer than its lease: the other one takes over, and this one wakes up too late."""
        server.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(2 + self._chance.random() * 3)
        finally:
            server.signal(signal.SIGCONT)

    async def _full(self, server: Server) -> None:
        """For a while; now and then a server dies of something else meanwhile, and cannot come up before it is over."""
        with self._world.disk.full():
            await asyncio.sleep(1 + self._chance.random() * 2)
            if self._chance.random() < 0.3:
                await server.kill()
                starting = asyncio.create_task(server.start())
                await asyncio.sleep(1)
            else:
                starting = None
        if starting is not None:
            await starting

    async def _small_files(self, server: Server) -> None:
        with server.small_files(SMALL):
            await asyncio.sleep(1 + self._chance.random() * 2)

    async def _busy(self, server: Server) -> None:
        await _run(BUSY, str(self._world.disk.folder / "busy"), 3.0)

    async def _slow(self, server: Server) -> None:
        """Every commit of both servers takes up to a second."""
        with self._world.slow_disk.slow(self._chance.choice([0.02, 0.2, 1.0])):
            await asyncio.sleep(2 + self._chance.random() * 4)

    async def _held(self, server: Server) -> None:
        await _run(HELD, str(self._world.database), 0.5 + self._chance.random() * 2)

    async def _jump(self, server: Server) -> None:
        """Forward by up to two hours, or back by up to three seconds: a timer set before is then as late as that."""
        forward = self._chance.randint(1_000, 7_200_000)
        self._world.turn_clocks(forward if self._chance.random() < 0.6 else -self._chance.randint(1, 3_000))
        await asyncio.sleep(1)


async def _run(script: str, path: str, seconds: float) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, path, str(seconds))
    await process.wait()
