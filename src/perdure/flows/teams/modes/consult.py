"""One member answers, others criticise, and it mends its answer: `depth` times, or until nothing is found."""

from __future__ import annotations

from .. import words
from ..play import Play
from ..stages import adjudicate, criticize, propose
from ..task import Answer


async def consult(play: Play) -> Answer:
    author, *peers = play.of("proposer")
    critics = play.of("critic") or peers[:1]
    (draft,) = await propose(play, [author])
    for _ in range(play.team.depth):
        weaknesses = await criticize(play, critics, [draft])
        if not weaknesses:
            break
        (draft,) = await propose(play, [author], [words.revise(draft.value, weaknesses)], name="revise")
    return await adjudicate(play, draft.answer())
