"""The pipeline: all propose, critics criticise, a synthesizer makes one of it, and a judge passes it. `depth` says how
often it is criticised and made anew."""

from __future__ import annotations

from ..play import Play
from ..stages import adjudicate, criticize, propose, synthesize
from ..task import Answer


async def collaborate(play: Play) -> Answer:
    drafts = await propose(play, play.of("proposer"))
    merged = drafts[0]
    for turn in range(max(1, play.team.depth)):
        weaknesses = await criticize(play, play.of("critic"), drafts) if play.team.depth else []
        if turn and not weaknesses:
            break
        merged = await synthesize(play, drafts, weaknesses)
        drafts = [merged]
    return await adjudicate(play, merged.answer())
