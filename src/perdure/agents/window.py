"""Fitting a conversation into the model's window: drop the oldest, or let the model sum it up."""

from __future__ import annotations

from collections.abc import Sequence

from perdure.base.codec import digest
from perdure.base.messages import Message, ModelRequest, Text
from perdure.kernel.context import Context

from .asking import ask
from .conversation import Conversation, summary_message
from .setup import Setup

SUMMARY = (
    "Sum up the conversation so far for yourself so that you can go on from the summary alone: what was asked, what "
    "was found out and done, what was decided and why, what is still open. Keep names, numbers and paths exactly."
)


def sent_of(messages: Sequence[Message], opening: int, count: int) -> tuple[Message, ...]:
    """Which `count` of these were sent where the oldest were dropped: the latest, and the one at `opening`."""
    first = len(messages) - count
    if first <= opening:
        return tuple(messages[max(0, first) :])
    return (messages[opening], *messages[first + 1 :])


async def fit(ctx: Context, setup: Setup, talk: Conversation) -> None:
    """Make room where the conversation has outgrown the window. The latest `context.keep` messages always stay."""
    window = setup.spec.context
    # Summing up is an effect, so what decides it may rest on nothing but the conversation itself; dropping may use
    # what was learnt of the model's tokens.
    factor = setup.asker.ratio.correction if window.policy == "drop_oldest" else 1.0
    over = talk.size * factor - setup.window
    if over <= 0 or (setup.rehearsal and window.policy == "drop_oldest"):
        return
    until = _cut(talk, over / factor, window.keep)
    if until <= 0:
        return
    if window.policy == "summarize":
        await _sum_up(ctx, setup, talk, until)
    else:
        talk.drop(until)


def _cut(talk: Conversation, over: float, keep: int) -> int:
    """Where to cut so that `over` tokens go, as far as the messages to keep allow: never between a call and its
    result."""
    last = len(talk.messages) - keep
    best = gone = 0
    for place, message in enumerate(talk.messages[: max(0, last) + 1]):
        if message.role != "tool":
            best = place
            if gone >= over:
                break
        gone += talk.sizes[place]
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
    kept = len(talk.messages) - until
    answer = await ask(ctx, setup, request, digest(["summary", talk.digest.hex()]), kept=kept)
    talk.drop(until)
    talk.begin_with(summary_message(answer.text))
