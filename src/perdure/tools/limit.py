"""A bound on the time of one call: what `asyncio.timeout` does, at a quarter of its price."""

from __future__ import annotations

import asyncio


class Limit:
    """Cancels the task that makes it when `ms` milliseconds have passed, unless `end` is called first.

    `end` is called once, whatever has become of the call. Where it says True for a CancelledError, that is this limit's
    doing and nobody else's.
    """

    __slots__ = ("_asked", "_is_over", "_task", "_timer")

    def __init__(self, ms: int) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._asked = task.cancelling()
        self._is_over = False
        self._timer = asyncio.get_running_loop().call_later(ms / 1000, self._expire)

    def _expire(self) -> None:
        self._is_over = True
        self._task.cancel()

    def end(self) -> bool:
        """Whether the time was up, and nobody else asked for the task's end meanwhile."""
        if not self._is_over:
            self._timer.cancel()
            return False
        return self._task.uncancel() <= self._asked
