"""The work that scenarios measure, whoever does it: `ask` answers a question in a conversation of that name."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from statistics import median

from measure import Meter, pace_ms, quantile

Ask = Callable[[str], Awaitable[None]]
"""Has the question answered in the conversation named, and raises unless the answer is right."""


async def alone(ask: Ask, runs: int) -> dict[str, float]:
    """One run at a time, each in a conversation of its own: milliseconds of the whole, model included."""
    for number in range(10):
        await ask(f"warm-{number}")
    took: list[float] = []
    meter = Meter()
    for number in range(runs):
        each = Meter()
        await ask(f"alone-{number}")
        took.append(each.wall_ms)
    return {
        "runs": runs,
        "whole_p50_ms": quantile(took, 0.5),
        "whole_p99_ms": quantile(took, 0.99),
        "cpu_ms_per_run": meter.cpu_ms / runs,
    }


async def at_once(ask: Ask, runs: int, clients: int) -> dict[str, float]:
    """So many runs by so many clients, each run in a conversation of its own, after four warm ones by every client."""

    async def client(name: str, count: int) -> None:
        for number in range(count):
            await ask(f"{name}-{number}")

    async def all_clients(name: str, count: int) -> None:
        await asyncio.gather(*(client(f"{name}-{number}", count) for number in range(clients)))

    await all_clients("warm", 4)  # connections, code paths and caches are warm
    each = max(1, runs // clients)
    meter = Meter()
    await all_clients("run", each)
    wall, cpu = meter.wall_ms, meter.cpu_ms
    done = each * clients
    return {"runs": done, "cpu_ms_per_run": cpu / done, "runs_per_s": done / wall * 1000, "pace_ms": pace_ms()}


async def conversation(ask: Ask, turns: int) -> dict[str, float]:
    """So many questions in one conversation: CPU of a turn in its second fifth and in its last."""
    took: list[float] = []
    for _ in range(turns):
        meter = Meter()
        await ask("one")
        took.append(meter.cpu_ms)
    gc.collect()
    part = turns // 5
    early, late = median(took[part : 2 * part]), median(took[-part:])
    return {"turns": turns, "turn_cpu_ms_early": early, "turn_cpu_ms_late": late, "growth": late / early}
