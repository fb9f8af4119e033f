"""Request and reply: ask whoever subscribes to a topic, and take the first answer."""

from __future__ import annotations

from typing import Any

from perdure.kernel.context import Context

from .answers import Answer, ask_all
from .kinds import AFTERWARDS, TIMEOUT


async def request(ctx: Context, topic: str, payload: Any, *, timeout_ms: int) -> Answer | None:
    """The first answer to a request; None when the time is up, which is told on the topic as `collab.timeout`."""
    answers = await ask_all(ctx, [topic], payload, most=1, timeout_ms=timeout_ms)
    if answers:
        return answers[0]
    ctx.topics.publish(topic, {"reason": "request_timeout"}, kind=TIMEOUT, priority=AFTERWARDS)
    return None
