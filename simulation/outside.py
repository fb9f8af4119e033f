"""The outside world: it does what it is asked, and remembers what it did, for whom and under which key."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from random import Random
from typing import TYPE_CHECKING

from faults import Faults

from perdure.base.errors import ToolFailed
from perdure.kernel.classes import EffectClass, NotDone

if TYPE_CHECKING:
    from process import Process


class Outside:
    """`acts[label]` lists the keys under which an act was done, an idempotent one once per key."""

    def __init__(self, chance: Random, faults: Faults) -> None:
        self.acts: dict[str, list[str]] = defaultdict(list)
        self.classes: dict[str, EffectClass] = {}
        self.began: dict[str, list[int]] = defaultdict(list)
        self.heard: list[tuple[str, int]] = []
        self._chance = chance
        self._faults = faults

    async def act(self, process: Process, label: str, effect: EffectClass, key: str) -> str:
        """Do it, after a while. It may be refused before, and its answer may be lost after. Who honours keys does not
        refuse what was done under one."""
        await process.pause(self._chance.uniform(0.0, 0.08))
        self.classes[label] = effect
        is_known = effect == "idempotent" and key in self.acts[label]
        if not is_known and self._chance.random() < self._faults.refused_acts:
            raise ToolFailed(f"{label} was refused")
        if effect != "read" and not is_known:
            self.acts[label].append(key)
        process.note(f"acted {effect} {label}")
        if self._chance.random() < self._faults.lost_answers:
            await process.pause(self._chance.uniform(5.0, 60.0))  # longer than most are waited for
        await process.pause(self._chance.uniform(0.0, 0.04))
        return f"did {label}"

    async def look(self, process: Process, label: str, key: str) -> str | NotDone:
        """Whether a checkable act was done."""
        await process.pause(self._chance.uniform(0.0, 0.02))
        return f"did {label}" if key in self.acts[label] else NotDone()

    def begin(self, agent_id: str, number: int) -> None:
        """A message of the client came to its turn; those that begin again are counted once."""
        if number not in self.began[agent_id]:
            self.began[agent_id].append(number)

    def hear(self, place: tuple[str, int]) -> None:
        """An event came to its turn, by subscription and seq; those that begin again are counted once."""
        if place not in self.heard:
            self.heard.append(place)


async def for_ever() -> None:
    await asyncio.get_running_loop().create_future()
