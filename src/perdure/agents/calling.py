"""Calling a tool, as an effect of the class that the tool declares."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from functools import partial

from perdure.base.codec import digest
from perdure.base.errors import EffectFailed, PerdureError, ToolDenied, ToolError
from perdure.base.messages import Text, ToolCall, ToolResult
from perdure.kernel.classes import NotDone, Outcome, Unsure
from perdure.namespace.context import Context
from perdure.tools.call import Prepared, answer, error_result, failure, prepare
from perdure.tools.port import ToolOutput

from .conversation import as_output
from .setup import Setup


async def call_all(ctx: Context, setup: Setup, calls: Sequence[ToolCall]) -> list[ToolResult]:
    """The results of the calls of one answer, in order; as many at once as the spec allows."""
    at_once = setup.spec.limits.calls_at_once
    results: list[ToolResult] = []
    for first in range(0, len(calls), at_once):
        batch = calls[first : first + at_once]
        results += await ctx.gather(*(call_tool(ctx, setup, call) for call in batch), name="call")
    return results


async def call_tool(ctx: Context, setup: Setup, call: ToolCall) -> ToolResult:
    """One call. Whatever goes wrong with it, the model reads as its result."""
    prepared = prepare(setup.tools, call)
    if isinstance(prepared, ToolResult):
        return prepared
    policy = setup.consent(call.name)
    if policy is not None and not await _allowed(ctx, prepared, policy, setup.spec.approvals.expire_ms):
        return error_result(call, f"{call.name} was not approved. Do not try it again; go on without it.")
    try:
        output = await perform(ctx, prepared)
    except (ToolError, EffectFailed) as error:
        return failure(call, error)
    return answer(call, output, key=f"{ctx.place}tool:{call.name}")


def perform(ctx: Context, prepared: Prepared) -> Awaitable[ToolOutput]:
    """A call that may be made, as the effect that the tool declares, or as a part of the handler. Raises ToolError and
    EffectFailed."""
    return _take_part(ctx, prepared) if prepared.effect is None else _act(ctx, prepared)


async def _act(ctx: Context, prepared: Prepared) -> ToolOutput:
    tool, call, arguments = prepared.tool, prepared.call, prepared.arguments
    assert prepared.effect is not None

    async def do(key: str) -> Outcome:
        if not await ctx.may_call(call.name):
            raise _taken_away(call.name)
        try:
            return Outcome(await tool.call(arguments, key=key, ctx=ctx))
        except ToolError:
            raise
        except PerdureError as error:
            raise EffectFailed(error.message, hint=error.hint) from error

    # The arguments stand in the model's answer already; only an intent repeats them, for a person to judge.
    request = None if prepared.effect == "read" else {"tool": call.name, "arguments": arguments}
    asked = digest([call.name, arguments])
    output = await ctx.effect(
        "tool",
        call.name,
        do,
        request=request,
        asked=asked,
        effect=prepared.effect,
        type=ToolOutput,
        probe=partial(_look, ctx, prepared),
        note={"call": call.id} if call.id else None,
    )
    return as_output(output)


async def _look(ctx: Context, prepared: Prepared, key: str) -> Outcome | NotDone | Unsure:
    """Whether the call was made, and what it gave."""
    found = await prepared.tool.reconcile(prepared.arguments, key=key, ctx=ctx)
    return found if isinstance(found, (NotDone, Unsure)) else Outcome(found)


async def _take_part(ctx: Context, prepared: Prepared) -> ToolOutput:
    """A tool that takes the context is part of the handler; its result is recorded for later conversations."""
    tool, call = prepared.tool, prepared.call

    async def check(_: str) -> None:
        if not await ctx.may_call(call.name):
            raise _taken_away(call.name)

    try:
        # What it may do was decided when it was first come to: also this is on record.
        await ctx.effect("granted", call.name, check, effect="read")
        output = await tool.call(prepared.arguments, key=ctx.uuid(), ctx=ctx)
    except ToolError as error:
        output = ToolOutput((Text(f"Error: {error.message}"),), error=True)

    async def known(_: str) -> Outcome:
        return Outcome(output)

    asked, note = digest([call.name, prepared.arguments]), {"call": call.id} if call.id else None
    recorded: ToolOutput = await ctx.effect(
        "tool", call.name, known, asked=asked, effect="read", type=ToolOutput, note=note
    )
    return recorded


def _taken_away(tool: str) -> ToolDenied:
    return ToolDenied(
        f"{tool} was taken away from this agent", hint="Do not try it again; go on without it.", tool=tool
    )


async def _allowed(ctx: Context, prepared: Prepared, policy: str, expire_ms: int | None) -> bool:
    """Whether a person lets this call be made, with these arguments. Who does not answer in time does not."""
    call = prepared.call
    said = await ctx.ask(
        f"May {ctx.agent_id} call {call.name}?",
        options=("approve", "deny"),
        timeout_ms=expire_ms,
        about={"tool": call.name, "arguments": prepared.arguments, "policy": f"approve: {policy}"},
    )
    return said in (True, "approve")
