"""Fork: a new run that shares another's records before a key, and goes its own way from there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from perdure.agents.config.loader import agent_from, load_document
from perdure.agents.config.overrides import apply_overrides, parse_override
from perdure.agents.spec import AgentSpec
from perdure.base.codec import from_json, pack, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import InputError, InvalidFile, UnknownSpec
from perdure.kernel import records as r
from perdure.kernel.journal import decode, encode
from perdure.kernel.outgoing import append
from perdure.kernel.store.ops import NoAgent, Op, PutAgent, PutRun, PutSpec
from perdure.kernel.store.rows import AgentRow, RecordFilter, RunRow

from .finding import find_run, records_of

if TYPE_CHECKING:
    from .runtime import Runtime

_SHARED = (r.EffectIntended, r.EffectDone, r.EffectFailed, r.EffectResolved, r.MessageReceived, r.MessageSent)
HISTORY = 1_000
"""Records of earlier runs that a fork takes along, so that its conversation has the same past."""


async def fork(runtime: Runtime, run_id: str, at: str, *, overrides: Sequence[str], live: bool) -> RunRow:
    """A new run on an agent of its own. Without `live` it may do nothing that changes something outside."""
    run = await find_run(runtime.store, run_id)
    records = await records_of(runtime.store, run)
    place = next((number for number, record in enumerate(records) if record.key == at), None)
    if place is None:
        keys = list(dict.fromkeys(record.key for record in records if record.key))
        raise InputError(f"run {run.id} has no key {at!r}", hint=f"It has: {', '.join(keys[:20])}", keys=keys)
    accepted = decode(records[0])
    assert isinstance(accepted, r.RunAccepted)
    shared = [record for record in records[1:place] if isinstance(decode(record), _SHARED) and record.key]
    return await _begin(runtime, run, accepted, shared, await _spec(runtime, run, overrides), live)


async def _spec(runtime: Runtime, run: RunRow, overrides: Sequence[str]) -> AgentSpec:
    document = await runtime.store.spec(run.spec)
    if document is None:
        raise UnknownSpec(f"no spec {run.spec} in the store", spec=run.spec)
    if not overrides:
        return load_document(document, environment=runtime.environment)
    stored = from_json(document)
    tree, problems = apply_overrides(stored["spec"], [parse_override(text) for text in overrides])
    if problems:
        raise InvalidFile("; ".join(str(problem) for problem in problems), problems=tuple(problems))
    return agent_from(tree, environment=runtime.environment, project=runtime.project, folder=stored["folder"])


async def _begin(
    runtime: Runtime, run: RunRow, accepted: r.RunAccepted, shared: list[r.Record], spec: AgentSpec, live: bool
) -> RunRow:
    digest, document, program = runtime.library.add(spec)
    now = runtime.clock.now()
    agent_id = f"{run.agent_id}-fork-{runtime.ids.short()}"
    id = runtime.ids.new("run")
    envelope = msgspec.structs.replace(
        unpack_as(accepted.body, Envelope), id=runtime.ids.new("env"), to=agent_id, reply_to=""
    )
    first = msgspec.structs.replace(
        accepted,
        spec=digest,
        parent="",
        forked_from=run.id,
        live=live,
        tools=program.tools,
        body=msgspec.Raw(pack(envelope)),
    )
    row = RunRow(id, agent_id, digest, envelope.id, "running", now, root=id, started_at=now, budget=program.per_run)
    history = await runtime.store.records(
        RecordFilter(run.agent_id, types=("run.accepted", "effect.done")),
        before=run.first_seq,
        limit=HISTORY,
        order="newest",
    )
    past = [msgspec.structs.replace(record, agent_id=agent_id, seq=0, hash=b"") for record in reversed(history)]
    own = [
        encode(first, agent_id=agent_id, run_id=id, key="", at=now),
        *(msgspec.structs.replace(record, agent_id=agent_id, run_id=id, seq=0, hash=b"") for record in shared),
    ]
    agent = AgentRow(agent_id, digest, now, active_run=id)
    ops: list[Op] = [PutSpec(digest, document, now), PutAgent(agent)]
    if past:
        ops += append(agent_id, past)
    # A run left in state running with no owner is what recovery finds: the engine goes on with it from its records.
    await runtime.store.commit([*ops, *append(agent_id, own), PutRun(row)], (NoAgent(agent_id),))
    runtime.engine.wake(agent_id)
    return row
