"""All propose, hear the critics and each other `depth` times, and vote."""

from __future__ import annotations

from .. import words
from ..play import Play
from ..stages import criticize, propose
from ..task import Answer
from ..voting import vote


async def consensus(play: Play) -> Answer:
    seats = {seat.name: seat for seat in play.of("proposer")}
    drafts = await propose(play, list(seats.values()))
    for _ in range(play.team.depth):
        weaknesses = await criticize(play, play.of("critic"), drafts)
        authors = [seats[draft.by[0]] for draft in drafts]
        prompts = [
            words.revise(draft.value, weaknesses, [other.value for other in drafts if other is not draft])
            for draft in drafts
        ]
        drafts = await propose(play, authors, prompts, name="revise")
    return await vote(play, drafts)
