"""What goes wrong, and how often: a number for each, drawn anew for every seed, and none once it is to be calm."""

from __future__ import annotations

from random import Random

import msgspec


class Faults(msgspec.Struct):
    """Shares are of the occasions: of transactions, reads, acts outside. `deaths` is of the crash points passed.
    `forget_fences` is no fault of the world but a planted one of ours: it shows that the books find it."""

    deaths: float = 0.0
    busy_disk: float = 0.0
    slow_disk: float = 0.0
    busy_reads: float = 0.0
    refused_acts: float = 0.0
    lost_answers: float = 0.0
    forget_fences: bool = False

    @classmethod
    def drawn(cls, chance: Random) -> Faults:
        def share(most: float) -> float:
            return most * chance.random() if chance.random() < 0.7 else 0.0

        return cls(
            deaths=share(0.01),
            busy_disk=share(0.02),
            slow_disk=share(0.02),
            busy_reads=share(0.005),
            refused_acts=share(0.1),
            lost_answers=share(0.1),
        )

    def dies(self, chance: Random, where: str) -> bool:
        """Whether a process ends at this place, which its name tells: those around an effect come more often."""
        share = self.deaths * (3 if where.startswith("effect") else 1)
        return share > 0 and chance.random() < share

    def calm(self) -> None:
        self.deaths = self.busy_disk = self.slow_disk = self.busy_reads = 0.0
        self.refused_acts = self.lost_answers = 0.0
