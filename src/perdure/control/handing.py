"""Calls of tools that are the client's own: what a run waits for, and what the client says they gave.

The id of a call names the run and the place in it, so that nobody has to remember which conversation it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from perdure.base.codec import digest
from perdure.base.envelope import Envelope
from perdure.base.errors import ClientSilent, InputError, WrongState
from perdure.kernel import records as r
from perdure.kernel.execution import opened
from perdure.kernel.journal import decode
from perdure.kernel.outgoing import answer
from perdure.kernel.store.ops import Op
from perdure.kernel.store.rows import RecordFilter, RunRow
from perdure.tools.client import Given

from .listing import MOST, spec_name
from .results import RunResult
from .starting import payload_of

if TYPE_CHECKING:
    from .runtime import Runtime

_ID = re.compile(r"call_[0-9a-f]{32}_[0-9a-f]{12}")


class HandedOver(msgspec.Struct, frozen=True):
    """A call that the client is to make."""

    id: str
    name: str
    arguments: Mapping[str, Any]


class GoingOn(msgspec.Struct, frozen=True):
    """A run that got what it waited for. `run` is its row of before, `after` the cursor behind which the answer to
    whoever gave it begins, and `beyond` the waits that are over (see `Runtime.wait`)."""

    run: RunRow
    after: int = 0
    beyond: tuple[r.Wait, ...] = ()


def handed_over(result: RunResult) -> tuple[HandedOver, ...]:
    """The calls that the client is to make before this run can go on."""
    if result.status != "waiting":
        return ()  # what one that is queued waits for is another's
    return tuple(
        HandedOver(_id(result.run_id, wait.key), wait.about["tool"], wait.about["arguments"])
        for wait in result.waits
        if wait.kind == "tool"
    )


async def hand_back(runtime: Runtime, given: Mapping[str, Given], *, spec: str, who: str) -> GoingOn | None:
    """Give a run of this spec what calls gave, by their ids; it is on disk when this returns. The same again changes
    nothing, and lets a run that failed since go on. None where these are no calls of a run that could go on with them.

    Raises InputError where some that the run waits for are missing, WrongState where it was given something else,
    ClientSilent where they come too late.
    """
    given = {id: one for id, one in given.items() if _ID.fullmatch(id)}
    run = await _run_of(runtime, given)
    if run is None or run.status == "cancelled" or await spec_name(runtime, run.spec) != spec:
        return None
    waits = (await runtime.engine.ended(run)).waits
    waited = {_id(run.id, wait.key): wait for wait in waits if wait.kind == "tool"}
    if not waited.keys() & given.keys():
        return await _again(runtime, run, given)
    missing = [id for id in waited if id not in given]
    if missing:
        raise InputError(f"no results of {', '.join(missing)}", hint="Send those of all calls.", missing=missing)
    (newest,) = await runtime.store.records(RecordFilter(run.agent_id, run.id), limit=1, order="newest")
    now, ops = runtime.clock.now(), list[Op]()
    for id, wait in waited.items():
        said = payload_of(given[id])
        envelope = Envelope(f"env_{digest(id)}", run.agent_id, "reply", said, who, correlation=wait.key, created_at=now)
        ops += answer(envelope, run.id, now=now)
    await runtime.store.reap()
    await runtime.store.commit(
        ops
    )  # of two who give them at once the first counts: an envelope's id is that of its call
    runtime.engine.wake(run.agent_id)
    return GoingOn(run, newest.seq, waits)


async def _run_of(runtime: Runtime, given: Mapping[str, Given]) -> RunRow | None:
    runs = {id.split("_")[1] for id in given}
    return await runtime.store.load_run(f"run_{runs.pop()}") if len(runs) == 1 else None


async def _again(runtime: Runtime, run: RunRow, given: Mapping[str, Given]) -> GoingOn | None:
    """The run that was given this before."""
    filter = RecordFilter(run.agent_id, run.id, (r.MessageReceived.type,))
    records = await runtime.store.records(filter, limit=MOST, order="newest")
    before = {_id(run.id, record.key): record for record in records}
    if not given.keys() <= before.keys():
        return None
    for id, said in given.items():
        event = decode(before[id])
        assert isinstance(event, r.MessageReceived)
        envelope = opened(event)
        if envelope is None:
            raise ClientSilent(f"the run waited for {id} no longer", run_id=run.id)
        if digest(envelope.payload) != digest(payload_of(said)):
            raise WrongState(f"{id} had another result before", hint="Send what was sent first.", run_id=run.id)
    if run.status == "failed":
        await runtime.resume(run.id, wait=False)
    return GoingOn(run, max(before[id].seq for id in given))


def _id(run_id: str, key: str) -> str:
    return f"call_{run_id.removeprefix('run_')}_{digest(key)[:12]}"
