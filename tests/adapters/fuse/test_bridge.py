"""Threads ask the event loop, and are let go when nobody waits for their answer."""

from __future__ import annotations

import asyncio
import errno

import pytest

from perdure.adapters.fuse.bridge import Bridge
from perdure.base.errors import BudgetExceeded, FileDenied, ModelTimeout


async def test_a_thread_gets_the_answer():
    async def answer():
        await asyncio.sleep(0)
        return 42

    bridge = Bridge(asyncio.get_running_loop(), lambda: False)
    assert await asyncio.to_thread(bridge.run, answer()) == 42


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (FileDenied("access denied"), errno.EACCES),
        (FileDenied("the mount is read only"), errno.EROFS),
        (BudgetExceeded("no money"), errno.EDQUOT),
        (ModelTimeout("too long"), errno.EIO),
    ],
)
async def test_an_error_becomes_a_number(error, number):
    async def fail():
        raise error

    bridge = Bridge(asyncio.get_running_loop(), lambda: False)
    with pytest.raises(OSError) as raised:
        await asyncio.to_thread(bridge.run, fail())
    assert raised.value.errno == number


async def test_who_is_interrupted_waits_no_longer_and_what_it_asked_for_is_cancelled():
    cancelled = asyncio.Event()

    async def wait():
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    bridge = Bridge(asyncio.get_running_loop(), lambda: True)
    with pytest.raises(OSError) as raised:
        await asyncio.to_thread(bridge.run, wait())
    assert raised.value.errno == errno.EINTR
    await cancelled.wait()


async def test_a_closed_bridge_lets_everybody_go():
    bridge = Bridge(asyncio.get_running_loop(), lambda: False)
    begun = asyncio.Event()

    async def wait():
        begun.set()
        await asyncio.Event().wait()

    waiting = asyncio.create_task(asyncio.to_thread(bridge.run, wait()))
    await begun.wait()
    bridge.close()
    with pytest.raises(OSError):
        await waiting
    with pytest.raises(OSError) as raised:
        await asyncio.to_thread(bridge.run, wait())
    assert raised.value.errno == errno.ENOTCONN
