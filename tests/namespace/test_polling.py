"""Watching what tells nobody when it changes."""

from __future__ import annotations

import asyncio

import pytest

from perdure.base.errors import FileTooLarge
from perdure.namespace.path import Path
from perdure.namespace.polling import Polling
from perdure.testing import ManualClock


class Shelf:
    """What is there, by path, and how often somebody looked."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.holds: dict[Path, int] = {(): 0}
        self.looks = 0
        self.broken = False
        self.polling = Polling(self.look, self.clock, 100)

    async def look(self, path: Path) -> dict[Path, int]:
        self.looks += 1
        if self.broken:
            raise FileTooLarge("too much to look at")
        return {one: seen for one, seen in self.holds.items() if one[: len(path)] == path}


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


async def test_nobody_looks_while_nobody_watches(shelf: Shelf) -> None:
    watch = await shelf.polling.watch(())
    await shelf.clock.advance(1_000)
    looked = shelf.looks
    assert looked >= 10
    await watch.aclose()
    await shelf.clock.advance(1_000)
    assert shelf.looks <= looked + 1


async def test_changes_are_told_once_to_each_who_watches(shelf: Shelf) -> None:
    outer, inner = await shelf.polling.watch(()), await shelf.polling.watch(("d",))
    shelf.holds |= {("a",): 1, ("d",): 0, ("d", "x"): 1}
    await shelf.clock.advance(100)
    shelf.holds[("d", "x")] = 2
    await shelf.clock.advance(100)
    del shelf.holds[("d", "x")], shelf.holds[("d",)]
    await shelf.clock.advance(100)
    told = [("created", ("d",)), ("created", ("d", "x")), ("modified", ("d", "x")), ("deleted", ("d", "x"))]
    changes = [await anext(aiter(inner)) for _ in range(5)]
    assert [(change.kind, change.path) for change in changes] == [*told, ("deleted", ("d",))]
    changes = [await anext(aiter(outer)) for _ in range(6)]
    assert [(change.kind, change.path) for change in changes] == [("created", ("a",)), *told, ("deleted", ("d",))]


async def test_what_cannot_be_looked_at_is_a_gap_told_once(shelf: Shelf) -> None:
    watch = await shelf.polling.watch(())
    shelf.broken = True
    await shelf.clock.advance(500)
    assert (await anext(aiter(watch))).kind == "gap"
    shelf.broken = False
    shelf.holds[("a",)] = 1
    await shelf.clock.advance(100)
    assert (await anext(aiter(watch))).kind == "created"
    waiting = asyncio.ensure_future(anext(aiter(watch), None))
    await shelf.clock.advance(500)
    assert not waiting.done()
    await watch.aclose()
    assert await waiting is None


async def test_many_places_are_forgotten_with_a_gap_not_in_silence(shelf: Shelf) -> None:
    for number in range(100):
        watch = await shelf.polling.watch((str(number),))
        await watch.aclose()
    again = await shelf.polling.watch(("0",), 0)
    assert (await anext(aiter(again))).kind == "gap"
    recent = await shelf.polling.watch(("99",), 0)
    shelf.holds[("99",)] = 1
    await shelf.clock.advance(100)
    assert (await anext(aiter(recent))).path == ("99",)
