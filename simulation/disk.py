"""The disk that all processes share, and each one's way to it: slow, sometimes busy, and gone when the process is.

A process that dies hears nothing any more: what it waits for never comes. So it stands still where it is, as one that
was killed, and what it had not written is not written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from faults import Faults
from ledger import Ledger
from topics import Logged

from perdure.base.errors import PerdureError, StoreBusy
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import Guard, HasFence, Op, PublishEvent, Unclaim


class Disk:
    """`writes` counts commits that wrote something, by whoever; `log` is every event that ever came into the log."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.writes = 0
        self.log: list[Logged] = []
        self.ledger = Ledger()

    def commit(self, ops: Sequence[Op], guards: Sequence[Guard]) -> list[Any]:
        results = self.store._transact(self.store._tables, ops, guards)
        self.ledger.enter(ops)
        for op, result in zip(ops, results, strict=True):
            if isinstance(op, PublishEvent) and result[1]:
                self.log.append(Logged(result[0], op.id, op.topic))
        return results


class Port:
    """A `Store` for one process. Commits take effect in the order in which they were handed in, some at a time. `kept`
    says that it could not give up an agent when it wanted to."""

    def __init__(self, disk: Disk, chance: Random, faults: Faults, die: Callable[[str], None]) -> None:
        self.is_dead = False
        self.kept = False
        self._disk = disk
        self._chance = chance
        self._faults = faults
        self._die = die
        self._waiting: list[tuple[Sequence[Op], Sequence[Guard], asyncio.Future[list[Any]]]] = []
        self._is_writing = False
        self._own = 0
        self._others = 0

    def commit(self, ops: Sequence[Op], guards: Sequence[Guard] = ()) -> asyncio.Future[list[Any]]:
        loop = asyncio.get_running_loop()
        written: asyncio.Future[list[Any]] = loop.create_future()
        if not self.is_dead:
            if self._faults.forget_fences:
                guards = [guard for guard in guards if not isinstance(guard, HasFence)]
            self._waiting.append((ops, guards, written))
            if not self._is_writing:
                self._is_writing = True
                loop.call_later(self._latency(), self._write)
        return written

    def _latency(self) -> float:
        """Seconds until the disk turns to what waits."""
        slow = self._chance.random() < self._faults.slow_disk
        return self._chance.uniform(0.2, 3.0) if slow else self._chance.uniform(0.0, 0.004)

    def _write(self) -> None:
        """One transaction: those that wait, each as if alone; then the disk is waited for."""
        if self._faults.dies(self._chance, "before the disk"):
            self._die("before the disk")
        if self.is_dead:
            return
        batch, self._waiting = self._waiting, []
        outcomes: list[list[Any] | PerdureError]
        if self._chance.random() < self._faults.busy_disk:
            outcomes = [StoreBusy("somebody else has the file") for _ in batch]
            self.kept = self.kept or any(isinstance(op, Unclaim) for ops, _, _ in batch for op in ops)
        else:
            outcomes = [self._apply(ops, guards) for ops, guards, _ in batch]
        if self._faults.dies(self._chance, "after the disk"):
            self._die("after the disk")
        asyncio.get_running_loop().call_later(self._latency() / 2, self._tell, batch, outcomes)

    def _apply(self, ops: Sequence[Op], guards: Sequence[Guard]) -> list[Any] | PerdureError:
        self._others = self._disk.writes - self._own
        try:
            results = self._disk.commit(ops, guards)
        except PerdureError as error:
            return error
        if ops:
            self._disk.writes += 1
            self._own += 1
        return results

    def _tell(self, batch: list[Any], outcomes: list[list[Any] | PerdureError]) -> None:
        if self.is_dead:
            return
        for (_, _, written), outcome in zip(batch, outcomes, strict=True):
            if written.done():
                continue
            if isinstance(outcome, PerdureError):
                written.set_exception(outcome)
                written.exception()  # whoever cancelled the wait meanwhile does not ask
            else:
                written.set_result(outcome)
        if self._waiting:
            asyncio.get_running_loop().call_later(self._latency(), self._write)
        else:
            self._is_writing = False

    def changed(self) -> int:
        return self._others

    async def close(self) -> None:
        self.is_dead = True

    def __getattr__(self, question: str) -> Callable[..., Any]:
        """Any of the store's questions."""
        ask = getattr(self._disk.store, question)

        async def asked(*args: Any, **more: Any) -> Any:
            if self._chance.random() < 0.3:
                await asyncio.sleep(self._chance.uniform(0.0, 0.002))
            if self.is_dead:
                await asyncio.get_running_loop().create_future()
            if self._chance.random() < self._faults.busy_reads:
                raise StoreBusy("somebody else has the file")
            return await ask(*args, **more)

        return asked
