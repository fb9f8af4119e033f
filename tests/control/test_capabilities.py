"""What became of a call, found out from the log at whatever place a process ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.envelope import Envelope
from perdure.base.errors import ToolError, ToolFailed, ToolTimeout
from perdure.bus.capabilities import CLAIMED, call_topic, claim_id, done, failed, offer_topic
from perdure.control import capabilities
from perdure.control.capabilities import Capabilities
from perdure.kernel.classes import NotDone, Unsure

TOPIC = call_topic("add", "1.0")


class Program:
    """One that offers `add`, and does with a call what a test wants of it."""

    def __init__(self, rt: perdure.Runtime) -> None:
        self.rt = rt

    async def asked(self) -> list[Envelope]:
        return [event.envelope for event in await self.rt.topics.events(TOPIC)]

    async def claim(self, call: Envelope) -> bool:
        return (await self.rt.publish(CLAIMED, "me", id=claim_id(call.id))).is_new

    async def answer(self, call: Envelope, payload: Any) -> None:
        await self.rt.topics.reply(call, payload)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capabilities, "LATE_MS", 30)


async def attempt(broker: Capabilities, timeout_ms: int = 30) -> Any:
    return await broker.call("add", "1.0", {"a": 1}, key="k", sender="ann", timeout_ms=timeout_ms)


async def found(broker: Capabilities) -> Any:
    return await broker.find_out("add", "1.0", key="k")


async def test_a_call_that_never_left_was_not_done(tmp_path: Path) -> None:
    async with perdure.open(tmp_path) as rt:
        program = Program(rt)
        assert await found(rt.capabilities) == NotDone()
        assert await found(rt.capabilities) == NotDone()
        # What stands in the log since cannot be done; the next attempt is another one.
        assert [await program.claim(call) for call in await program.asked()] == [False, False]
        with pytest.raises(ToolFailed):
            await attempt(rt.capabilities)
        assert [call.id for call in await program.asked()] == ["cap_k.1", "cap_k.2", "cap_k.3"]


async def test_a_call_that_nobody_took_is_withdrawn(tmp_path: Path) -> None:
    async with perdure.open(tmp_path) as rt:
        program = Program(rt)
        with pytest.raises(ToolFailed, match="nobody who offers add"):
            await attempt(rt.capabilities)
        (call,) = await program.asked()
        assert not await program.claim(call)
        assert await found(rt.capabilities) == NotDone()


async def test_a_call_that_somebody_took_and_never_answered(tmp_path: Path) -> None:
    async with perdure.open(tmp_path) as rt:
        program = Program(rt)
        await rt.publish(CLAIMED, "me", id=claim_id("cap_k.1"))
        with pytest.raises(ToolTimeout):
            await attempt(rt.capabilities)
        assert await found(rt.capabilities) == Unsure()
        (call,) = await program.asked()
        await program.answer(call, done(3))
        assert await found(rt.capabilities) == 3
        assert await attempt(rt.capabilities) == 3
        assert len(await program.asked()) == 1


async def test_the_first_answer_counts_and_an_error_is_one(tmp_path: Path) -> None:
    async with perdure.open(tmp_path) as rt:
        program = Program(rt)
        await rt.publish(CLAIMED, "me", id=claim_id("cap_k.1"))
        with pytest.raises(ToolTimeout):
            await attempt(rt.capabilities)
        (call,) = await program.asked()
        await program.answer(call, failed(ToolError("it broke")))
        await program.answer(call, done(3))
        for look in (found, attempt):
            with pytest.raises(ToolError, match="it broke"):
                await look(rt.capabilities)


@pytest.mark.parametrize(
    "said", [None, 7, "ok", {"status": "odd"}, {"status": "error"}, {"status": "error", "error": 1}]
)
async def test_an_answer_that_is_none(tmp_path: Path, said: Any) -> None:
    async with perdure.open(tmp_path) as rt:
        await rt.publish("reply.cap_k", said)
        with pytest.raises(ToolError, match="is none"):
            await attempt(rt.capabilities)


async def test_what_is_no_offer_is_passed_over(tmp_path: Path) -> None:
    async with perdure.open(tmp_path) as rt:
        assert await rt.capabilities.offered("add", "1.0") is None
        offer = {"name": "add", "version": "1.0", "description": "Adds", "input_schema": {"type": "object"}}
        await rt.publish(offer_topic("add", "1.0"), {**offer, "provider": "old"})
        await rt.publish(offer_topic("add", "1.0"), {**offer, "provider": "new", "effect": "read"})
        for nonsense in ("add", {"name": "add"}, {**offer, "effect": "explode"}, {**offer, "input_schema": 7}):
            await rt.publish(offer_topic("add", "1.0"), nonsense)
        latest = await rt.capabilities.offered("add", "1.0")
        assert latest is not None and (latest.provider, latest.effect) == ("new", "read")
