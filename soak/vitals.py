"""How much memory, how many files and how long a log the servers have, from one second to the next."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from statistics import linear_regression, median
from typing import NamedTuple

from world import Server, World

PAGE = os.sysconf("SC_PAGE_SIZE")
WAL_MOST = 64 << 20
RSS_SLACK_MB = 12.0
FD_SLACK = 24


class Sample(NamedTuple):
    at: float
    rss_mb: float
    fds: int


class Calm(NamedTuple):
    """What became of one server between two samples: medians of the first and the last third of a calm stretch."""

    seconds: float
    rss_mb: float
    rss_growth_mb: float
    rss_mb_per_minute: float
    fds: int
    fd_growth: int


class Vitals:
    def __init__(self, world: World) -> None:
        self.wal_most = 0
        self.rss_most = 0.0
        self._world = world
        self._samples: dict[tuple[int, int], list[Sample]] = {}

    async def watch(self) -> None:
        """Until this is cancelled."""
        while True:
            self._look()
            await asyncio.sleep(1)

    def calm(self, since: float) -> list[Calm]:
        """Of the processes that lived from `since` (monotonic) to now."""
        alive = {(server.port, server.pid) for server in self._world.servers if server.pid}
        found = []
        for which in alive:
            samples = [one for one in self._samples.get(which, []) if one.at >= since]
            if len(samples) >= 9:
                found.append(_calm(samples))
        self._samples.clear()
        return found

    def _look(self) -> None:
        wal = self._world.database.with_name("perdure.db-wal")
        self.wal_most = max(self.wal_most, wal.stat().st_size if wal.exists() else 0)
        for server in self._world.servers:
            if (sample := _sample(server)) is not None:
                self.rss_most = max(self.rss_most, sample.rss_mb)
                self._samples.setdefault((server.port, server.pid), []).append(sample)


def _sample(server: Server) -> Sample | None:
    if not server.pid:
        return None
    process = Path(f"/proc/{server.pid}")
    try:
        pages = int((process / "statm").read_text().split()[1])
        return Sample(time.monotonic(), pages * PAGE / 2**20, len(os.listdir(process / "fd")))
    except (OSError, IndexError):
        return None  # it has just died


def _calm(samples: list[Sample]) -> Calm:
    third = len(samples) // 3
    early, late = samples[:third], samples[-third:]
    rss, fds = ([median(one[field] for one in part) for part in (early, late)] for field in (1, 2))
    slope = linear_regression([one.at for one in samples], [one.rss_mb for one in samples]).slope
    return Calm(samples[-1].at - samples[0].at, rss[1], rss[1] - rss[0], slope * 60, int(fds[1]), int(fds[1] - fds[0]))


def wrong(calm: list[Calm], wal_most: int) -> list[str]:
    found = []
    for one in calm:
        if one.rss_growth_mb > RSS_SLACK_MB:
            found.append(f"a server grew by {one.rss_growth_mb:.1f} MB in {one.seconds:.0f} s of calm")
        if one.fd_growth > FD_SLACK:
            found.append(f"a server has {one.fd_growth} files more open than {one.seconds:.0f} s before")
    if wal_most > WAL_MOST:
        found.append(f"the log of the database grew to {wal_most >> 20} MB")
    return found
