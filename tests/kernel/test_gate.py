"""The gate: receipts first, and nobody waits for ever."""

from __future__ import annotations

import asyncio

from perdure.kernel import gate
from perdure.kernel.gate import AT_ONCE, Gate


def test_some_are_worked_on_beside_any_number_of_arrivals() -> None:
    assert not Gate().is_full(AT_ONCE)
    assert Gate().is_full(AT_ONCE + 1)


async def test_the_rest_begins_when_nothing_arrives_any_more() -> None:
    one = Gate()
    waiting = [asyncio.ensure_future(one.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert one.is_full(AT_ONCE + 4) and not one.is_full(AT_ONCE + 3)  # who waits takes no place
    await asyncio.wait_for(asyncio.gather(*waiting), 5)
    assert one.is_full(AT_ONCE + 1)


async def test_what_is_on_its_way_to_the_disk_goes_before_what_is_there() -> None:
    one = Gate()
    one.arriving.update(str(n) for n in range(AT_ONCE))
    assert one.is_full(1)  # a thousand ask at once: not one of them is worked on before all have their receipts
    waiting = asyncio.ensure_future(one.wait())
    await asyncio.sleep(gate.QUIET_MS * 4 / 1000)
    assert not waiting.done()
    one.arriving.clear()
    await asyncio.wait_for(waiting, 5)


async def test_whoever_has_waited_long_enough_begins_while_more_arrive() -> None:
    one = Gate()
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def arrive() -> None:
        while True:
            one.arrived += 1
            await asyncio.sleep(0)

    arriving = asyncio.ensure_future(arrive())
    await asyncio.wait_for(one.wait(), 30)
    arriving.cancel()
    assert loop.time() - began >= gate.PATIENCE_MS / 1000


async def test_one_who_has_gone_meanwhile_holds_up_nobody() -> None:
    one = Gate()
    gone, stays = asyncio.ensure_future(one.wait()), asyncio.ensure_future(one.wait())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait_for(stays, 5)
    assert gone.cancelled()
