"""A worker's lease: its heartbeat row, on which the claim to every agent that it holds rests."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from perdure.base.clock import Clock

from .settings import Settings
from .store.ops import Guard, Heartbeat
from .store.port import Store
from .store.rows import WorkerRow


class Lease:
    """`worker` is this process's id; it is registered before its first claim and renewed by the pulse."""

    def __init__(self, store: Store, clock: Clock, settings: Settings, worker: str) -> None:
        self.worker = worker
        self._store = store
        self._clock = clock
        self._settings = settings
        self._started_at = clock.now()
        self._beaten_at = 0

    async def hold(self) -> None:
        """Register this worker, once, before it claims anything."""
        if self._settings.has_lease and not self._beaten_at:
            await self.renew()

    @property
    def stale_before(self) -> int:
        """A heartbeat older than this has lapsed."""
        return self._clock.now() - self._settings.lease_ms

    @property
    def is_due(self) -> bool:
        every = self._settings.heartbeat_ms
        return every is not None and self._beaten_at > 0 and self._clock.now() - self._beaten_at >= every

    @property
    def is_old(self) -> bool:
        """Whether it may lapse before something that is begun now has reached the outside."""
        return self._beaten_at > 0 and self._clock.now() - self._beaten_at > self._settings.lease_ms // 2

    async def is_alive(self, worker: str) -> bool:
        """Whether this is us, or somebody whose heartbeat has not lapsed."""
        if worker == self.worker:
            return True
        await self._store.reap()
        workers = await self._store.workers()
        return any(row.id == worker and row.heartbeat_at >= self.stale_before for row in workers)

    async def renew(self, guards: Sequence[Guard] = ()) -> None:
        now = self._clock.now()
        row = WorkerRow(self.worker, now, self._started_at, os.getpid(), socket.gethostname())
        await self._store.commit([Heartbeat(row)], guards)
        self._beaten_at = now
