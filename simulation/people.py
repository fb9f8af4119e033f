"""A person who answers what runs ask, finds out what became of what is in doubt, and gives more money."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from topics import GO

from perdure.kernel import records as r
from perdure.kernel.journal import fold
from perdure.kernel.store.rows import RecordFilter, RunRow

if TYPE_CHECKING:
    from scenario import World

PLENTY = 10**9
"""A budget that is enough for anything, micro-USD."""


class Operator:
    def __init__(self, world: World) -> None:
        self._world = world
        self._gone: set[str] = set()  # waits for the word to go on to which it was said

    async def work(self) -> None:
        while True:
            await asyncio.sleep(self._world.chance.uniform(0.5, 3.0))
            for run in await self._world.open():
                if run.status == "waiting" and run.waiting_for in ("approval", "in_doubt", "budget", "reply"):
                    for key, wait in (await self._waits(run)).items():
                        await self._answer(run, key, wait)

    async def _answer(self, run: RunRow, key: str, wait: r.Wait) -> None:
        world = self._world
        match wait.kind:
            case "approval":
                await world.tell(run, "approval", world.chance.choice(["approve", "no"]), key)
            case "in_doubt":
                await self._resolve(run, key, wait)
            case "budget" if world.chance.random() < 0.3:
                await world.limit(wait.about["scope"], PLENTY)
                await world.tell(run, "budget", key=key)
            case "reply" if (
                "subscription" in wait.about and run.spec != "worker" and f"{run.id}/{key}" not in self._gone
            ):
                self._gone.add(f"{run.id}/{key}")
                await world.publish(f"go_{len(self._gone)}", GO, {"run": run.id})
            case _:
                pass

    async def _resolve(self, run: RunRow, key: str, wait: r.Wait) -> None:
        world, asked = self._world, wait.about["request"]
        label = asked if isinstance(asked, str) else f"{run.id}:{asked['arguments']['label']}"
        how = "done" if world.outside.acts[label] else world.chance.choice(["retry", "fail"])
        decision = {"how": how, "value": f"did {label}", "who": "op", "why": "", "attempt": wait.about["attempt"]}
        world.note(f"resolves {label}: {how}")
        await world.tell(run, "resolve", decision, key)

    async def _waits(self, run: RunRow) -> dict[str, r.Wait]:
        """What the run waits for and was not given."""
        found = await self._world.disk.store.records(RecordFilter(run.agent_id, run.id), limit=100_000)
        journal = fold(found)
        return {key: wait for key, wait in journal.waits.items() if key not in {*journal.answers, *journal.resolved}}
