"""Agents at rest: asleep, taken elsewhere, and many at once."""

from __future__ import annotations

import asyncio

from .samples import Ledger, OpenRuntime

MANY = 200


class Moving:
    async def test_hibernation_state_persists(self, open_runtime: OpenRuntime) -> None:
        async with open_runtime() as rt:
            assert (await rt.run(Ledger, "one", agent="sleeper")).output["kept"] == 1
            assert (await rt.change("sleeper", "hibernate")).status == "dormant"
        async with open_runtime() as rt:
            second = await rt.run(Ledger, "two", agent="sleeper")
            assert second.output["all"] == ["one", "two"]
            assert (await rt.show_agent("sleeper")).status == "active", "mail wakes it"

    async def test_export_import_roundtrip(self, open_runtime: OpenRuntime) -> None:
        async with open_runtime() as rt:
            await rt.run(Ledger, {"id": "order-7"}, agent="traveller")
            await rt.namespace.write("/agents/traveller/goals/one.json", '{"be": "elsewhere"}')
            bundle = await rt.export_agent("traveller")
            assert await rt.export_agent("traveller") == bundle
            await rt.delete_agent("traveller")
            imported = await rt.import_agent(bundle, mode="restore")
            assert (imported.id, imported.status) == ("traveller", "imported")
            assert await rt.export_agent("traveller") == bundle, "the round trip changed it"
            assert not (await rt.verify("traveller")).problems
            again = await rt.run(Ledger, {"id": "order-7"}, agent="traveller")
            assert (again.output["kept"], again.output["repeats"]) == (1, 1), "it knows what it has seen"
            clone = await rt.import_agent(bundle, mode="clone", agent="twin")
            assert clone.id == "twin" and not (await rt.verify("twin")).problems
            assert b"elsewhere" in await rt.namespace.read("/agents/twin/goals/one.json")

    async def test_multi_agent_scale(self, open_runtime: OpenRuntime) -> None:
        async with open_runtime() as rt:
            results = await asyncio.gather(*(rt.run(Ledger, f"{n}", agent=f"agent-{n}") for n in range(MANY)))
            assert all(result.status == "done" for result in results)
            assert [result.output["all"] for result in results] == [[f"{n}"] for n in range(MANY)]
            assert len(await rt.namespace.list("/agents")) == MANY
