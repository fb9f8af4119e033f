"""Contract net: call for proposals, wait the whole window for them, and award the task to the best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, Literal, TypeAlias

import msgspec

from perdure.base.errors import InputError
from perdure.kernel.context import Context

from .answers import Answer, ask_all
from .kinds import AWARD
from .summary import summarize

Score: TypeAlias = Callable[[Any], Any]
"""What makes a number of a proposal; what is none counts as no score."""
Best: TypeAlias = Literal["max", "min"]
URGENT = 40
"""Priority of an award."""


class Contract(msgspec.Struct, frozen=True):
    """`awarded` are the winners, the best first; `proposals` are all that came, in the same order."""

    awarded: tuple[Answer, ...]
    proposals: tuple[Answer, ...]


def stated(proposal: Any) -> Any:
    """The `score` that a proposal states itself."""
    return proposal.get("score") if isinstance(proposal, dict) else None


def rank(proposals: Sequence[Answer], score: Score = stated, best: Best = "max") -> list[Answer]:
    """The best first, and last those whose score is no number; equally good ones in the order in which they came."""
    sign = 1 if best == "min" else -1

    def place(proposal: Answer) -> tuple[bool, float]:
        value = number_of(score(proposal.payload))
        return value is None, sign * (value or 0.0)

    return sorted(proposals, key=place)


def number_of(said: Any) -> float | None:
    """A score as a number; None where it is none that can be compared."""
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return None
    try:
        value = float(said)
    except (ValueError, OverflowError):
        return None
    return value if isfinite(value) else None


async def contract_net(
    ctx: Context,
    topic: str,
    task: Any,
    *,
    window_ms: int,
    awards: int = 1,
    score: Score = stated,
    best: Best = "max",
    summary_to: str = "",
) -> Contract:
    """Publish the task as a request on `topic`; answers that come within `window_ms` are proposals, and what `score`
    makes of each decides. Each winner is told by a `collab.award` on `<topic>.award`: `{award_to, task, proposal}`."""
    if awards < 1:
        raise InputError(f"{awards} awards are none to propose for")
    answers = await ask_all(ctx, [topic], task, most=None, timeout_ms=window_ms)
    ranked = rank([answer for answer in answers if answer.error is None], score, best)
    winners = ranked[:awards]
    for winner in winners:
        said = {"award_to": winner.sender, "task": task, "proposal": winner.payload}
        ctx.topics.publish(f"{topic}.award", said, kind=AWARD, priority=URGENT)
    facts = {"proposals": len(ranked), "winners": [winner.sender for winner in winners], "awards": awards}
    summarize(ctx, summary_to, facts)
    return Contract(tuple(winners), tuple(ranked))
