"""Fork: a new run that shares another's records before a key, and goes its own way from there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from perdure.agents.config.loader import agent_from
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
    from perdure.flows.spec import FlowSpec

    from .runtime import Runtime
    from .starting import Runnable

_SHARED = (r.EffectIntended, r.EffectDone, r.EffectFailed, r.EffectResolved, r.MessageReceived, r.MessageSent)
HISTORY = 1_000
"""Records of earlier runs that a fork takes along, so that its conversation has the same past."""


async def fork(
    runtime: Runtime, run_id: str, at: str, *, overrides: Sequence[str], live: bool, target: Runnable | None = None
) -> RunRow:
    """A new run on an agent of its own, of the same spec or that of another `target`; `at` is a key, or a step of a
    flow. Without `live` it may do nothing that changes something outside."""
    run = await find_run(runtime.store, run_id)
    records = await records_of(runtime.store, run)
    inside = f"{at}/"
    here = (n for n, record in enumerate(records) if record.key == at or record.key.startswith(inside))
    place = next(here, None)
    if place is None:
        keys = list(dict.fromkeys(record.key for record in records if record.key))
        raise InputError(f"run {run.id} has no key {at!r}", hint=f"It has: {', '.join(keys[:20])}", keys=keys)
    accepted = decode(records[0])
    assert isinstance(accepted, r.RunAccepted)
    shared = [record for record in records[1:place] if isinstance(decode(record), _SHARED) and record.key]
    unanswered = _unanswered(records[:place])
    shared = [record for record in shared if not record.key.startswith(inside) and record.key not in unanswered]
    if target is None:
        spec = await _spec(runtime, run, overrides)
    else:
        spec = runtime.library.definition(target, overrides)
    return await _begin(runtime, run, accepted, shared, spec, live)


def _unanswered(records: Sequence[r.Record]) -> set[str]:
    """Keys under which something was asked of others whose answer is not shared: it is to be asked anew."""
    asked: set[str] = set()
    for record in records:
        event = decode(record)
        if isinstance(event, r.RunWaiting):
            asked |= {wait.key for wait in event.waits if wait.kind in ("child", "reply")}
    answered = {record.key for record in records if record.type == r.MessageReceived.type}
    return {key.rpartition("/")[0] for key in asked - answered}


async def _spec(runtime: Runtime, run: RunRow, overrides: Sequence[str]) -> AgentSpec | FlowSpec:
    document = await runtime.store.spec(run.spec)
    if document is None:
        raise UnknownSpec(f"no spec {run.spec} in the store", spec=run.spec)
    definition: AgentSpec | FlowSpec = runtime.library.load(document)
    if not overrides:
        return definition
    if not isinstance(definition, AgentSpec):
        raise InputError("a flow has no overrides", hint="Change its file, and fork with that.")
    stored = from_json(document)
    tree, problems = apply_overrides(stored["spec"], [parse_override(text) for text in overrides])
    if problems:
        raise InvalidFile("; ".join(str(problem) for problem in problems), problems=tuple(problems))
    return agent_from(tree, environment=runtime.environment, project=runtime.project, folder=stored["folder"])


async def _begin(
    runtime: Runtime,
    run: RunRow,
    accepted: r.RunAccepted,
    shared: list[r.Record],
    spec: AgentSpec | FlowSpec,
    live: bool,
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
