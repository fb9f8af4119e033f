"""One member answers."""

from __future__ import annotations

from ..play import Play
from ..stages import propose
from ..task import Answer


async def solo(play: Play) -> Answer:
    (draft,) = await propose(play, play.of("proposer")[:1])
    return draft.answer()
