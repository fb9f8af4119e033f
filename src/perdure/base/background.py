"""Work that goes on beside the rest of a process until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any


class Background:
    """One task of `work`. Started again while it runs, or stopped when it does not, nothing happens."""

    def __init__(self, work: Callable[..., Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._task is not None

    def start(self, *args: Any) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._work(*args))

    async def stop(self) -> None:
        """End it and wait until it has ended. Raises what it failed with before."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
