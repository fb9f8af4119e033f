"""The loop of an agent: ask the model, call the tools it asks for, until it answers."""

from __future__ import annotations

from typing import Any

from perdure.base.errors import LimitReached
from perdure.kernel.program import Yielded
from perdure.namespace.context import Context

from .asking import ask
from .calling import call_all
from .conversation import Conversation, assistant_message, opening_of, recall, results_message, said_with
from .recent import Talk
from .setup import Setup
from .window import fit

STEPS_PER_SEGMENT = 50
"""A checkpoint after so many steps keeps a replay short."""


async def converse(ctx: Context, setup: Setup) -> Any:
    """Answer the message that began this run. Yields at the step limit, to be resumed."""
    setup = setup.wished(ctx.envelope.payload)
    limits = setup.spec.limits
    if limits.timeout is not None:
        ctx.limit_time(limits.timeout)
    talk, step = await _open(ctx, setup)
    more = 1 + ctx.extensions
    while step < limits.steps * more and not (limits.tokens and ctx.tokens >= limits.tokens * more):
        step += 1
        with ctx.scope(f"step{step}", last=True):
            await fit(ctx, setup, talk)
            asked = talk.digest.hex()
            answer = await ask(ctx, setup, setup.ask(talk.messages), asked)
            talk.add(assistant_message(answer))
            if calls := answer.tool_calls:
                talk.add(results_message(await call_all(ctx, setup, calls)))
            elif setup.shape is None:
                setup.recent.put(ctx.agent_id, Talk(ctx.run_id, asked, tuple(talk.messages), tuple(talk.sizes)))
                return answer.text
            else:
                checked = setup.shape.check(answer.text)
                if not checked.problems:
                    return checked.value
                talk.add(setup.shape.complain(checked, talk))
        if step % STEPS_PER_SEGMENT == 0:
            await ctx.checkpoint({"step": step, "digest": talk.digest})
    if limits.exhausted == "fail":
        raise LimitReached(f"it came to its limit of steps or tokens after {step} steps", steps=step)
    return Yielded(step)


async def _open(ctx: Context, setup: Setup) -> tuple[Conversation, int]:
    """The conversation so far: from earlier runs, or from the segment of this run that a checkpoint closed."""
    earlier, sizes = await recall(ctx, setup.window, setup.recent, forgets=setup.spec.forgets)
    said = said_with(ctx.envelope.payload)
    if ctx.restored is not None:
        talk, opening = Conversation(earlier, ctx.restored["digest"], sizes=sizes), said[opening_of(said)]
        talk.opening = max((place for place, message in enumerate(earlier) if message == opening), default=len(earlier))
        return talk, ctx.restored["step"]
    talk = Conversation(earlier, sizes=sizes)
    talk.open(said)
    return talk, 0
