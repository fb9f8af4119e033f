"""Branches and waits of one handler: when does it stand still, and for what?

A handler is a tree of branches. A branch works, or waits for an answer, or waits for the branches that it gathered.
When none works and at least one waits, the handler stands still and can be put away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Any

from .gates import Gate, gate, is_inside
from .records import Wait


def _nothing() -> None:
    pass


class Waits:
    """The open waits of a handler, and the count of its branches at work. `still` is called when none is left."""

    __slots__ = ("_still", "_working", "dropped", "frozen", "is_parked", "open")

    def __init__(self, still: Callable[[], None]) -> None:
        self.open: dict[str, tuple[Wait, asyncio.Future[Any], Gate | None]] = {}
        self.dropped: list[Wait] = []
        """What branches waited for that were cut off since the last commit."""
        self.frozen = False
        """The handler is being put away: what it waits for stays as it is."""
        self._still = still
        self._working = 1
        self.is_parked = False
        """A branch stands still for good."""

    def over(self) -> None:
        """The handler has ended: let go of whoever was told, or each run would leave a cycle for the collector."""
        self._still = _nothing

    @property
    def wanted(self) -> tuple[Wait, ...]:
        return tuple(wait for wait, _, _ in self.open.values())

    async def wait(self, wait: Wait) -> Any:
        """Stand still until `answer` is called with this wait's key."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.open[wait.key] = (wait, future, gate())
        self.leave()
        try:
            return await future
        except asyncio.CancelledError:
            if not self.frozen and future.cancelled() and self.open.pop(wait.key, None) is not None:
                self._working += 1
                self.dropped.append(wait)
            raise

    def answer(self, key: str, value: Any) -> bool:
        """Hand over an answer; the branch counts as working from now on. False where nobody waits for it (any more)."""
        entry = self.open.pop(key, None)
        if entry is None or entry[1].done():
            return False
        self._working += 1
        entry[1].set_result(value)
        return True

    def cut(self, gates: Collection[Gate]) -> None:
        """Cut off who waits behind one of these gates: it works from now on, until it has come to its end. Whoever
        waits to hear what became of something does so still."""
        if self.frozen:
            return
        for wait, future, behind in list(self.open.values()):
            if wait.kind != "in_doubt" and not future.done() and is_inside(behind, gates):
                del self.open[wait.key]
                self._working += 1
                self.dropped.append(wait)
                future.cancel()

    async def park(self) -> None:
        """Stand still for good: this branch may begin nothing new."""
        self.is_parked = True
        self.leave()
        await asyncio.get_running_loop().create_future()

    def leave(self) -> None:
        self._working -= 1
        if self._working == 0:
            self._still()

    def enter(self, branches: int = 1) -> None:
        self._working += branches

    @property
    def is_working(self) -> bool:
        """Whether the handler does not stand still."""
        return self._working > 0


def most_pressing(waits: Iterable[Wait]) -> str:
    """The one word that says what a run waits for: what needs a person comes first."""
    order = ("in_doubt", "approval", "budget", "tool", "message", "reply", "child", "timer")
    kinds = {wait.kind for wait in waits}
    return next((kind for kind in order if kind in kinds), "")
