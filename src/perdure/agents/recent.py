"""Conversations of late, kept in memory so that the next turn need not read them from the journal again."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from perdure.base.messages import Message

TOKENS_KEPT = 1_000_000
"""Tokens of all conversations together, about four bytes each."""
PER_MESSAGE = 100
"""What a message weighs besides its text, in tokens."""


class Talk(msgspec.Struct, frozen=True):
    """A conversation as it was when its last run ended. `asked` is the digest of the last question of that run."""

    run_id: str
    asked: str
    messages: tuple[Message, ...]
    sizes: tuple[int, ...]

    @property
    def weight(self) -> int:
        return sum(self.sizes) + PER_MESSAGE * len(self.messages)


class Recent:
    """The conversations used last, by agent. What is not here, or no longer the last word, is in the journal."""

    def __init__(self, tokens_kept: int = TOKENS_KEPT) -> None:
        self._talks: OrderedDict[str, Talk] = OrderedDict()
        self._room = tokens_kept

    def get(self, agent_id: str, run_id: str, asked: str) -> Talk | None:
        """The conversation, where this run and question are the last that the journal has of it."""
        talk = self._talks.get(agent_id)
        return talk if talk is not None and (talk.run_id, talk.asked) == (run_id, asked) else None

    def put(self, agent_id: str, talk: Talk) -> None:
        self._forget(agent_id)
        self._talks[agent_id] = talk
        self._room -= talk.weight
        while self._room < 0:
            self._forget(next(iter(self._talks)))

    def _forget(self, agent_id: str) -> None:
        old = self._talks.pop(agent_id, None)
        if old is not None:
            self._room += old.weight
