"""`ask`: a question to a person, and a wait for the answer that outlives the process."""

from __future__ import annotations

from typing import Any

from perdure.base.duration import parse_duration, show_duration
from perdure.base.errors import ToolFailed
from perdure.kernel.context import Context

from ..function import FunctionTool
from ..port import Tool
from .port import Builtin, Options, Setting


class AskOptions(Options, frozen=True):
    """`timeout` is how long to wait for a person, such as `2d`; without one, for as long as it takes."""

    timeout: str | float | None = None


def make(options: AskOptions, setting: Setting) -> tuple[Tool, ...]:
    timeout_ms = None if options.timeout is None else parse_duration(options.timeout)

    async def ask(ctx: Context, question: str, choices: tuple[str, ...] = ()) -> Any:
        """Ask a person and wait for the answer. Use it when you need a decision or a fact that only people have.

        Args:
            question: The question, complete in itself: the person does not see this conversation.
            choices: The answers to choose from, if there are only a few.
        """
        answer = await ctx.ask(question, options=choices, timeout_ms=timeout_ms)
        if answer is None and timeout_ms is not None:
            raise ToolFailed(f"nobody answered within {show_duration(timeout_ms)}", hint="Go on without an answer.")
        return answer

    return (FunctionTool(ask, builtin=True),)


BUILTIN = Builtin(AskOptions, make, shorthand="timeout")
