"""A bound on the time of a call, beside other reasons for its end."""

from __future__ import annotations

import asyncio

import pytest

from perdure.tools.limit import Limit


async def test_a_call_in_time_is_left_alone() -> None:
    limit = Limit(60_000)
    await asyncio.sleep(0)
    assert not limit.end()
    assert asyncio.current_task().cancelling() == 0


async def test_a_call_that_takes_too_long_is_cancelled_and_the_task_lives_on() -> None:
    limit = Limit(1)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    assert limit.end()
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0)


async def test_who_is_cancelled_from_outside_is_not_late() -> None:
    said: list[bool] = []

    async def call() -> None:
        limit = Limit(60_000)
        try:
            await asyncio.Event().wait()
        finally:
            said.append(limit.end())

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert said == [False]


async def test_cancelled_from_outside_and_late_is_cancelled() -> None:
    said: list[bool] = []

    async def call() -> None:
        limit = Limit(1)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            task.cancel()  # somebody else, while the call comes to its end
        said.append(limit.end())
        await asyncio.sleep(0)

    task = asyncio.create_task(call())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert said == [False]
