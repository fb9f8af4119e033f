import asyncio

import msgspec
import pytest

from perdure.base.clock import ManualClock
from perdure.base.errors import AuthFailed, BrokenStream, ModelTimeout, Overloaded, RateLimited
from perdure.base.messages import Finished, Message, ModelRequest, Restart, Text, TextDelta
from perdure.compute.port import generate
from perdure.compute.retry import Retry, wait_before
from perdure.testing import Scripted, breaks

QUESTION = ModelRequest(model="scripted/model", messages=(Message("user", (Text("Hi"),)),), timeout_ms=60_000)
STREAMED = msgspec.structs.replace(QUESTION, stream=True)


def retrying(answers, clock, attempts=3, chance=0.0):
    model = Scripted(answers)
    return Retry(model, clock=clock, chance=lambda: chance, attempts=attempts), model


async def in_time(clock, work, step=100):
    """Run `work` while the clock is turned; the milliseconds that it took and what it gave or raised."""
    began, task = clock.now(), asyncio.ensure_future(work)
    while not task.done():
        await clock.advance(step)
    return clock.now() - began, task


async def test_a_passing_failure_is_asked_again_after_a_growing_wait():
    clock = ManualClock()
    model, asked = retrying([Overloaded("busy"), ModelTimeout("slow"), "at last"], clock)
    took, task = await in_time(clock, generate(model, QUESTION))
    assert task.result().text == "at last"
    assert 1_500 <= took <= 1_700  # 500 and 1000
    assert [request.timeout_ms for request in asked.requests] == [60_000, 59_500, 58_500]


async def test_it_gives_up_after_its_attempts_with_the_last_error():
    clock = ManualClock()
    model, asked = retrying([Overloaded("one"), Overloaded("two"), "never"], clock, attempts=2)
    _, task = await in_time(clock, generate(model, QUESTION))
    with pytest.raises(Overloaded, match="two") as caught:
        task.result()
    assert caught.value.facts["attempts"] == 2
    assert len(asked.requests) == 2


async def test_what_will_not_pass_is_not_asked_again():
    model, asked = retrying([AuthFailed("no"), "never"], ManualClock())
    with pytest.raises(AuthFailed):
        await generate(model, QUESTION)
    assert len(asked.requests) == 1


async def test_a_provider_that_says_when_is_heeded():
    clock = ManualClock()
    model, _ = retrying([RateLimited("slower", retry_after=9), "now"], clock)
    took, task = await in_time(clock, generate(model, QUESTION))
    assert task.result().text == "now"
    assert 9_000 <= took <= 9_100


async def test_a_wait_past_the_end_of_the_calls_time_is_not_begun():
    clock = ManualClock()
    model, asked = retrying([RateLimited("come tomorrow", retry_after=86_400), "never"], clock)
    with pytest.raises(RateLimited):
        await generate(model, QUESTION)
    assert len(asked.requests) == 1


async def test_a_stream_that_breaks_begins_again_as_a_whole():
    clock = ManualClock()
    model, _ = retrying([breaks("Hello the"), "Hello there"], clock)

    async def read():
        return [delta async for delta in model.stream(STREAMED)]

    _, task = await in_time(clock, read())
    *shown, last = task.result()
    assert shown == [
        TextDelta("Hello "),
        TextDelta("the"),
        Restart("the connection broke"),
        TextDelta("Hello "),
        TextDelta("there"),
    ]
    assert isinstance(last, Finished) and last.response.text == "Hello there"


async def test_nothing_is_said_to_be_void_where_nothing_was_shown():
    clock = ManualClock()
    model, _ = retrying([BrokenStream("at once"), "fine"], clock)

    async def read():
        return [delta async for delta in model.stream(STREAMED)]

    _, task = await in_time(clock, read())
    assert [type(delta) for delta in task.result()] == [TextDelta, Finished]


def test_waits_double_up_to_a_limit_and_chance_shortens_them_by_half_at_most():
    error = Overloaded("busy")
    assert [wait_before(error, attempt, 0) for attempt in (1, 2, 3, 10)] == [500, 1000, 2000, 30_000]
    assert wait_before(error, 1, 0.5) == 375
    assert wait_before(RateLimited("slower", retry_after=0.1), 1, 0) == 500
