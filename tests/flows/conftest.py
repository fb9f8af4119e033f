"""Flows as files of a folder, and flows that run: a project with tools that write down that they were called."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.flows.language.loader import load_flow
from perdure.flows.spec import FlowSpec
from perdure.kernel import records as r
from perdure.kernel.journal import decode
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.rows import RecordFilter
from perdure.testing import Scripted, by_turn

TOOLS = '''
import asyncio
from pathlib import Path
from perdure import ToolFailed, tool

CALLS = Path(__file__).with_name("calls.txt")

def note(what):
    with CALLS.open("a") as file:
        file.write(what + "\\n")

@tool(effect="once")
async def act(name: str) -> str:
    """Change something."""
    note(name)
    return f"{name}!"

@tool(effect="read")
async def look(name: str) -> str:
    """Look."""
    note(f"look {name}")
    return name

@tool(effect="read")
async def number(value: int) -> int:
    """A number."""
    return value

@tool(effect="read")
async def slow(name: str, seconds: float = 60) -> str:
    """Take a while, and change nothing."""
    note(f"begin {name}")
    await asyncio.sleep(seconds)
    note(f"end {name}")
    return name

@tool(effect="once")
async def careful(name: str) -> str:
    """Change something, which takes a moment."""
    note(f"begin {name}")
    await asyncio.sleep(0.2)
    note(f"end {name}")
    return name

@tool(effect="once")
async def bad(name: str) -> str:
    """Fail."""
    note(f"bad {name}")
    raise ToolFailed(f"{name} is bad")

@tool(effect="once")
async def third(name: str) -> str:
    """Fail twice."""
    note(f"third {name}")
    if CALLS.read_text().count(f"third {name}") < 3:
        raise ToolFailed("not yet")
    return name
'''
HEAD = """
name: {name}
tools: ["./tools.py:act", "./tools.py:look", "./tools.py:number", "./tools.py:slow", "./tools.py:careful",
  "./tools.py:bad", "./tools.py:third"]
"""


class Project:
    """A folder with tools, and the flows that a test writes into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tools.py").write_text(TOOLS)

    def write(self, text: str, name: str = "flow") -> str:
        """The file of a flow, which has the tools already."""
        file = f"{name}.flow.yaml"
        (self.folder / file).write_text(HEAD.format(name=name) + textwrap.dedent(text))
        return file

    @property
    def calls(self) -> list[str]:
        """What tools did, in order."""
        file = self.folder / "calls.txt"
        return file.read_text().splitlines() if file.exists() else []

    @asynccontextmanager
    async def open(self, answers: Any = (), **more: Any) -> Any:
        model = answers if isinstance(answers, Scripted) else Scripted(by_turn(answers), name="scripted/m")
        settings = {"store": MemoryStore(), "models": {"scripted/m": model}, **more}
        async with perdure.open(self.folder, **settings) as rt:
            yield rt

    async def run(self, text: str, input: Any = None, answers: Any = (), **more: Any) -> Any:
        """Run a flow to its rest. Where it ended, executing it again from its journal comes to the same end."""
        async with self.open(answers, **more) as rt:
            result = await rt.run(self.write(text), input)
            if result.status in ("done", "failed"):
                replay = await rt.replay(result.run_id)
                assert replay.verdict == "same", replay
            return result


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def keys() -> Callable[..., Any]:
    """The keys of a run's effects, in order of their ends."""

    async def found(rt: perdure.Runtime, run_id: str, *types: str) -> list[str]:
        row = await rt.store.load_run(run_id)
        assert row is not None
        wanted = RecordFilter(row.agent_id, run_id, types or (r.EffectDone.type,))
        return [record.key for record in await rt.store.records(wanted, limit=100_000) if decode(record)]

    return found


Load = Callable[..., FlowSpec]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """The flow that a text describes; `files` stand beside it."""

    def give(
        text: str, files: dict[str, str] | None = None, *, name: str = "one.flow.yaml", **environment: str
    ) -> FlowSpec:
        for path, content in {**(files or {}), name: text}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
        return load_flow(tmp_path / name, environment=environment)

    return give
