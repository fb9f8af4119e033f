"""Summaries: how something that many took part in came out, for whoever follows it."""

from __future__ import annotations

from typing import Any

from perdure.kernel.context import Context

from .kinds import AFTERWARDS, SUMMARY


def summarize(ctx: Context, topic: str, facts: dict[str, Any]) -> None:
    """Publish the facts as `collab.summary`; to nobody where no topic is named."""
    if topic:
        ctx.topics.publish(topic, facts, kind=SUMMARY, priority=AFTERWARDS)
