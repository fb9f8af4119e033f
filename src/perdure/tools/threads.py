"""Threads for functions that block. They are daemons, so that a function that hangs cannot keep the process alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeAlias

Job: TypeAlias = tuple[Context, Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]

IDLE = 16
"""Threads kept waiting for the next call; more are made when all are busy, and end when they are done."""


class Threads:
    """Runs functions beside the event loop, each in a thread of its own, with the caller's context variables."""

    def __init__(self, idle: int = IDLE) -> None:
        self._most = idle
        self._idle: list[SimpleQueue[Job]] = []
        self._lock = Lock()

    async def run(self, function: Callable[[], Any]) -> Any:
        """The function's result. When the caller is cancelled it returns at once, and the function runs on unheard."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        with self._lock:
            queue = self._idle.pop() if self._idle else None
        if queue is None:
            queue = SimpleQueue()
            Thread(target=self._work, args=(queue,), name="perdure-tool", daemon=True).start()
        queue.put((copy_context(), function, loop, future))
        return await future

    def _work(self, queue: SimpleQueue[Job]) -> None:
        while True:
            context, function, loop, future = queue.get()
            result, error = None, None
            try:
                result = context.run(function)
            except BaseException as caught:  # noqa: BLE001 - handed to the caller, like concurrent.futures does
                error = caught
            # Idle before the caller hears of it, so that its next call finds this thread.
            with self._lock:
                stay = len(self._idle) < self._most
                if stay:
                    self._idle.append(queue)
            try:
                loop.call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:
                pass  # the loop is closed: nobody waits for this any more
            if not stay:
                return
            del context, function, loop, future, result, error


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):  # a future cannot carry it
        future.set_exception(RuntimeError("the function raised StopIteration"))
    else:
        future.set_exception(error)


THREADS = Threads()
"""One for the process: threads are its affair, not a loop's."""
