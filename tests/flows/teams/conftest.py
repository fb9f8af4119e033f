"""A team whose members say what a test tells them to."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from perdure.base.clock import ManualClock
from perdure.base.ids import Ids, seeded
from perdure.base.messages import ModelRequest
from perdure.control.runtime import Runtime
from perdure.kernel.store.memory import MemoryStore
from perdure.testing import Scripted
from perdure.wiring import open as open_runtime

MODEL = "openai/scripted"


class Asked:
    """A question to a member: who it is (its instructions), what it is to answer with, and the words."""

    def __init__(self, request: ModelRequest) -> None:
        self.who = request.system.rpartition(" ")[2]
        self.words = request.messages[-1].text
        self.fields = set(request.output_schema["properties"]) if request.output_schema else set()

    @property
    def is_vote(self) -> bool:
        return "choice" in self.fields


class Stage:
    """`open(say)` gives a runtime on one store; `say(asked)` answers for each member, as data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MemoryStore()
        self.clock = ManualClock()
        self.asked: list[Asked] = []
        self._opened = 0

    def open(self, say: Callable[[Asked], Any], **more: Any) -> AbstractAsyncContextManager[Runtime]:
        self._opened += 1

        def answer(request: ModelRequest) -> Any:
            asked = Asked(request)
            self.asked.append(asked)
            said = say(asked)
            return said if isinstance(said, Exception) or not isinstance(said, (dict, list)) else json.dumps(said)

        return open_runtime(
            self.folder,
            store=self.store,
            models={MODEL: Scripted(answer, name=MODEL)},
            clock=self.clock,
            ids=Ids(self.clock, seeded(self._opened)),
            environment={"OPENAI_API_KEY": "none"},
            grace_ms=0,
            **more,
        )

    def turns(self, who: str = "") -> list[Asked]:
        return [asked for asked in self.asked if not who or asked.who == who]

    @staticmethod
    def spec(members: dict[str, dict[str, Any]], **team: Any) -> dict[str, Any]:
        """A team in which each member's instructions end with its name; what begins with `_` is of the agent."""
        own = {key.removeprefix("_"): team.pop(key) for key in list(team) if key.startswith("_")}
        named = {name: {"instructions": f"You are {name}", **said} for name, said in members.items()}
        model = {"provider": "openai", "name": "scripted", "price": {"input": 1, "output": 2}}
        return {"name": "crew", "model": model, "team": {"members": named, "auto": False, **team}, **own}

    async def notes(self, runtime: Runtime, run_id: str) -> list[tuple[str, Any]]:
        """What the team put on record, in order."""
        found: list[tuple[str, Any]] = []

        def walk(node: Any) -> None:
            if node.key.rpartition("/")[2].startswith("team:"):
                found.append((node.name, node.detail["answer"]))
            for child in node.children:
                walk(child)

        walk(await runtime.trace(run_id))
        return found


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)
