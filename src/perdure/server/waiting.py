"""Waiting for a run, no longer than the client wants to."""

from __future__ import annotations

import asyncio

from perdure.control.results import RunResult
from perdure.kernel.store.rows import RunRow

from .site import Site


async def result_within(site: Site, run: RunRow, ms: int) -> RunResult | None:
    """The run's result, None where it does not come to rest in `ms` milliseconds."""
    if ms <= 0:
        return None
    try:
        async with asyncio.timeout(ms / 1000):
            return await site.runtime.wait(run)
    except TimeoutError:
        return None
