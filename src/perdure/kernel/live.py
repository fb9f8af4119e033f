"""What runs are saying right now. Nothing here is durable: the journal is the truth, this is the hint."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from .records import Record


class Listener(Protocol):
    """Takes (run id, item) at once, as a queue without a bound does."""

    def put_nowait(self, item: tuple[str, Any], /) -> None: ...


RECORDS = "*"
"""Stands for all runs, of which only the records are to be told: for their sake no model has to stream."""


class Live:
    """Listeners by run id. An item is a record just committed, a delta of a model, or a line of a log."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}

    def watched(self, run_id: str) -> bool:
        return bool(self._listeners) and (run_id in self._listeners or "" in self._listeners)

    def recorded(self, run_id: str) -> bool:
        """Whether somebody is told of this run's records."""
        return bool(self._listeners) and (self.watched(run_id) or RECORDS in self._listeners)

    def tell(self, run_id: str, record: Record) -> None:
        """Publish a record, also to those who are told of nothing else."""
        self.publish(run_id, record)
        for listener in self._listeners.get(RECORDS, ()):
            listener.put_nowait((run_id, record))

    def publish(self, run_id: str, item: Any) -> None:
        for listener in (*self._listeners.get(run_id, ()), *self._listeners.get("", ())):
            listener.put_nowait((run_id, item))

    @contextmanager
    def listen(self, run_id: str = "") -> Iterator[asyncio.Queue[Any]]:
        """A queue of (run id, item) for one run, or for all where `run_id` is ""."""
        queue: asyncio.Queue[Any] = asyncio.Queue()
        with self.attached(queue, run_id):
            yield queue

    @contextmanager
    def attached(self, listener: Listener, run_id: str = "") -> Iterator[None]:
        """Hand a listener what `listen` would give."""
        self._listeners.setdefault(run_id, []).append(listener)
        try:
            yield
        finally:
            self._listeners[run_id].remove(listener)
            if not self._listeners[run_id]:
                del self._listeners[run_id]
