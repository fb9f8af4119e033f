"""The books at the end: what was accepted, done, spent and written has to balance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import topics

import flows
from perdure.base.codec import unpack
from perdure.kernel import records as r
from perdure.kernel.journal import decode
from perdure.kernel.store.rows import RecordFilter, RunFilter, RunRow

if TYPE_CHECKING:
    from scenario import World


async def wrong(world: World) -> list[str]:
    """Every promise that was broken, a line each."""
    store = world.disk.store
    runs = (await store.runs(RunFilter(), limit=100_000)).items
    agents = (await store.agents(limit=10_000)).items
    ends = {run.id: await _end(world, run) for run in runs}
    found = [*_accepted(world, runs, ends), *_acts(world, runs, ends), *_order(world)]
    for agent in agents:
        found += [f"{agent.id}: {line}" for line in await store.verify(agent.id)]
        counted = sum(
            1 for run in runs if run.agent_id == agent.id for said in _said(ends[run.id]) if said == "counted"
        )
        state = unpack(agent.state) if agent.state else 0
        if bool(counted) != bool(state) or state > counted:
            found.append(f"{agent.id} counted {state}, its runs say {counted}")
        if agent.owner in world.stopped:
            found.append(f"{agent.id} is still held by {agent.owner}, which ended in good order")
    found += await topics.wrong(world, runs)
    for run in runs:
        if run.spec.startswith("flow"):
            found += await flows.wrong(world, run.id, ends[run.id])
        elif not world.is_trimmed:
            heard = (said for said in _said(ends[run.id]) if isinstance(said, dict))
            found += [line for said in heard for line in topics.heard_wrong(said, world.disk.log)]
    found += await _money(world, agents, runs)
    if left := await store.next_due():
        found.append(f"a timer is left, due at {left}")
    return found


async def _end(world: World, run: RunRow) -> tuple[str, Any]:
    """How the run ended, and what it gave back."""
    wanted = RecordFilter(run.agent_id, run.id, ("run.finished",))
    found = [decode(one) for one in await world.disk.store.records(wanted, limit=10)]
    assert all(isinstance(one, r.RunFinished) for one in found)
    if len(found) != 1:
        return f"{len(found)} ends", None
    return found[0].status, unpack(found[0].body)


def _said(end: tuple[str, Any]) -> list[Any]:
    return end[1] if end[0] == "done" and isinstance(end[1], list) else []


def _accepted(world: World, runs: list[RunRow], ends: dict[str, tuple[str, Any]]) -> Iterator[str]:
    by_id = {run.id: run for run in runs}
    for run in runs:
        if ends[run.id][0] != run.status:
            yield f"{run.id} is {run.status}, its record says {ends[run.id][0]}"
    for sent in world.sent:
        if sent.run is None or sent.run.id not in by_id:
            yield f"m{sent.number} was accepted as {sent.run and sent.run.id}, which is gone"
            continue
        status, output = ends[sent.run.id]
        breaks = sent.plan and sent.plan[-1]["do"] == "break"
        allowed = {"failed" if breaks else "done"} | ({"cancelled"} if sent.is_cancelled else set())
        if sent.flow:
            allowed |= {"failed"}  # what a flow may fail with, its own books say
        if status not in allowed:
            wanted = " or ".join(sorted(allowed))
            yield f"m{sent.number} ({sent.run.id}) is {status} and was to be {wanted}: {output}"
        if status == "done" and not sent.flow and len(output) != len(sent.plan):
            yield f"m{sent.number} did {len(output)} of {len(sent.plan)} steps"
    begun = [run.envelope_id for run in runs]
    for id in {id for id in begun if begun.count(id) > 1}:
        yield f"{id} began {begun.count(id)} runs"


def _acts(world: World, runs: list[RunRow], ends: dict[str, tuple[str, Any]]) -> Iterator[str]:
    """Each act once: of those that a run says were done, exactly once."""
    by_run: dict[str, list[str]] = defaultdict(list)
    for label, keys in world.outside.acts.items():
        by_run[label.partition(":")[0]].append(label)
        if len(keys) > 1:
            yield f"{label} ({world.outside.classes[label]}) was done {len(keys)} times, under {set(keys)}"
    for run in runs:
        for text in _texts(_said(ends[run.id])):
            if text.startswith(f"did {run.id}:"):
                label = text.removeprefix("did ")
                if world.outside.classes[label] != "read" and not world.outside.acts[label]:
                    yield f"{label} is said to be done and was not"


def _texts(said: Any) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, list):
        for one in said:
            yield from _texts(one)


def _order(world: World) -> Iterator[str]:
    """What one client sent to one agent begins in the order in which it was accepted."""
    for agent_id, numbers in world.outside.began.items():
        for client in {number // 100 for number in numbers}:
            own = [number for number in numbers if number // 100 == client]
            if own != sorted(own):
                yield f"{agent_id} took the messages of client {client} in the order {own}"


async def _money(world: World, agents: list[Any], runs: list[RunRow]) -> list[str]:
    ledger = world.disk.ledger
    found = list(ledger.wrong)
    found += [f"{scope} of period {n} has {left} reserved" for (scope, n), left in ledger.reserved.items() if left]
    for row in (await world.disk.store.scopes_like("", limit=100_000)).items:
        place = ledger.newest(row.id)
        kept = ledger.reserved[place], ledger.spent[place]
        if (row.reserved, row.spent) != kept:
            found.append(f"{row} holds something else than was committed, {kept}")
    for pool in world.purse.pools:
        for name, limit in (("day", pool.per_day), ("month", pool.per_month)):
            spent, told = ledger.spent_in_all(f"{pool.id}:{name}"), sum(run.cost for run in runs)
            if limit is not None and spent != told:
                found.append(f"{pool.id}:{name} spent {spent}, all runs say {told}")
    for agent in agents:
        spent = ledger.spent_in_all(f"agent:{agent.id}:day")
        told = sum(run.cost for run in runs if run.agent_id == agent.id)
        mine = sum(run.cost for run in runs if run.agent_id == agent.id or run.parent in _family(runs, agent.id))
        if not told <= spent <= mine:
            found.append(f"{agent.id} spent {spent}, its runs say {told}, with children {mine}")
        if spent % 100:
            found.append(f"{agent.id} spent {spent}, which no sum of prices makes")
    return found


def _family(runs: list[RunRow], agent_id: str) -> set[str]:
    """Runs of the agent, and those below them."""
    family = {run.id for run in runs if run.agent_id == agent_id}
    while more := {run.id for run in runs if run.parent in family} - family:
        family |= more
    return family
