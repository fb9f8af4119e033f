"""Barrier: nobody goes on before all are there."""

from __future__ import annotations

import msgspec

from perdure.base.errors import InputError
from perdure.kernel.context import Context

from .kinds import AFTERWARDS, BARRIER, TIMEOUT


class Met(msgspec.Struct, frozen=True):
    """`parties` are the agents that were there, in the order in which they came; `complete`: all of them."""

    parties: tuple[str, ...]
    complete: bool


async def barrier(ctx: Context, name: str, parties: int, *, timeout_ms: int) -> Met:
    """Come to the barrier `name`, and wait until so many agents are there or the time is up. Those that come, and who
    waited in vain, are published on `barrier.<name>`. A name is for one meeting: put a thread's id into it."""
    if parties < 1 or timeout_ms <= 0:
        raise InputError("a barrier is for one party or more, and takes some time")
    topic = f"barrier.{name}"
    until = await ctx.now() + timeout_ms
    ctx.topics.publish(topic, {"party": ctx.agent_id, "parties": parties}, kind=BARRIER)
    there: dict[str, None] = {}
    # After 0: also those that were there before. Two branches of a run may come to one barrier, and both hear of all.
    async with ctx.topics.listening(topic, after=0, name=ctx.place) as heard:
        while len(there) < parties:
            left = until - await ctx.now()
            event = await ctx.topics.hear(heard, timeout_ms=left) if left > 0 else None
            if event is None:
                break
            if event.kind == BARRIER:
                there.setdefault(event.sender)
    if len(there) < parties:
        facts = {"reason": "barrier_timeout", "there": list(there), "parties": parties}
        ctx.topics.publish(topic, facts, kind=TIMEOUT, priority=AFTERWARDS)
    return Met(tuple(there), len(there) >= parties)
