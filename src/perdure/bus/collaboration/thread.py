"""Threads: what belongs together is told to all who joined."""

from __future__ import annotations

from typing import Any

from perdure.kernel.context import Context

from .kinds import BROADCAST


def topic_of(thread: str) -> str:
    return f"thread.{thread}.broadcast"


def broadcast(ctx: Context, payload: Any, *, thread: str = "") -> str:
    """Tell everybody in the thread, by default that of the message that began this run; gives the event's id."""
    thread = thread or ctx.envelope.thread or ctx.envelope.id
    return ctx.topics.publish(topic_of(thread), payload, kind=BROADCAST, thread=thread)


async def join(ctx: Context, thread: str, *, input: str = "") -> str:
    """Let broadcasts in a thread begin runs of this agent; `ctx.topics.unsubscribe` takes the id that this gives."""
    return await ctx.topics.subscribe(topic_of(thread), input=input)
