"""`publish`: a word to whoever listens to a topic."""

from __future__ import annotations

from typing import Any

from perdure.base.errors import ToolDenied
from perdure.base.topic import check_pattern, matches
from perdure.kernel.context import Context

from ..function import FunctionTool
from ..port import Tool
from .port import Builtin, Options, Setting


class PublishOptions(Options, frozen=True):
    """`topics` are patterns of the topics that may be published to, such as `[reports.>]`; without them, none may."""

    topics: tuple[str, ...] = ()


def make(options: PublishOptions, setting: Setting) -> tuple[Tool, ...]:
    allowed = tuple(check_pattern(pattern) for pattern in options.topics)

    async def publish(ctx: Context, topic: str, payload: Any) -> str:
        """Publish an event for other agents and programs that listen to its topic. You get no answer.

        Args:
            topic: Where, such as reports.daily.
            payload: What you have to say: text, or any JSON.
        """
        if not any(matches(pattern, topic) for pattern in allowed):
            raise ToolDenied(f"{topic} may not be published to; allowed are {', '.join(allowed) or 'none'}")
        ctx.topics.publish(topic, payload)
        return f"published on {topic}"

    return (FunctionTool(publish, builtin=True),)


BUILTIN = Builtin(PublishOptions, make, shorthand="topics")
