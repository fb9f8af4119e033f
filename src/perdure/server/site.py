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


class Site:
    """One running server. `access` is there before the first request. `stopping` is set when it begins to stop: streams
    end then, and nothing new is waited for."""

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
