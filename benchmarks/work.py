"""The work that scenarios measure, whoever does it: `ask` answers a question in a conversation of that name."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from statistics import median
from time import monotonic_ns
from urllib.parse import urlsplit

from connection import Watcher
from measure import Meter, pace_ms, quantile, rss_mb
from pacing import Pace, delays_ms

Ask = Callable[[str], Awaitable[None]]
"""Has the question answered in the conversation named, and raises unless the answer is right."""
WARM = 10
"""Runs of `alone` before those that are measured."""
Stream = Callable[[str], AsyncIterator[str]]
"""Asks this, and yields the answer's text as it comes."""


async def alone(ask: Ask, runs: int) -> dict[str, float]:
    """One run at a time, each in a conversation of its own: milliseconds of the whole, model included."""
    for number in range(WARM):
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


async def thousand(ask: Ask, runs: int) -> dict[str, float]:
    """So many runs that all begin at the same moment, each in a conversation of its own."""
    await asyncio.gather(*(ask(f"warm-{number}") for number in range(64)))
    meter = Meter()
    await asyncio.gather(*(ask(f"run-{number}") for number in range(runs)))
    return {"runs": runs, "all_ms": meter.wall_ms, "cpu_ms_per_run": meter.cpu_ms / runs, "rss_mb": rss_mb()}


async def words(stream: Stream, url: str, words: int, every_ms: int) -> dict[str, float]:
    """What a stream adds to the time that a word takes from the model server to here, by a bare socket's."""
    pace = Pace(words, every_ms)

    async def ours() -> list[tuple[int, bytes]]:
        return [(monotonic_ns(), piece.encode()) async for piece in stream(pace.question)]

    await ours()  # the first is warm
    both = await asyncio.gather(ours(), heard(url, pace))  # a slow moment of the machine falls on both
    late, bare = map(delays_ms, both)
    if len(late) < words * 9 // 10:
        raise SystemExit(f"of {words} words {len(late)} were heard one by one")
    return {
        "words": words,
        "added_p50_ms": quantile(late, 0.5) - quantile(bare, 0.5),
        "added_p99_ms": quantile(late, 0.99) - quantile(bare, 0.99),
        "bare_p50_ms": quantile(bare, 0.5),
    }


async def heard(url: str, pace: Pace) -> list[tuple[int, bytes]]:
    """An answer of the model server as a bare socket hears it."""
    at = urlsplit(url)
    assert at.hostname is not None and at.port is not None
    body = json.dumps(
        {"model": "bench", "stream": True, "messages": [{"role": "user", "content": pace.question}]}
    ).encode()
    request = b"POST /v1/chat/completions HTTP/1.1\r\nhost: model\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    watcher = await Watcher.open(at.port, request)
    await watcher.whole()
    return watcher.pieces
