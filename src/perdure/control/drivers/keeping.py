"""Where a driver remembers what it has handed over, so that a restart neither repeats nor misses."""

from __future__ import annotations

from typing import Protocol

from perdure.base.clock import Clock
from perdure.kernel.store.ops import PutMark, PutValue
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import MarkRow

MARKS = "source:"
"""What the names of a project's sources begin with among the marks."""


class Keeping(Protocol):
    async def load(self) -> bytes | None: ...
    async def save(self, data: bytes) -> None: ...


class WithAgent:
    """A value of the agent that the driver works for: it goes with it."""

    def __init__(self, store: Store, clock: Clock, agent_id: str, key: str) -> None:
        self._store = store
        self._clock = clock
        self._agent_id = agent_id
        self._key = key

    async def load(self) -> bytes | None:
        row = await self._store.value(self._agent_id, self._key)
        return None if row is None else row.data

    async def save(self, data: bytes) -> None:
        await self._store.commit([PutValue(self._agent_id, self._key, data, self._clock.now())])


class WithProject:
    """A mark of the project, for what publishes to a topic and works for nobody."""

    def __init__(self, store: Store, clock: Clock, name: str) -> None:
        self._store = store
        self._clock = clock
        self._name = f"{MARKS}{name}"

    async def load(self) -> bytes | None:
        mark = await self._store.mark(self._name)
        return None if mark is None else mark.data

    async def save(self, data: bytes) -> None:
        await self._store.commit([PutMark(MarkRow(self._name, 0, self._clock.now(), data))])
