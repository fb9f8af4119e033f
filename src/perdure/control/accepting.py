"""Accepting a request for an agent that is known by name: one that there is, or one that a file publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from perdure.agents.spec import AgentSpec
from perdure.base.codec import digest, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import AgentNotFound, InputError, KeyReused, SpecNotFound
from perdure.kernel import records as r
from perdure.kernel.journal import decode
from perdure.kernel.program import Program
from perdure.kernel.store.rows import RecordFilter, RunRow

from .starting import begin_new, check_agent_id, definition_of

if TYPE_CHECKING:
    from perdure.flows.spec import FlowSpec

    from .runtime import Runtime


async def accept(
    runtime: Runtime,
    input: Any,
    *,
    spec: str = "",
    agent: str = "",
    key: str = "",
    who: str = "operator",
    traceparent: str = "",
    tracestate: str = "",
) -> RunRow:
    """Accept `input` for the agent with the id `agent`, or for a new one of the published `spec`; it is on disk when
    this returns. An agent that there is has the `spec` named from this run on, or what is published now under the name
    of its own; one that is not there yet comes to be from the `spec` named, or from the one of its own name.

    The same idempotency `key` again gives the same run. Raises SpecNotFound, AgentNotFound, KeyReused.
    """
    (digest_, document, program), payload = await _program(runtime, spec, agent, input)

    def message(to: str) -> Envelope:
        id = envelope_id(to, key) if key else runtime.ids.new("env")
        now = runtime.clock.now()
        return Envelope(
            id, to, payload=payload, sender=who, traceparent=traceparent, created_at=now, tracestate=tracestate
        )

    if not agent and not key:
        return await begin_new(runtime, spec, message, digest_, document, program)
    envelope = message(agent or f"{spec}-{digest(key)[:16]}")
    run = await runtime.engine.submit(envelope, digest_, document, program)
    if key:
        await _check_same(runtime, run, envelope)
    return run


def envelope_id(agent: str, key: str) -> str:
    """What the request with this idempotency key is for this agent, however often it comes."""
    return f"env_{digest([agent, key])}"


async def _program(runtime: Runtime, spec: str, agent: str, input: Any) -> tuple[tuple[str, bytes, Program], Any]:
    """What is to be run, and the input as it takes it."""
    if not spec and not agent:
        raise InputError("name a published agent, or the id of one that there is", hint="GET /specs lists the former.")
    if agent:
        check_agent_id(agent)
        row = None if spec else await runtime.store.load_agent(agent)
        if row is not None:
            definition = await runtime.library.defined(row.spec)
            if isinstance(definition, AgentSpec):
                definition = await runtime.shelf.follows(row.spec) or definition
            definition, payload = definition_of(runtime, definition, input)
            return runtime.library.add(definition), payload
    try:
        definition, payload = definition_of(runtime, published(runtime, spec or agent), input)
    except SpecNotFound as error:
        if spec:
            raise
        hint = "Name the `spec` that it is to come from."
        raise AgentNotFound(f"no agent is called {agent!r}", hint=hint, agent_id=agent) from error
    return runtime.library.add(definition), payload


def published(runtime: Runtime, name: str) -> AgentSpec | FlowSpec:
    """The agent that is published under this name, or else the flow. Raises SpecNotFound."""
    try:
        return runtime.shelf.spec(name)
    except SpecNotFound:
        return runtime.flows.flow(name)


async def _check_same(runtime: Runtime, run: RunRow, envelope: Envelope) -> None:
    """Refuse a key that was used for something else before."""
    first = await runtime.store.records(RecordFilter(run.agent_id, run.id, ("run.accepted",)), limit=1)
    accepted = decode(first[0]) if first else None
    if not isinstance(accepted, r.RunAccepted):
        return
    before = unpack_as(accepted.body, Envelope)
    # Another try is made at another time, and may be another span of its sender.
    of_try = {name: getattr(before, name) for name in ("created_at", "sender", "traceparent", "tracestate")}
    if digest(replace(envelope, **of_try)) != digest(before):
        raise KeyReused("this Idempotency-Key came with another input before", run_id=run.id)
