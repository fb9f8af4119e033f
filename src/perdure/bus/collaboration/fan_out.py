"""Fan-out and fan-in: ask many, and go on with those who answer first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from perdure.base.errors import InputError
from perdure.kernel.context import Context

from .answers import Answer, ask_all
from .summary import summarize


async def fan_out(
    ctx: Context, topics: Sequence[str], payload: Any, *, first: int, timeout_ms: int, summary_to: str = ""
) -> list[Answer]:
    """Ask on every topic; the `first` so many answers, or fewer where the time was up before. How it came out is
    published as `collab.summary` on the topic `summary_to`, where one is named. Raises InputError."""
    if first < 1:
        raise InputError(f"{first} answers are none to wait for")
    if not topics:
        return []
    answers = await ask_all(ctx, topics, payload, most=first, timeout_ms=timeout_ms)
    summarize(ctx, summary_to, {"asked": len(topics), "received": len(answers), "wanted": first})
    return answers
