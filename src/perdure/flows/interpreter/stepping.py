"""Step by step: a person is asked before each step, sees what it will get, and lets it happen or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.base.errors import FlowError

from ..expressions.evaluate import evaluate
from ..expressions.tree import Node
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

if TYPE_CHECKING:
    from .flow import Flow
    from .leaves import Work
    from .names import Names

OPTIONS = ("continue", "skip", "run", "quit")
"""Do this step, leave it out with the result null, do all that come without asking, or fail here."""


async def stepped(flow: Flow, step: Step, names: Names, work: Work) -> Any:
    """The step's result, once a person lets it happen; null where it is to be left out."""
    return await work(flow, step, names) if flow.ctx.is_cancelling or await _allow(flow, step, names) else None


async def _allow(flow: Flow, step: Step, names: Names) -> bool:
    about = {"step": flow.place, "kind": type(step).__struct_config__.tag, **inputs_of(step, names)}
    with flow.ctx.scope("before"):
        said = await flow.ctx.ask(f"Do {flow.place}?", options=OPTIONS, about=about)
    match said:
        case "skip" | "deny":
            return False
        case "quit":
            raise FlowError(f"it was stopped before {flow.place}", hint="`perdure fork RUN --at STEP` goes on there.")
        case "run":
            flow.is_stepping = False
    return True


def inputs_of(step: Step, names: Names) -> dict[str, Any]:
    """What the step will get, as far as it can be known before."""
    match step:
        case Agent():
            return {"agent": step.agent, "input": evaluate(step.input, names)}
        case Tool():
            return {"tool": step.tool, "with": _values(step.arguments, names)}
        case SubFlow():
            return {"flow": step.flow, "with": _values(step.inputs, names)}
        case Set():
            return {}
        case Emit() | Request() | Gather():
            return {"topic": evaluate(step.topic, names), "with": evaluate(step.payload, names)}
        case Contract():
            return {"topic": evaluate(step.topic, names), "task": evaluate(step.task, names)}
        case Barrier():
            return {"name": evaluate(step.meeting, names), "parties": step.parties}
        case Broadcast():
            return {"with": evaluate(step.payload, names)}
        case Approval():
            return {"question": evaluate(step.question, names)}
        case Await():
            return {"topic": evaluate(step.topic, names)}
        case Sleep():
            moment: Node | None = step.span if step.span is not None else step.until
            return {} if moment is None else {"for" if step.span is not None else "until": evaluate(moment, names)}
        case Fail():
            return {"message": evaluate(step.message, names)}
        case _:
            return {}


def _values(nodes: tuple[tuple[str, Node], ...], names: Names) -> dict[str, Any]:
    return {name: evaluate(node, names) for name, node in nodes}
