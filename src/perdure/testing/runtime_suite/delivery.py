"""Messages: none is lost, none counts twice, and each sender's come in the order in which they were sent."""

from __future__ import annotations

import asyncio

from .samples import Ledger, OpenRuntime


class Delivery:
    async def test_at_least_once_delivery(self, open_runtime: OpenRuntime) -> None:
        async with open_runtime() as rt:
            rows = [await rt.start(Ledger, f"message {n}", agent="ledger") for n in range(5)]
            # Whoever sent them is gone before they are answered: closing waits for none of them.
        async with open_runtime(recover=True) as rt:
            results = [await rt.wait(row.id) for row in rows]
            assert [result.status for result in results] == ["done"] * 5
            assert results[-1].output["all"] == [f"message {n}" for n in range(5)]

    async def test_the_same_envelope_is_one_message(self, open_runtime: OpenRuntime) -> None:
        async with open_runtime() as rt:
            first = await rt.start(Ledger, "hello", agent="ledger", envelope_id="env_1")
            again = await rt.start(Ledger, "hello", agent="ledger", envelope_id="env_1")
            assert again.id == first.id
            assert (await rt.wait(first)).output["kept"] == 1
            late = await rt.start(Ledger, "hello", agent="ledger", envelope_id="env_1")
            assert late.id == first.id and (await rt.wait(late)).output["kept"] == 1

    async def test_dedup_helpers(self, open_runtime: OpenRuntime) -> None:
        async with open_runtime() as rt:
            first = await rt.run(Ledger, {"id": "order-7"}, agent="ledger")
            assert (first.output["kept"], first.output["repeats"]) == (1, 0)
        async with open_runtime() as rt:  # what was marked outlives the process
            second = await rt.run(Ledger, {"id": "order-7"}, agent="ledger")
            assert (second.output["kept"], second.output["repeats"]) == (1, 1)

    async def test_per_sender_ordering(self, open_runtime: OpenRuntime) -> None:
        async with open_runtime() as rt:

            async def sender(name: str) -> None:
                for n in range(5):
                    await rt.start(Ledger, f"{name}{n}", agent="ledger")

            await asyncio.gather(sender("a"), sender("b"), sender("c"))
            kept = (await rt.run(Ledger, "last", agent="ledger")).output["all"]
            for name in "abc":
                assert [one for one in kept if one.startswith(name)] == [f"{name}{n}" for n in range(5)]
