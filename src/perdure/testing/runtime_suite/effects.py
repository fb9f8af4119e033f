"""Effects: done once, answered from the journal after."""

from __future__ import annotations

from typing import Any

from perdure.agents.python import Agent
from perdure.base.clock import ManualClock
from perdure.base.envelope import Envelope
from perdure.kernel.context import Context
from perdure.kernel.idempotency import Idempotency, Scope

from .samples import OpenRuntime


class Payer(Agent):
    """Pays with a key, waits for a person, and is executed again from the beginning after that."""

    keys: list[str] = []

    async def on_message(self, ctx: Context, message: Envelope) -> Any:
        async def pay(key: str) -> str:
            Payer.keys.append(key)
            return f"paid under {key}"

        receipt = await ctx.effect("pay", "bill", pay, request=message.payload, effect="idempotent")
        said = await ctx.ask("Was that right?")
        return [receipt, said]


class IdempotentEffects:
    async def test_idempotent_effects(self, open_runtime: OpenRuntime) -> None:
        Payer.keys = []
        async with open_runtime() as rt:
            asked = await rt.run(Payer, "7 francs", agent="payer")
            assert (asked.status, asked.waiting_for) == ("waiting", "approval")
        async with open_runtime() as rt:
            result = await rt.wait(await rt.approve(asked.run_id, "yes"), beyond=asked.waits)
            assert result.output == [f"paid under {Payer.keys[0]}", "yes"]
            assert len(Payer.keys) == 1, "the handler ran twice, the effect once"

    async def test_an_answer_is_remembered_for_its_time(self, open_runtime: OpenRuntime) -> None:
        clock = ManualClock()
        async with open_runtime() as rt:
            journal, scope = Idempotency(rt.store, clock), Scope("agent", "provider")
            assert await journal.get(scope, "key") is None
            assert await journal.put(scope, "key", b"first", ttl_ms=50) == b"first"
            assert await journal.put(scope, "key", b"second", ttl_ms=50) == b"first", "the earlier answer counts"
            assert await journal.get(scope, "key") == b"first"
            await clock.advance(60)
            assert await journal.get(scope, "key") is None
