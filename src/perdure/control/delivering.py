"""Delivering a message to an agent that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from perdure.base.envelope import Envelope
from perdure.base.errors import InputError
from perdure.kernel.inbox import ANSWERS, COMMANDS
from perdure.kernel.store.rows import RunRow

from .finding import find_agent
from .starting import payload_of

if TYPE_CHECKING:
    from .runtime import Runtime


async def deliver(runtime: Runtime, envelope: Envelope) -> RunRow:
    """Accept an envelope for the agent that it names; it is on disk when this returns. The same envelope again gives
    the run that it began the first time. Raises AgentNotFound, InboxFull, and InputError for what speaks to a run."""
    if envelope.kind in ANSWERS | COMMANDS:
        raise InputError(
            f"an envelope of kind {envelope.kind!r} speaks to a run",
            hint="`perdure approve`, `resolve`, `cancel`, `pause` and `resume` do that.",
        )
    agent = await find_agent(runtime.store, envelope.to)
    envelope = replace(envelope, payload=payload_of(envelope.payload))
    spec, document, program = await runtime.library.find(agent.spec)
    return await runtime.engine.submit(envelope, spec, document, program)
