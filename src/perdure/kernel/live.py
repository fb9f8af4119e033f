"""What runs are saying right now. Nothing here is durable: the journal is the truth, this is the hint."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Listener(Protocol):
    """Takes (run id, item) at once, as a queue without a bound does."""

    def put_nowait(self, item: tuple[str, Any], /) -> None: ...


class Live:
    """Listeners by run id. An item is a record just committed, a delta of a model, or a line of a log."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}
        self._deaf: list[Listener] = []

    def watched(self, run_id: str) -> bool:
        """Whether somebody wants to know of records."""
        return bool(self._listeners) and (run_id in self._listeners or "" in self._listeners)

    def heard(self, run_id: str) -> bool:
        """Whether somebody wants all that is said besides."""
        if not self._listeners:
            return False
        return any(one not in self._deaf for id in (run_id, "") for one in self._listeners.get(id, ()))

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
    def attached(self, listener: Listener, run_id: str = "", *, text: bool = True) -> Iterator[None]:
        """Hand a listener what `listen` would give. For one that wants no `text` none is made: it may still get some
        that others want."""
        self._listeners.setdefault(run_id, []).append(listener)
        if not text:
            self._deaf.append(listener)
        try:
            yield
        finally:
            if not text:
                self._deaf.remove(listener)
            self._listeners[run_id].remove(listener)
            if not self._listeners[run_id]:
                del self._listeners[run_id]
