"""Watching: what happens is told in order, to whoever watches, and to who comes back as well."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from perdure.namespace.port import Change, Watch

from .samples import Ledger, OpenRuntime

PATIENCE = 20
TRACE = "/agents/ledger/logs/trace"


class Watching:
    async def test_watch_semantics(self, open_runtime: OpenRuntime) -> None:
        async with open_runtime() as rt:
            await rt.run(Ledger, "before anybody watched", agent="ledger")
            one, other = [await rt.namespace.watch(TRACE) for _ in range(2)]
            await rt.run(Ledger, "watched", agent="ledger")
            seen = [await until_finished(watch) for watch in (one, other)]
            assert seen[0] == seen[1], "two watchers saw different things"
            assert [change.seq for change in seen[0]] == sorted({change.seq for change in seen[0]})
            first = json.loads(seen[0][0].data)
            assert (first["type"], first["body"]["payload"]) == ("run.accepted", "watched")
            await one.aclose()
            assert [change async for change in one] == []
            await rt.run(Ledger, "while one was away", agent="ledger")
        async with open_runtime() as rt:  # a cursor is good in another process too
            again = await rt.namespace.watch(TRACE, seen[0][-1].seq)
            missed = json.loads((await until_finished(again))[0].data)
            assert missed["body"]["payload"] == "while one was away"
            lost = await rt.namespace.watch(TRACE, 10**12)
            assert (await following(lost)).kind == "gap"

    async def test_every_change_of_a_file_is_told(self, open_runtime: OpenRuntime) -> None:
        async with open_runtime() as rt:
            await rt.run(Ledger, "hello", agent="ledger")
            watch = await rt.namespace.watch("/agents/ledger/goals")
            goal = "/agents/ledger/goals/ship.json"
            await rt.namespace.write(goal, "1")
            await rt.namespace.write(goal, "2")
            await rt.namespace.remove(goal)
            told: list[Any] = [await following(watch) for _ in range(3)]
            assert [change.kind for change in told] == ["created", "modified", "deleted"]
            assert {change.path for change in told} == {("agents", "ledger", "goals", "ship.json")}


async def following(watch: Watch) -> Change:
    return await asyncio.wait_for(watch.__anext__(), PATIENCE)


async def until_finished(watch: Watch) -> list[Change]:
    """Changes up to the end of a run."""
    found: list[Change] = []
    while not found or json.loads(found[-1].data)["type"] != "run.finished":
        found.append(await following(watch))
    return found
