"""Perdure: an agent in YAML, its journal in SQLite, every record on disk before the run goes on.

Its tool is a `read`; where the tool has a side effect, which can be looked up, it is `checkable`, and with
`PEER_CLASS=once` it is what a tool is that says nothing of itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from peers.program import Place, Stopped, main
from peers.task import INSTRUCTIONS

import perdure

AGENT = f"""\
name: calc
model: {{provider: compatible, name: bench, price: {{input: 0.25, output: 2}}}}
instructions: {INSTRUCTIONS}
tools: [./tools.py:calculate]
"""
TOOLS = '''\
import os
from pathlib import Path

from peers import task
from perdure import NotDone, tool


def look_up(expression: str, key: str) -> str | NotDone:
    lines = Path(task.EFFECTS).read_text().splitlines() if Path(task.EFFECTS).exists() else []
    return task.product(expression) if key in lines else NotDone()


if not task.EFFECTS:
    calculate = tool(effect="read")(task.calculate)
elif os.environ.get("PEER_CLASS") == "once":
    calculate = tool(task.calculate)
else:

    @tool(reconcile=look_up)
    async def calculate(expression: str, *, key: str) -> str:
        """Multiply two numbers, as in "25 * 47"."""
        return await task.perform(expression, key)
'''


class Perdure:
    def __init__(self, runtime: perdure.Runtime) -> None:
        self._runtime = runtime
        self._spec = runtime.spec("calc.yaml")

    async def ask(self, question: str, conversation: str) -> str:
        return str((await self._runtime.run(self._spec, question, agent=conversation)).output)

    async def stream(self, question: str) -> AsyncIterator[str]:
        async for event in self._runtime.stream(self._spec, question):
            if event.type == "text":
                yield event.text

    async def go_on(self, question: str, conversation: str) -> str:
        (run,) = (await self._runtime.runs(agent=conversation)).items
        result = await self._runtime.resume(run.run_id)
        if result.waiting_for == "in_doubt":
            raise Stopped
        return str(result.output)


@asynccontextmanager
async def open(place: Place) -> AsyncIterator[Perdure]:
    if not (place.folder / "perdure.toml").exists():
        (place.folder / "perdure.toml").write_text(f'[providers.compatible]\nbase_url = "{place.url}"\n')
        (place.folder / "calc.yaml").write_text(AGENT)
        (place.folder / "tools.py").write_text(TOOLS)
    async with perdure.open(place.folder) as runtime:
        yield Perdure(runtime)


if __name__ == "__main__":
    main(open)
