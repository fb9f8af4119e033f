"""Two clocks: the system's, and one that is turned by hand."""

from __future__ import annotations

import asyncio

from perdure.base.clock import ManualClock, SystemClock


async def test_the_system_clock_goes_forward():
    clock = SystemClock()
    before = clock.now()
    await clock.sleep(2)
    assert clock.now() > before > 1_600_000_000_000


async def test_sleepers_wake_in_the_order_of_their_time():
    clock, woken = ManualClock(0), []

    async def sleeper(ms):
        await clock.sleep(ms)
        woken.append((ms, clock.now()))

    tasks = [asyncio.create_task(sleeper(ms)) for ms in (300, 100, 200)]
    await clock.advance(250)
    assert woken == [(100, 100), (200, 200)]
    assert clock.now() == 250
    await clock.advance(50)
    assert woken[-1] == (300, 300)
    await asyncio.gather(*tasks)


async def test_a_sleep_of_nothing_only_lets_others_go_on():
    await ManualClock().sleep(0)


async def test_a_sleeper_that_was_cancelled_is_passed_over():
    clock = ManualClock(0)
    task = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)
    task.cancel()
    await clock.advance(20)
    assert (clock.now(), task.cancelled()) == (20, True)
