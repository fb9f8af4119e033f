"""The one thread that writes: all commits that wait at a moment share one transaction and one fsync."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeAlias

import apsw

from perdure.base.errors import PerdureError, StoreError
from perdure.kernel.store.ops import Guard, Op
from perdure.kernel.store.refusals import unstorable

from .apply import apply
from .faults import fault
from .guards import CHECKS
from .transaction import Transaction

BATCH = 512

_FAILURES = (PerdureError, TypeError, ValueError, OverflowError, apsw.TooBigError)
"""What a commit may fail with without harm to others."""

Loop: TypeAlias = asyncio.AbstractEventLoop
Future: TypeAlias = "asyncio.Future[list[Any]]"
Outcome: TypeAlias = list[Any] | PerdureError
Commit: TypeAlias = tuple[Loop, Future, Sequence[Op], Sequence[Guard]]


class Writer:
    """Owns `connection` from its start on, and closes it at its end."""

    def __init__(
        self, connection: apsw.Connection, transaction: Transaction, path: str, probe: Callable[[str], None]
    ) -> None:
        self._connection = connection
        self._transaction = transaction
        self._path = path
        self._probe = probe
        self._waiting: SimpleQueue[list[Commit] | None] = SimpleQueue()
        self._gathered: list[Commit] = []
        self._ended: asyncio.Future[None]
        self._thread = Thread(target=self._run, name="perdure-store", daemon=True)
        self._thread.start()

    def submit(self, ops: Sequence[Op], guards: Sequence[Guard]) -> Future:
        loop = asyncio.get_running_loop()
        future: Future = loop.create_future()
        # What the loop's turn brings goes to the thread in one piece: a thread woken for each would find one at a time.
        if not self._gathered or self._gathered[-1][0] is not loop:
            loop.call_soon(self._hand_over)
        self._gathered.append((loop, future, ops, guards))
        return future

    def _hand_over(self) -> None:
        if self._gathered:
            self._waiting.put(self._gathered)
            self._gathered = []

    @property
    def changed(self) -> int:
        return self._transaction.changed

    async def close(self) -> None:
        """Write what waits, then end the thread. To be called once, with nothing submitted afterwards."""
        self._ended = asyncio.get_running_loop().create_future()
        self._hand_over()
        self._waiting.put(None)
        await self._ended
        self._thread.join()

    # -- in the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        waiting = self._waiting
        ended = False
        while not ended:
            batch: list[Commit] = []
            more = waiting.get()
            while more is not None:
                batch += more
                if len(batch) >= BATCH or waiting.empty():
                    break
                more = waiting.get()
            ended = more is None
            for first in range(0, len(batch), BATCH):
                part = batch[first : first + BATCH]
                _hand_back(part, self._write(part))
        self._end()

    def _write(self, batch: list[Commit]) -> list[Outcome]:
        """Write a batch in one transaction. Commits hardly ever fail half-way, so only where one does all are done
        again, each with a savepoint of its own to go back to."""
        transaction = self._transaction
        try:
            transaction.begin()
            outcomes = self._all_or_none(batch)
            if outcomes is None:
                transaction.abandon()
                transaction.begin()
                outcomes = [self._one(ops, guards) for _, _, ops, guards in batch]
            self._probe("store.before_commit")
            transaction.commit()
        except Exception as error:
            code = self._connection.system_errno
            transaction.abandon()
            return [error if isinstance(error, StoreError) else fault(error, self._path, code) for _ in batch]
        self._probe("store.after_commit")
        return outcomes

    def _all_or_none(self, batch: list[Commit]) -> list[Outcome] | None:
        """What became of each commit; None where one failed after it had written something."""
        transaction = self._transaction
        outcomes: list[Outcome] = []
        for _, _, ops, guards in batch:
            refusal = self._refusal(guards)
            if refusal is not None:
                outcomes.append(refusal)
                continue
            try:
                outcomes.append(apply(transaction, ops))
            except _FAILURES:
                return None
            transaction.accept()
        return outcomes

    def _one(self, ops: Sequence[Op], guards: Sequence[Guard]) -> Outcome:
        transaction = self._transaction
        refusal = self._refusal(guards)
        if refusal is not None:
            return refusal
        transaction.mark()
        try:
            results = apply(transaction, ops)
        except _FAILURES as error:
            transaction.undo()
            if isinstance(error, PerdureError):
                return error
            refused = unstorable(error)
            refused.__cause__ = error
            return refused
        transaction.accept()
        return results

    def _refusal(self, guards: Sequence[Guard]) -> PerdureError | None:
        for guard in guards:
            refusal = CHECKS[type(guard)](self._transaction, guard)
            if refusal is not None:
                return refusal
        return None

    def _end(self) -> None:
        try:
            self._connection.pragma("wal_checkpoint", "TRUNCATE")
        except apsw.Error:
            pass  # others read or write; the last to leave does it
        self._connection.close()
        self._ended.get_loop().call_soon_threadsafe(self._ended.set_result, None)


def _hand_back(batch: list[Commit], outcomes: list[Outcome]) -> None:
    """Resolve the futures with one call into each event loop."""
    by_loop: dict[Loop, list[tuple[Future, Outcome]]] = {}
    for (loop, future, _, _), outcome in zip(batch, outcomes, strict=True):
        by_loop.setdefault(loop, []).append((future, outcome))
    for loop, settled in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, settled)
        except RuntimeError:
            pass  # the loop is closed: nobody waits any more


def _resolve(settled: list[tuple[Future, Outcome]]) -> None:
    for future, outcome in settled:
        if future.done():
            continue
        if isinstance(outcome, PerdureError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
