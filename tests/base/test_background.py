"""Work beside the rest: there once, and gone when it has been stopped."""

from __future__ import annotations

import asyncio

import pytest

from perdure.base.background import Background


async def test_it_runs_once_until_it_is_stopped_and_can_run_again() -> None:
    begun: list[str] = []
    ended: list[str] = []

    async def work(name: str) -> None:
        begun.append(name)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    background = Background(work)
    await background.stop()
    background.start("one")
    background.start("two")
    await asyncio.sleep(0)
    assert begun == ["one"]
    await background.stop()
    await background.stop()
    assert ended == ["one"]
    background.start("three")
    await asyncio.sleep(0)
    await background.stop()
    assert (begun, ended) == (["one", "three"], ["one", "three"])


async def test_what_it_failed_with_is_told_to_who_stops_it() -> None:
    async def work() -> None:
        raise OSError("gone")

    background = Background(work)
    background.start()
    await asyncio.sleep(0)
    with pytest.raises(OSError, match="gone"):
        await background.stop()
