"""A project with an agent whose model is scripted, its tools, and a process that dies in the middle of a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import perdure
from perdure.testing import Scripted, by_turn

Open: TypeAlias = Callable[..., AbstractAsyncContextManager[perdure.Runtime]]

TOOLS = '''
from perdure import ToolFailed, tool

@tool(effect="once")
async def pay(amount: int) -> str:
    """Pay somebody.

    Args:
        amount: dollars
    """
    return f"paid {amount}"

@tool(effect="read")
async def look(place: str) -> str:
    """Look somewhere."""
    if place == "nowhere":
        raise ToolFailed("there is nothing there")
    return f"{place} is fine"
'''
AGENT = """
name: clerk
model: {provider: scripted, name: m, price: {input: 1000, output: 1000}}
instructions: You are a clerk.
tools: ["./tools.py:pay", "./tools.py:look", calculator, ask]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "clerk.yaml").write_text(AGENT)
    return tmp_path


@pytest.fixture
def opened(project: Path) -> Open:
    """Open the project with these answers of its model, taken by turn, or with a model of one's own."""

    def open(answers: Sequence[Any] | Scripted = (), **more: Any) -> AbstractAsyncContextManager[perdure.Runtime]:
        model = answers if isinstance(answers, Scripted) else Scripted(by_turn(answers), name="scripted/m")
        return perdure.open(project, models={"scripted/m": model}, **more)

    return open


@pytest.fixture
def killed(project: Path) -> Callable[..., None]:
    """Run the clerk in a process of its own that kills itself at the named crash point."""

    def run(answers: str, at: str, agent: str = "bob") -> None:
        script = f"""
            import asyncio, os, signal
            import perdure
            from perdure.testing import Scripted, by_turn, call

            def probe(point):
                if point == {at!r}:
                    os.kill(os.getpid(), signal.SIGKILL)

            async def main():
                model = Scripted(by_turn({answers}), name="scripted/m")
                async with perdure.open({str(project)!r}, models={{"scripted/m": model}}, probe=probe) as rt:
                    await rt.run("clerk.yaml", "Do it", agent={agent!r})

            asyncio.run(main())
        """
        paths = os.pathsep.join(entry for entry in sys.path if entry)
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            timeout=30,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()

    return run


@pytest.fixture
def gathered() -> Callable[[AsyncIterator[Any]], Any]:
    """All items of an asynchronous iterator, as a list."""

    async def gather(items: AsyncIterator[Any]) -> list[Any]:
        return [item async for item in items]

    return gather
