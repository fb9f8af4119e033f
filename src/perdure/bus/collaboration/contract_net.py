"""Contract net: call for proposals, wait the whole window for them, and award the task to the best."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import msgspec

from perdure.base.errors import InputError
from perdure.kernel.context import Context

from .answers import Answer, ask_all
from .kinds import AWARD
from .summary import summarize

URGENT = 40
"""Priority of an award."""


class Contract(msgspec.Struct, frozen=True):
    """`awarded` are the winners, the best first; `proposals` are all that came, in the same order."""

    awarded: tuple[Answer, ...]
    proposals: tuple[Answer, ...]


async def contract_net(
    ctx: Context, topic: str, task: Any, *, window_ms: int, awards: int = 1, summary_to: str = ""
) -> Contract:
    """Publish the task as a request on `topic`; answers that come within `window_ms` are proposals, and their `score`
    decides. Each winner is told by a `collab.award` on `<topic>.award`, with `{award_to, task, proposal}`."""
    if awards < 1:
        raise InputError(f"{awards} awards are none to propose for")
    answers = await ask_all(ctx, [topic], task, most=None, timeout_ms=window_ms)
    ranked = rank([answer for answer in answers if answer.error is None])
    winners = ranked[:awards]
    for winner in winners:
        said = {"award_to": winner.sender, "task": task, "proposal": winner.payload}
        ctx.topics.publish(f"{topic}.award", said, kind=AWARD, priority=URGENT)
    facts = {"proposals": len(ranked), "winners": [winner.sender for winner in winners], "awards": awards}
    summarize(ctx, summary_to, facts)
    return Contract(tuple(winners), tuple(ranked))


def rank(proposals: Sequence[Answer]) -> list[Answer]:
    """The best first; equally good ones in the order in which they came."""
    return sorted(proposals, key=lambda proposal: -score(proposal.payload))


def score(proposal: Any) -> float:
    """The `score` of a proposal; 0 where there is none that is a number."""
    said = proposal.get("score") if isinstance(proposal, dict) else None
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return 0.0
    try:
        value = float(said)
    except (ValueError, OverflowError):
        return 0.0
    return value if isfinite(value) else 0.0
