"""Perdure: a flow file with a task for each step; the tool is a `read`, as it has no side effect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from peers.steps import Prepare, Run, main

import perdure

TOOLS = '''\
from perdure import tool


@tool(effect="read")
async def add(n: int) -> int:
    """Add one."""
    return n + 1
'''
HEAD = """\
name: row
tools: [./tools.py:add]
tasks:
  - {id: s1, tool: add, with: {n: 0}, output: integer}
"""
STEP = '  - {{id: s{number}, tool: add, with: {{n: "${{s{before}}}"}}, output: integer}}\n'


@asynccontextmanager
async def open(folder: Path) -> AsyncIterator[Prepare]:
    (folder / "tools.py").write_text(TOOLS)
    async with perdure.open(folder) as runtime:

        def prepare(steps: int) -> Run:
            file = f"row{steps}.flow.yaml"
            rest = "".join(STEP.format(number=number, before=number - 1) for number in range(2, steps + 1))
            (folder / file).write_text(f'{HEAD}{rest}outputs: {{n: "${{s{steps}}}"}}\n')
            flow = runtime.library.definition(file)

            async def run() -> int:
                output = (await runtime.run(flow, None)).output
                assert isinstance(output, dict)
                return int(output["n"])

            return run

        yield prepare


if __name__ == "__main__":
    main(open)
