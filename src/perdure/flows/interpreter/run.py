"""One run of a flow, from its inputs to its outputs."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

from perdure.base.errors import PerdureError, WrongResult
from perdure.kernel.failures import error_of
from perdure.namespace.context import Context

from ..expressions.evaluate import evaluate
from ..inputs import inputs_of_event, read_inputs
from ..plan import Plan, Sequential
from ..types import mismatch
from .failures import FATAL
from .flow import Flow
from .names import Names
from .ready import Ready
from .settings import open_part
from .undoing import UNDOING


async def run(ctx: Context, ready: Ready) -> Any:
    """Carry a flow out; its output is a mapping of its `outputs`, or the result of its last step.

    Where it fails or is cancelled, what was done is undone; `finally` comes last in any case.
    """
    flow, plan = Flow(ctx, ready), ready.plan
    root = await _open(flow)
    steps = Sequential(path="", steps=plan.steps, timeout_ms=plan.timeout_ms, on_error=plan.on_error)
    # Once it began to undo, nothing but that goes on: also where somebody resumes the run after it failed.
    decided = ctx.recalled(UNDOING)
    try:
        with ctx.closed() if decided is not None else nullcontext():
            value = await flow.caught(steps, root, plan.timeout_ms is None)
            value = _outputs(plan, root) if plan.outputs else value
    except asyncio.CancelledError:
        if ctx.is_over:
            raise
        if decided is None or ctx.is_cancelling:
            await _undo(flow, root, None)
            raise
        why = error_of(decided)
        await _undo(flow, root, why)
        raise why from None
    except FATAL:
        raise
    except PerdureError as error:
        await _undo(flow, root, error)
        raise
    await flow.inside("finally", plan.finally_, root.branch())
    return value


async def _open(flow: Flow) -> Names:
    """The names that a flow begins with."""
    ctx, ready, plan = flow.ctx, flow.ready, flow.ready.plan
    env: dict[str, Any] = {}
    if plan.environment and ctx.restored is None:

        async def look(_: str) -> dict[str, str]:
            return open_part(ready.environment, ready.secrets)

        env = {**ready.environment, **await ctx.effect("environment", "", look, effect="read")}
    root = Names({"run": {"id": ctx.run_id, "flow": plan.name}, "env": env})
    flow.progress.open(root)
    if ctx.restored is None:
        given = ctx.envelope.payload
        inputs = read_inputs(plan, inputs_of_event(plan, given) if _has_happened(ctx) else given)
        for input in plan.inputs:
            if input.name not in inputs:
                inputs[input.name] = None if input.default is None else evaluate(input.default, root)
        root.own.update(inputs, inputs=inputs)
        for name, node in plan.env:
            env[name] = evaluate(node, root)
    return root


def _has_happened(ctx: Context) -> bool:
    """Whether it was begun by something that its `on` names, and not by somebody who knows what it takes."""
    return ctx.envelope.kind == "alarm" or bool(ctx.envelope.topic)


async def _undo(flow: Flow, root: Names, why: PerdureError | None) -> None:
    try:
        await flow.undoing.undo(flow, why)
    finally:
        if not flow.ctx.is_over:
            with flow.ctx.shielded():
                await flow.inside("finally", flow.ready.plan.finally_, root.branch())


def _outputs(plan: Plan, names: Names) -> dict[str, Any]:
    outputs = {output.name: evaluate(output.value, names) for output in plan.outputs}
    for output in plan.outputs:
        wrong = mismatch(output.type, outputs[output.name], output.name)
        if wrong is not None:
            raise WrongResult(f"the output does not fit: {wrong}")
    return outputs
