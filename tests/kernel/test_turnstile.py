"""So many runs begin in one round of the loop, in the order in which they came."""

from __future__ import annotations

import asyncio

from perdure.kernel.turnstile import Turnstile


async def test_what_comes_at_once_begins_in_several_rounds() -> None:
    turnstile, rounds = Turnstile(at_once=2), 0
    begun: list[tuple[int, int]] = []

    async def begin(number: int) -> None:
        if not turnstile.is_free():
            await turnstile.wait()
        begun.append((number, rounds))

    tasks = [asyncio.create_task(begin(number)) for number in range(6)]
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0)
        rounds += 1
    assert [number for number, _ in begun] == list(range(6))
    assert [sum(1 for _, at in begun if at == one) for one in sorted({at for _, at in begun})] == [2, 2, 2]


async def test_who_gives_up_holds_nobody_up() -> None:
    turnstile = Turnstile(at_once=1)
    assert turnstile.is_free() and not turnstile.is_free()
    first, second = asyncio.create_task(turnstile.wait()), asyncio.create_task(turnstile.wait())
    asyncio.get_running_loop().call_soon(first.cancel)
    await asyncio.wait_for(second, 5)
    assert first.cancelled() or first.done()


async def test_it_is_free_again_in_the_next_round() -> None:
    turnstile = Turnstile(at_once=1)
    for _ in range(3):
        assert turnstile.is_free()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
