"""What steps do that hold no other steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from perdure.agents.calling import perform
from perdure.base.codec import to_json
from perdure.base.duration import parse_duration
from perdure.base.errors import FlowError, InputError, ToolError, WrongResult
from perdure.base.messages import ToolCall
from perdure.kernel.contest import never
from perdure.kernel.context import ChildResult
from perdure.kernel.failures import error_of
from perdure.tools.call import Prepared

from ..expressions.evaluate import evaluate, truth
from ..plan import (
    Agent,
    Approval,
    Await,
    Barrier,
    Broadcast,
    Contract,
    Emit,
    Fail,
    Gather,
    Request,
    Set,
    Sleep,
    Step,
    SubFlow,
    Tool,
)
from ..types import Type, mismatch
from . import together

if TYPE_CHECKING:
    from .flow import Flow
    from .names import Names

Work: TypeAlias = Callable[["Flow", Any, "Names"], Awaitable[Any]]


async def _agent(flow: Flow, step: Agent, names: Names) -> Any:
    given = evaluate(step.input, names)
    agent = flow.ready.spec.agents[step.agent]
    return _fitting(step.shape, _output(await flow.ctx.run(agent, _asked(given)), step.agent))


async def _flow(flow: Flow, step: SubFlow, names: Names) -> Any:
    inputs = {name: evaluate(node, names) for name, node in step.inputs}
    return _output(await flow.ctx.run(flow.ready.spec.flows[step.flow], inputs), step.flow)


def _asked(given: Any) -> Any:
    """What an agent is asked: text as it is, anything else as the data that it is."""
    if given is None or (isinstance(given, str) and not given.strip()):
        raise InputError(
            "there is nothing to ask: the input is empty", hint="Look at what the step's `input` refers to."
        )
    return given if isinstance(given, (str, dict)) else to_json(given).decode()


def _output(child: ChildResult, name: str) -> Any:
    """What a child run came to. Raises what it failed with."""
    if child.error is None:
        return child.output
    error = error_of(child.error)
    error.message = f"{name}: {error.message}"
    error.facts = {"run": child.run_id}
    raise error


async def _tool(flow: Flow, step: Tool, names: Names) -> Any:
    tool = flow.ready.tools[step.tool]
    arguments = {name: evaluate(node, names) for name, node in step.arguments}
    tool.check(arguments)
    call = ToolCall("", tool.definition.name, arguments)
    output = await perform(flow.ctx, Prepared(call, tool, arguments, tool.effect_of(arguments)))
    if output.error:
        raise ToolError(output.text, tool=call.name)
    return _fitting(step.shape, output.plain)


async def _set(flow: Flow, step: Set, names: Names) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, node in step.values:
        values[name] = evaluate(node, names)
        names.assign(name, values[name])
    return values


async def _emit(flow: Flow, step: Emit, names: Names) -> str:
    id = flow.ctx.topics.publish(str(evaluate(step.topic, names)), evaluate(step.payload, names))
    await flow.ctx.dispatch()
    return id


async def _fail(flow: Flow, step: Fail, names: Names) -> Any:
    raise FlowError(str(evaluate(step.message, names)))


def _fitting(shape: Type | None, value: Any) -> Any:
    wrong = None if shape is None else mismatch(shape, value)
    if wrong is not None:
        raise WrongResult(f"the result does not fit: {wrong}")
    return value


# -- waiting ----------------------------------------------------------------------------------------------------------


async def _sleep(flow: Flow, step: Sleep, names: Names) -> None:
    if step.until is not None:
        await flow.ctx.sleep_until(_moment(evaluate(step.until, names)))
        return
    assert step.span is not None
    span = evaluate(step.span, names)
    if not isinstance(span, (str, int, float)):
        raise InputError(f"not a duration: {span!r}", hint="Write 500ms, 10s, 2m, 1h30m, 7d, or a number of seconds.")
    await flow.ctx.sleep(parse_duration(span))


def _moment(value: Any) -> int:
    """Milliseconds UTC from RFC 3339, or from themselves."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        hint = "Write it as 2027-01-31T09:00:00Z, or as milliseconds UTC."
        raise InputError(f"not a moment: {value!r}", hint=hint) from error
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


async def _event(flow: Flow, step: Await, names: Names) -> Any:
    topics = flow.ctx.topics

    async def next_one() -> Any:
        # Each wait listens for itself: two that wait for one topic both hear all of it.
        async with topics.listening(str(evaluate(step.topic, names)), name=flow.place) as id:
            while True:
                event = await topics.hear(id)
                if event is not None and (step.match is None or truth(step.match, names.lens(event=event.payload))):
                    return event.payload

    if step.patience_ms is None:
        return await next_one()
    (branch,) = await flow.ctx.contest(next_one, enough=never, within_ms=step.patience_ms)
    if branch.error is not None and branch.state == "failed":
        raise branch.error
    return branch.value if branch.state == "done" else None


async def _approval(flow: Flow, step: Approval, names: Names) -> Any:
    question = str(evaluate(step.question, names))
    about = None if step.about is None else evaluate(step.about, names)
    options = step.options or ("approve", "deny")
    while True:
        said = await flow.ctx.ask(question, options=options, about=about, timeout_ms=step.patience_ms)
        if said is None:
            return None if step.late is None else evaluate(step.late, names)
        if not step.options:
            return said in (True, "approve")
        if said in options:
            return said


LEAVES: dict[type[Step], Work] = {
    Agent: _agent,
    Tool: _tool,
    SubFlow: _flow,
    Set: _set,
    Emit: _emit,
    Sleep: _sleep,
    Await: _event,
    Approval: _approval,
    Fail: _fail,
    Request: together.request,
    Gather: together.gather,
    Contract: together.contract,
    Barrier: together.barrier,
    Broadcast: together.broadcast,
}
"""What gives the result of each step that holds no other steps."""
