"""Fitting a conversation into the model's window: drop the oldest, or let the model sum it up."""

from __future__ import annotations

from collections.abc import Sequence

from perdure.base.codec import digest
from perdure.base.messages import Message, ModelRequest, Text
from perdure.compute.estimate import estimate_parts
from perdure.kernel.context import Context

from .asking import ask
from .conversation import Conversation
from .setup import Setup

SUMMARY = (
    "Sum up the conversation so far for yourself, so that you can go on with it from the summary alone: what was asked, "
    "what was found out and done, what was decided and why, what is still open. Keep names, numbers and paths exactly."
)


def sent_of(messages: Sequence[Message], opening: int, count: int) -> tuple[Message, ...]:
    """Which `count` of these were sent where the oldest were dropped: the latest, and the one at `opening`."""
    first = len(messages) - count
    if first <= opening:
        return tuple(messages[max(0, first) :])
    return (messages[opening], *messages[first + 1 :])


async def fit(ctx: Context, setup: Setup, talk: Conversation) -> None:
    """Make room where the conversation has outgrown the window. The latest `context.keep` messages always stay."""
    window, policy = setup.spec.context, setup.spec.context.policy
    # Summing up is an effect, so what decides it may rest on nothing but the conversation itself.
    ratio = setup.ratio() if policy == "drop_oldest" else None
    sizes = [estimate_parts(m.parts, ratio) if ratio else estimate_parts(m.parts) for m in talk.messages]
    over = sum(sizes) - setup.window
    if over <= 0 or (setup.rehearsal and policy == "drop_oldest"):
        return
    until = _cut(talk, sizes, over, window.keep)
    if until <= 0:
        return
    if policy == "summarize":
        await _sum_up(ctx, setup, talk, until)
    else:
        talk.drop(until)


def _cut(talk: Conversation, sizes: list[int], over: int, keep: int) -> int:
    """Where to cut so that `over` tokens go, as far as the messages to keep allow."""
    last = len(sizes) - keep
    best = 0
    for place in talk.units():
        if place > last:
            break
        best = place
        if sum(sizes[:place]) >= over:
            break
    return best


async def _sum_up(ctx: Context, setup: Setup, talk: Conversation, until: int) -> None:
    old = tuple(talk.messages[:until])
    request = setup.model_spec.apply(
        ModelRequest(
            setup.model_spec.full_name,
            (*old, Message("user", (Text(SUMMARY),))),
            system=setup.spec.instructions,
        )
    )
    answer = await ask(ctx, setup, request, digest(["summary", talk.digest.hex(), until]), "summary")
    talk.drop(until)
    talk.messages.insert(0, Message("user", (Text(f"Summary of the conversation so far:\n{answer.text}"),)))
    talk.opening += 1
