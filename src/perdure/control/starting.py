"""Starting runs: a message is checked and accepted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from perdure.agents.spec import AgentSpec
from perdure.base.codec import pack
from perdure.base.envelope import Envelope
from perdure.base.errors import InputError, KeyExists
from perdure.base.lazy import load
from perdure.base.messages import Media, Text
from perdure.flows.programs import describes_flow
from perdure.kernel.program import Program
from perdure.kernel.store.rows import RunRow

if TYPE_CHECKING:
    from perdure.agents.targets import Target
    from perdure.flows.spec import FlowSpec

    from .runtime import Runtime

Runnable: TypeAlias = "Target | FlowSpec"
"""What can be run: an agent in any of its forms, the file of a flow, or a flow."""
INPUTS = "perdure.flows.inputs:read_inputs"
STEPWISE = "step"
"""The kind of message that begins a flow which asks before each step."""
_AGENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}")
MAX_INPUT = 32 * 1024 * 1024


async def start(
    runtime: Runtime,
    target: Runnable,
    input: Any,
    *,
    agent: str | None = None,
    overrides: Sequence[str] = (),
    envelope_id: str | None = None,
    stepwise: bool = False,
) -> RunRow:
    """Accept `input` for an agent, or a flow, of this target; it is on disk when this returns. For a flow `overrides`
    are inputs, as `name=value`; `stepwise` it asks before each step."""
    spec, payload = definition_of(runtime, target, input, overrides)
    if stepwise and isinstance(spec, AgentSpec):
        raise InputError(f"{spec.name} is an agent, which has no steps to go by", hint="Run a flow step by step.")
    digest, document, program = runtime.library.add(spec)

    def message(to: str) -> Envelope:
        id, kind = envelope_id or runtime.ids.new("env"), STEPWISE if stepwise else "message"
        return Envelope(id, to, kind, payload, sender="operator", created_at=runtime.clock.now())

    if agent is not None:
        return await runtime.engine.submit(message(check_agent_id(agent)), digest, document, program)
    return await begin_new(runtime, spec.name, message, digest, document, program)


async def begin_new(
    runtime: Runtime, name: str, message: Callable[[str], Envelope], digest: str, document: bytes, program: Program
) -> RunRow:
    """Accept a message, made for its receiver, for an agent that comes to be with it, under an id that is new."""
    while True:
        agent_id = f"{name}-{runtime.ids.short()}"
        runtime.mount_changes.is_new(agent_id)
        try:
            return await runtime.engine.submit(message(agent_id), digest, document, program, is_new=True)
        except KeyExists:  # an agent has this id by chance: nobody may find himself in a stranger's conversation
            runtime.mount_changes.forget(agent_id)


def definition_of(
    runtime: Runtime, target: Runnable, input: Any, overrides: Sequence[str] = ()
) -> tuple[AgentSpec | FlowSpec, Any]:
    """What a target describes, and the input as it takes it. Raises InvalidFile and InputError."""
    if not describes_flow(target):
        return runtime.library.definition(target, overrides), payload_of(input)
    definition = runtime.library.definition(target)
    read: Callable[..., dict[str, Any]] = load(INPUTS)
    return definition, payload_of(read(definition.plan, input, overrides))


def check_agent_id(agent: str) -> str:
    """The id, where an agent can be called that. Raises InputError."""
    if not _AGENT_ID.fullmatch(agent):
        raise InputError(
            f"not an agent's id: {agent!r}",
            hint="1 to 128 letters, digits, `-`, `_`, `.` or `@`, beginning with a letter or digit.",
        )
    return agent


def payload_of(input: Any) -> Any:
    """The input as plain data. Raises InputError for what is empty, too large, or cannot be stored."""
    if isinstance(input, str) and not input.strip():
        raise InputError("the input is empty", hint="Say what the agent is to do.")
    if isinstance(input, (Text, Media)):
        input = [input]
    if not isinstance(input, str):
        input = _plain(input)
    size = len(pack(input))
    if size > MAX_INPUT:
        raise InputError(f"the input has {size:,} bytes, {MAX_INPUT:,} are allowed", hint="Put it into a file.")
    return input


def _plain(input: Any) -> Any:
    try:
        return msgspec.to_builtins(input, builtin_types=(bytes,))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the input cannot be stored: {error}", hint="Use plain data, structs or parts.") from error
