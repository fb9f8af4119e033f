"""What every endpoint of one server works with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from perdure.control.runtime import Runtime

from .frames import Frames
from .traffic import Traffic

if TYPE_CHECKING:
    from .access import Access

LAST_MS = 2_000
"""Of the grace period so much is kept, at most half of it, for runs whose requests did not end in time."""


class Site:
    """One running server. `access` is there before the first request. `stopping` is set when it begins to stop: streams
    end then, and nothing new is waited for. `grace_ms` is how long that may take; `is_restarting` says that another
    process takes over the socket."""

    def __init__(self, runtime: Runtime, *, report: Callable[[str], None]) -> None:
        self.runtime = runtime
        self.report = report
        self.settings = runtime.project.server
        self.started_at = runtime.clock.now()
        self.requests = 0
        self.frames = Frames()
        self.traffic = Traffic()
        self.access: Access
        self.stopping = asyncio.Event()
        self.grace_ms = runtime.project.lifecycle.grace_ms
        self.is_restarting = False
        self._ends_at = 0

    def stop(self) -> None:
        """Begin to stop."""
        if not self.stopping.is_set():
            self.stopping.set()
            self._ends_at = self.runtime.clock.now() + self.grace_ms

    @property
    def requests_ms(self) -> int:
        """How long requests under way may still take."""
        return max(0, self.left_ms - min(LAST_MS, self.grace_ms // 2))

    @property
    def left_ms(self) -> int:
        """What is left of the grace period."""
        return max(0, self._ends_at - self.runtime.clock.now()) if self.stopping.is_set() else self.grace_ms
