"""When a handler of many branches stands still, and for what."""

from __future__ import annotations

import asyncio

import pytest

from perdure.kernel.records import Wait
from perdure.kernel.waits import Waits, most_pressing


async def test_a_handler_stands_still_when_its_last_branch_waits():
    still = []
    waits = Waits(lambda: still.append(1))
    waits.enter()  # a second branch
    one = asyncio.create_task(waits.wait(Wait("a", "approval")))
    await asyncio.sleep(0)
    assert not still
    other = asyncio.create_task(waits.wait(Wait("b", "timer", due=5)))
    await asyncio.sleep(0)
    assert len(still) == 1
    assert [wait.key for wait in waits.wanted] == ["a", "b"]

    assert waits.answer("a", "yes")
    assert await one == "yes"
    waits.leave()  # that branch has ended
    assert len(still) == 2
    other.cancel()


async def test_nobody_waits_for_an_answer_that_comes_twice():
    waits = Waits(lambda: None)
    task = asyncio.create_task(waits.wait(Wait("a", "approval")))
    await asyncio.sleep(0)
    assert waits.answer("a", 1)
    assert not waits.answer("a", 2)
    assert not waits.answer("never asked", 3)
    assert await task == 1


async def test_a_wait_that_was_cancelled_takes_no_answer():
    waits = Waits(lambda: None)
    task = asyncio.create_task(waits.wait(Wait("a", "approval")))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert not waits.answer("a", 1)


async def test_parking_stands_still_for_good():
    still = []
    waits = Waits(lambda: still.append(1))
    assert not waits.is_parked
    task = asyncio.create_task(waits.park())
    await asyncio.sleep(0)
    assert (waits.is_parked, still) == (True, [1])
    task.cancel()


@pytest.mark.parametrize(
    ("kinds", "wanted"),
    [
        ((), ""),
        (("timer",), "timer"),
        (("timer", "child", "message"), "message"),
        (("budget", "approval"), "approval"),
        (("approval", "in_doubt"), "in_doubt"),
    ],
)
def test_what_needs_a_person_is_named_first(kinds, wanted):
    assert most_pressing(Wait(kind, kind) for kind in kinds) == wanted
