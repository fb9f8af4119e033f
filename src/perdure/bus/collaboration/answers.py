"""Answers to requests over topics, from agents and from programs alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from perdure.base.envelope import Envelope
from perdure.base.errors import InputError
from perdure.kernel.context import Context

from .kinds import CALL

_OF_A_RUN = frozenset(("run_id", "agent_id", "status", "output", "error", "cost"))


class Answer(msgspec.Struct, frozen=True):
    """What somebody answered. `error` is set where it was an agent whose run failed."""

    sender: str
    payload: Any
    error: dict[str, Any] | None = None


async def ask_all(
    ctx: Context, topics: Sequence[str], payload: Any, *, most: int | None, timeout_ms: int, thread: str = ""
) -> list[Answer]:
    """Publish a request to each topic, and take answers until there are `most` (None: any number) or the time is up.
    Of several answers of one sender to one of the requests the first counts."""
    if timeout_ms <= 0:
        raise InputError("answers are waited for; give them some time")
    answers = f"reply.{ctx.uuid()}"
    found: dict[tuple[str, str], Answer] = {}
    async with ctx.topics.listening(answers) as heard:
        until = await ctx.now() + timeout_ms
        for number, topic in enumerate(topics):
            asked = f"{answers}.{number}"
            ctx.topics.publish(
                topic, payload, kind=CALL, reply_to=answers, correlation=asked, expires_in_ms=timeout_ms, thread=thread
            )
        while most is None or len(found) < most:
            left = until - await ctx.now()
            answer = await ctx.topics.hear(heard, timeout_ms=left) if left > 0 else None
            if answer is None:
                break
            found.setdefault((answer.correlation, answer.sender), read(answer))
    return list(found.values())


def read(answer: Envelope) -> Answer:
    """What an envelope answers: the output of a run, or just what was said."""
    said = answer.payload
    if isinstance(said, dict) and said.keys() == _OF_A_RUN and isinstance(said["error"], dict | None):
        return Answer(answer.sender, said["output"], said["error"])
    return Answer(answer.sender, said)
