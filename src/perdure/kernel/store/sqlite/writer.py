"""The one writer: all commits that wait at a moment share one transaction and one fsync.

Statements take microseconds and are done on the event loop; what waits is left to a thread: the disk, at the end of a
transaction, and another process that holds the file, at its beginning. A thread that did it all would fight the loop
for the interpreter at every statement (docs/decisions/0005).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from time import perf_counter
from typing import Any, TypeAlias

import apsw

from perdure.base.errors import PerdureError, StoreError
from perdure.kernel.store.ops import CollectGarbage, DeleteAgent, DeleteRun, ForgetExpired, Guard, Op, Restore
from perdure.kernel.store.refusals import unstorable
from perdure.kernel.store.written import Written

from .apply import apply
from .faults import fault
from .guards import CHECKS
from .transaction import Transaction

BATCH = 128
"""Commits of one transaction: what the loop does in some milliseconds."""

_LONG = frozenset((CollectGarbage, DeleteAgent, DeleteRun, ForgetExpired, Restore))
"""Operations that may take long: they are left to the thread."""

_FAILURES = (PerdureError, TypeError, ValueError, OverflowError, apsw.TooBigError)
"""What a commit may fail with without harm to others."""

Loop: TypeAlias = asyncio.AbstractEventLoop
Future: TypeAlias = "asyncio.Future[list[Any]]"
Outcome: TypeAlias = list[Any] | PerdureError
Commit: TypeAlias = tuple[Loop, Future, Sequence[Op], Sequence[Guard]]


def _takes_long(batch: list[Commit]) -> bool:
    for _, _, ops, _ in batch:
        for op in ops:
            if type(op) in _LONG:
                return True
    return False


class Writer:
    """Owns `connection` from its start on, and closes it at its end.

    The connection is the loop's until a batch is handed to the thread (`_is_away`), and then the thread's until it
    hands the outcomes back.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        transaction: Transaction,
        path: str,
        busy_ms: int,
        probe: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._transaction = transaction
        self._path = path
        self._busy_ms = busy_ms
        self._probe = probe
        self.written = Written()
        self._gathered: list[Commit] = []
        self._loop: Loop | None = None  # that submitted last
        self._is_away = False
        self._handed: SimpleQueue[tuple[list[Commit], list[Outcome] | None] | None] = SimpleQueue()
        self._ended: asyncio.Future[None] | None = None
        connection.set_busy_timeout(0)
        self._thread = Thread(target=self._run, name="perdure-store", daemon=True)
        self._thread.start()

    # -- on the loop --------------------------------------------------------------------------------------------------

    def submit(self, ops: Sequence[Op], guards: Sequence[Guard]) -> Future:
        loop = asyncio.get_running_loop()
        future: Future = loop.create_future()
        # Not at once: what else this turn of the loop brings goes into the same transaction.
        if not self._is_away and (not self._gathered or loop is not self._loop):
            loop.call_soon(self._turn)
        self._loop = loop
        self._gathered.append((loop, future, ops, guards))
        return future

    def _turn(self) -> None:
        """Write what has gathered, and let the thread wait for the disk."""
        if self._is_away:
            return
        batch = self._gathered[:BATCH]
        if batch:
            del self._gathered[:BATCH]
            self._is_away = True
            self._handed.put((batch, None if _takes_long(batch) else self._write(batch)))
        elif self._ended is not None:
            self._is_away = True
            self._handed.put(None)

    def _landed(self, batch: list[Commit], outcomes: list[Outcome]) -> None:
        if len(self._gathered) >= BATCH:
            self._turn()  # a batch is full: the disk takes it while the loop goes on
        here = asyncio.get_running_loop()
        for (loop, future, _, _), outcome in zip(batch, outcomes, strict=True):
            if loop is not here or future.done():
                continue
            if isinstance(outcome, PerdureError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        # After those who have waited, so that what they commit next is in it.
        here.call_soon(self._turn)

    @property
    def changed(self) -> int:
        return self._transaction.changed

    async def close(self) -> None:
        """Write what waits, then end the thread. To be called once, with nothing submitted afterwards."""
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._turn()
        await self._ended
        self._thread.join()

    # -- one transaction ----------------------------------------------------------------------------------------------

    def _write(self, batch: list[Commit]) -> list[Outcome] | None:
        """What became of each commit, with the transaction left open; closed where it failed as a whole. None where
        another process holds the file."""
        try:
            return self._statements(batch)
        except apsw.BusyError:
            return None
        except Exception as error:
            return self._failed(batch, error)

    def _write_patiently(self, batch: list[Commit]) -> list[Outcome]:
        """The same, and another process is waited for."""
        self._connection.set_busy_timeout(self._busy_ms)
        try:
            return self._statements(batch)
        except Exception as error:
            return self._failed(batch, error)
        finally:
            self._connection.set_busy_timeout(0)

    def _statements(self, batch: list[Commit]) -> list[Outcome]:
        """Commits hardly ever fail half-way, so only where one does all are done again, each with a savepoint of its
        own to go back to."""
        transaction = self._transaction
        transaction.begin()
        outcomes = self._all_or_none(batch)
        if outcomes is None:
            transaction.abandon()
            transaction.begin()
            outcomes = [self._one(ops, guards) for _, _, ops, guards in batch]
        return outcomes

    def _commit(self, batch: list[Commit], outcomes: list[Outcome]) -> list[Outcome]:
        """Bring the open transaction to the disk; where that fails, everything in it has failed."""
        try:
            self._probe("store.before_commit")
            started = perf_counter()
            self._transaction.commit()
            self.written.note(len(batch), perf_counter() - started)
        except Exception as error:
            return self._failed(batch, error)
        self._probe("store.after_commit")
        return outcomes

    def _failed(self, batch: list[Commit], error: Exception) -> list[Outcome]:
        code = self._connection.system_errno
        self._transaction.abandon()
        return [error if isinstance(error, StoreError) else fault(error, self._path, code) for _ in batch]

    def _all_or_none(self, batch: list[Commit]) -> list[Outcome] | None:
        """What became of each commit; None where one failed after it had written something."""
        transaction = self._transaction
        outcomes: list[Outcome] = []
        try:
            for _, _, ops, guards in batch:
                refusal = self._refusal(guards)
                if refusal is None:
                    outcomes.append(apply(transaction, ops))
                    transaction.accept()
                else:
                    outcomes.append(refusal)
            transaction.write()
        except _FAILURES:
            return None
        return outcomes

    def _one(self, ops: Sequence[Op], guards: Sequence[Guard]) -> Outcome:
        transaction = self._transaction
        refusal = self._refusal(guards)
        if refusal is not None:
            return refusal
        transaction.mark()
        try:
            results = apply(transaction, ops)
            transaction.accept()
        except _FAILURES as error:
            transaction.undo()
            if isinstance(error, PerdureError):
                return error
            refused = unstorable(error)
            refused.__cause__ = error
            return refused
        return results

    def _refusal(self, guards: Sequence[Guard]) -> PerdureError | None:
        for guard in guards:
            refusal = CHECKS[type(guard)](self._transaction, guard)
            if refusal is not None:
                return refusal
        return None

    # -- in the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (handed := self._handed.get()) is not None:
            batch, outcomes = handed
            if outcomes is None:
                outcomes = self._write_patiently(batch)
            if self._connection.in_transaction:
                outcomes = self._commit(batch, outcomes)
            self._hand_back(batch, outcomes)
        self._end()

    def _hand_back(self, batch: list[Commit], outcomes: list[Outcome]) -> None:
        """Resolve the futures with one call into each event loop, also into one that only waits for its turn."""
        loops = {loop for loop, _, _, _ in batch}
        self._is_away = False
        if self._loop is not None:
            loops.add(self._loop)
        for loop in loops:
            try:
                loop.call_soon_threadsafe(self._landed, batch, outcomes)
            except RuntimeError:
                pass  # the loop is closed: nobody waits any more

    def _end(self) -> None:
        try:
            self._connection.pragma("wal_checkpoint", "TRUNCATE")
        except apsw.Error:
            pass  # others read or write; the last to leave does it
        self._connection.close()
        if self._ended is not None:
            self._ended.get_loop().call_soon_threadsafe(self._ended.set_result, None)
