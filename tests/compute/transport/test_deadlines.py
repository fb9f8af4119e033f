"""Many ends by one timer: each is called when its time has come, and not when it was dropped before."""

import asyncio

from perdure.compute.transport.plain.deadlines import Deadlines


class Call:
    def __init__(self, over: list["Call"]) -> None:
        self.over = over

    def expire(self) -> None:
        self.over.append(self)


async def test_calls_expire_in_the_order_of_their_ends_however_they_were_put() -> None:
    loop, over = asyncio.get_running_loop(), list[Call]()
    deadlines, calls = Deadlines(loop), [Call(over) for _ in range(4)]
    for call, ms in zip(calls, (30, 10, 20, 0), strict=True):
        deadlines.put(call, loop.time() + ms / 1000)
    deadlines.drop(calls[2])
    while len(over) < 3:
        await asyncio.sleep(0.005)
    assert over == [calls[3], calls[1], calls[0]]


async def test_a_call_that_was_put_again_has_its_new_end() -> None:
    loop, over = asyncio.get_running_loop(), list[Call]()
    deadlines, call, other = Deadlines(loop), Call(over), Call(over)
    deadlines.put(call, loop.time())
    deadlines.put(call, loop.time() + 3600)
    deadlines.put(other, loop.time() + 0.01)
    while not over:
        await asyncio.sleep(0.005)
    assert over == [other]
    deadlines.close()


async def test_one_that_expires_may_drop_another() -> None:
    loop, over = asyncio.get_running_loop(), list[Call]()
    deadlines, last = Deadlines(loop), Call(over)

    class Dropping(Call):
        def expire(self) -> None:
            super().expire()
            deadlines.drop(last)

    first, end = Dropping(over), loop.time() + 0.005
    deadlines.put(first, end)
    deadlines.put(last, end)
    await asyncio.sleep(0.05)
    assert over == [first]


async def test_nothing_expires_once_it_is_closed() -> None:
    loop, over = asyncio.get_running_loop(), list[Call]()
    deadlines = Deadlines(loop)
    deadlines.put(Call(over), loop.time() + 0.005)
    deadlines.close()
    await asyncio.sleep(0.02)
    assert over == []
