"""Many propose at once; the better half by votes is what the next round begins with. The last of `depth` + 1 rounds is
decided by the vote."""

from __future__ import annotations

from perdure.agents.config.members import Seat

from .. import words
from ..play import Play
from ..stages import Draft, propose, same
from ..task import Answer
from ..voting import decide, vote


async def swarm(play: Play) -> Answer:
    seats = play.of("proposer")
    best: list[Draft] = []
    for _ in range(play.team.depth):
        drafts = same([*best, *await _propose(play, seats, best)])
        if len(drafts) == 1:
            best = drafts
            break
        decision, _ballots = await decide(play, drafts, is_final=False)
        best = survivors(drafts, decision.shares, decision.choice)
    drafts = [*best, *await _propose(play, seats, best)]
    return await vote(play, drafts)


def survivors(drafts: list[Draft], shares: dict[str, float], choice: str) -> list[Draft]:
    """The better half, rounded up and the chosen one first; of equal ones the earlier."""
    ranked = sorted(range(1, len(drafts) + 1), key=lambda n: (str(n) != choice, -shares.get(str(n), 0.0), n))
    return [drafts[number - 1] for number in ranked[: (len(drafts) + 1) // 2]]


async def _propose(play: Play, seats: list[Seat], best: list[Draft]) -> list[Draft]:
    prompts = [words.improve([draft.value for draft in best])] * len(seats) if best else []
    return await propose(play, seats, prompts)
