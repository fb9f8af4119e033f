"""What runs are saying right now. Nothing here is durable: the journal is the truth, this is the hint."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Live:
    """Listeners by run id. An item is a record just committed, a delta of a model, or a line of a log."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[asyncio.Queue[Any]]] = {}

    def watched(self, run_id: str) -> bool:
        return run_id in self._listeners or "" in self._listeners

    def publish(self, run_id: str, item: Any) -> None:
        for listener in (*self._listeners.get(run_id, ()), *self._listeners.get("", ())):
            listener.put_nowait((run_id, item))

    @contextmanager
    def listen(self, run_id: str = "") -> Iterator[asyncio.Queue[Any]]:
        """A queue of (run id, item) for one run, or for all where `run_id` is ""."""
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self._listeners.setdefault(run_id, []).append(queue)
        try:
            yield queue
        finally:
            self._listeners[run_id].remove(queue)
            if not self._listeners[run_id]:
                del self._listeners[run_id]
