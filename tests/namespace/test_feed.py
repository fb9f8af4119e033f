"""One bounded backlog for any number of watchers."""

from __future__ import annotations

import asyncio
import gc

from perdure.base.clock import settle
from perdure.namespace.feed import Feed
from perdure.testing import ManualClock


async def test_every_watcher_gets_every_change() -> None:
    feed = Feed()
    watches = [await feed.watch() for _ in range(3)]
    assert [feed.tell("data", data=bytes([letter])) for letter in b"abc"] == [1, 2, 3]
    for watch in watches:
        assert b"".join([(await anext(watch)).data for _ in range(3)]) == b"abc"


async def test_a_slow_watcher_is_told_of_the_gap() -> None:
    feed = Feed(backlog=3)
    watch = await feed.watch()
    for number in range(10):
        feed.tell("data", data=str(number).encode())
    gap = await anext(watch)
    assert (gap.kind, gap.seq) == ("gap", 7)
    assert [(await anext(watch)).data for _ in range(3)] == [b"7", b"8", b"9"]
    again = await feed.watch(gap.seq)
    assert (await anext(again)).data == b"7"


async def test_a_cursor_of_an_earlier_process_is_a_gap() -> None:
    feed = Feed()
    feed.tell("data", data=b"new")
    watch = await feed.watch(500)
    gap = await anext(watch)
    assert (gap.kind, gap.seq) == ("gap", 0)
    assert (await anext(watch)).data == b"new"


async def test_a_source_that_can_wait_waits_for_the_slowest() -> None:
    clock = ManualClock()
    feed = Feed(backlog=2, clock=clock, patience_ms=1_000)
    fast, slow = await feed.watch(), await feed.watch()
    for letter in b"ab":
        await feed.put("data", data=bytes([letter]))
    putting = asyncio.ensure_future(feed.put("data", data=b"c"))
    assert [(await anext(fast)).data for _ in range(2)] == [b"a", b"b"]
    await settle()
    assert not putting.done()
    assert (await anext(slow)).data == b"a"
    await putting
    assert [(await anext(slow)).data for _ in range(2)] == [b"b", b"c"]


async def test_it_does_not_wait_for_ever() -> None:
    clock = ManualClock()
    feed = Feed(backlog=1, clock=clock, patience_ms=1_000)
    watch = await feed.watch()
    await feed.put("data", data=b"a")
    putting = asyncio.ensure_future(feed.put("data", data=b"b"))
    await clock.advance(999)
    assert not putting.done()
    await clock.advance(1)
    await putting
    assert [(await anext(watch)).kind for _ in range(2)] == ["gap", "data"]


async def test_who_leaves_holds_up_nobody() -> None:
    feed = Feed(backlog=1, clock=ManualClock())
    closed, forgotten = await feed.watch(), await feed.watch()
    await feed.put("data", data=b"a")
    putting = asyncio.ensure_future(feed.put("data", data=b"b"))
    await settle()
    await closed.aclose()
    await settle()
    assert not putting.done()
    putting.cancel()
    del forgotten
    gc.collect()
    assert not feed.watched
    await feed.put("data", data=b"c")


async def test_a_place_is_watched_with_paths_of_its_own() -> None:
    feed = Feed()
    watch = await feed.at(("jobs", "1"))(None)
    feed.tell("created", ("jobs", "10", "stream"))
    feed.tell("created", ("jobs", "1", "stream"))
    feed.tell("modified", ("jobs", "1"))
    changes = [await anext(aiter(watch)) for _ in range(2)]
    assert [(change.kind, change.path, change.seq) for change in changes] == [
        ("created", ("stream",), 2),
        ("modified", (), 3),
    ]


async def test_watchers_end_with_their_source() -> None:
    feed = Feed()
    watch = await feed.watch()
    waiting = asyncio.ensure_future(anext(watch))
    feed.tell("data", data=b"last")
    feed.end()
    assert (await waiting).data == b"last"
    assert [change async for change in watch] == []
    late = await feed.watch(0)
    assert [change.data async for change in late] == [b"last"]
