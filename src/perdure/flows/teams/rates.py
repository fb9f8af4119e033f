"""What a member's past wins make its ballot worth.

After each decision that a member had a stake in, wins ← wins · decay + (1 if it won else 0), games ← games · decay + 1.
Its rate is (wins + prior) / (games + 2 · prior): one half without a past, and never 0 or 1.
"""

from __future__ import annotations

import msgspec


class Standing(msgspec.Struct, frozen=True):
    """Wins and games, each counted the less the longer ago it was."""

    wins: float = 0.0
    games: float = 0.0

    def after(self, won: bool, decay: float) -> Standing:
        return Standing(self.wins * decay + won, self.games * decay + 1)

    def rate(self, prior: float) -> float:
        return (self.wins + prior) / (self.games + 2 * prior)
