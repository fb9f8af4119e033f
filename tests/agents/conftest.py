"""A project in an empty folder, whose models say what a test tells them to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from perdure.base.clock import ManualClock
from perdure.base.ids import Ids, seeded
from perdure.control.runtime import Runtime
from perdure.kernel.store.memory import MemoryStore
from perdure.testing import Scripted
from perdure.wiring import open as open_runtime

MODEL = "openai/scripted"


class Stage:
    """`open(answers)` gives a runtime on one store, where the model `openai/scripted` gives these answers."""

    def __init__(self, folder: Any) -> None:
        self.folder = folder
        self.store = MemoryStore()
        self.clock = ManualClock()
        self.model = Scripted([])
        self._opened = 0

    def open(self, answers: Sequence[Any] | Callable[[Any], Any], **more: Any) -> AbstractAsyncContextManager[Runtime]:
        self._opened += 1
        self.model = Scripted(answers, name=MODEL)
        return open_runtime(
            self.folder,
            store=self.store,
            models={MODEL: self.model},
            clock=self.clock,
            ids=Ids(self.clock, seeded(self._opened)),
            environment={"OPENAI_API_KEY": "none"},
            grace_ms=0,
            **more,
        )

    @staticmethod
    def spec(**fields: Any) -> dict[str, Any]:
        return {"name": "ann", "model": {"provider": "openai", "name": "scripted", "price": PRICE}, **fields}


PRICE = {"input": 1, "output": 2}


@pytest.fixture
def stage(tmp_path: Any) -> Stage:
    return Stage(tmp_path)
