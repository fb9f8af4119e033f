"""The engine's pulse: renews the lease, fires timers, and looks for work that nobody does."""

from __future__ import annotations

import asyncio
from typing import Protocol

from perdure.base.background import Background
from perdure.base.clock import Clock
from perdure.base.errors import StoreError

from .alarms import Alarms
from .leases import Lease
from .settings import Settings
from .store.port import Store
from .store.rows import Timer

AT_ONCE = 512


class Waker(Protocol):
    def fire(self, agent_id: str) -> None: ...
    def find_work(self, agent_id: str) -> None: ...
    def nudge(self) -> None:
        """Something changed in the store that another process wrote."""
        ...


class Pulse:
    """One task, alive while the engine is open."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Settings,
        lease: Lease,
        waker: Waker,
        alarms: Alarms | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._lease = lease
        self._waker = waker
        self._alarms = alarms
        self._early = asyncio.Event()
        self._work = Background(self._run)
        self._seen = -1
        self.trouble: StoreError | None = None

    def start(self) -> None:
        self._work.start()

    def hurry(self) -> None:
        """A timer was set that may be due before the next beat."""
        self._early.set()

    async def stop(self) -> None:
        await self._work.stop()

    async def _run(self) -> None:
        while True:
            due: int | None = None
            try:
                await self._beat()
                self._early.clear()
                due = await self._store.next_due()
                self.trouble = None
            except StoreError as error:
                self.trouble = error  # the store may come back; agents held meanwhile are under their fence
                due = self._clock.now() + self._settings.poll_ms
            await self._rest(due)

    async def _beat(self) -> None:
        if self._lease.is_due:
            await self._lease.renew()
        elif self._settings.has_lease:
            await self._store.commit([])  # so that the store notices what others wrote
        changed = self._store.changed()
        if changed != self._seen:
            self._seen = changed
            self._waker.nudge()
        for timer in await self._store.due(self._clock.now(), AT_ONCE):
            if not Alarms.owns(timer) or await self._alarm(timer):
                self._waker.fire(timer.agent_id)
        if self._settings.recover:
            await self._store.reap()
            for agent_id in await self._store.ready(self._lease.stale_before, AT_ONCE):
                self._waker.find_work(agent_id)

    async def _alarm(self, timer: Timer) -> bool:
        """Fire an alarm, where this process sees to agents that it was not asked for."""
        return self._alarms is not None and self._settings.recover and await self._alarms.fire(timer)

    async def _rest(self, due: int | None) -> None:
        """Sleep until the next beat or timer, or until told to hurry."""
        pause: float | None = self._settings.poll_ms if self._settings.has_lease else None
        if due is not None:
            # One that is overdue now is somebody else's, or being seen to: it is no reason to hurry.
            until = due - self._clock.now()
            until = until if until > 0 else self._settings.poll_ms
            pause = until if pause is None else min(pause, until)
        waited: list[asyncio.Task[object]] = [asyncio.create_task(self._early.wait())]
        if pause is not None:
            waited.append(asyncio.create_task(self._clock.sleep(pause)))
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waited:
                task.cancel()
