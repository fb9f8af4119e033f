"""What a picture says of a step, in few words."""

from __future__ import annotations

from perdure.base.duration import show_duration

from ..expressions.tree import Expression, Fields, Items, Join, Literal, Node
from ..plan import (
    Agent,
    Approval,
    Await,
    Barrier,
    Broadcast,
    Condition,
    Contract,
    Emit,
    Fail,
    Gather,
    Loop,
    Parallel,
    Race,
    Request,
    Sequential,
    Set,
    Sleep,
    Step,
    SubFlow,
    Switch,
    Tool,
)


def shown(node: Node | None) -> str:
    """A value as it stands in the file."""
    match node:
        case None:
            return ""
        case Expression(text):
            return f"${{{text}}}"
        case Literal(value):
            return value if isinstance(value, str) else str(value)
        case Join(parts):
            return "".join(shown(part) for part in parts)
        case Items(parts):
            return f"[{', '.join(shown(part) for part in parts)}]"
        case Fields(parts):
            return f"{{{', '.join(f'{name}: {shown(part)}' for name, part in parts)}}}"
        case _:
            return "…"


def bare(node: Node | None) -> str:
    """An expression without its braces."""
    return node.text if isinstance(node, Expression) else shown(node)


def title(step: Step) -> str:
    """The id of a step, or what stands for it."""
    return step.id or about(step)


def about(step: Step) -> str:
    """What a step does."""
    match step:
        case Agent():
            return step.agent
        case Tool():
            return step.tool.rpartition(":")[2]
        case SubFlow():
            return step.flow.rpartition("/")[2]
        case Set():
            return ", ".join(name for name, _ in step.values)
        case Emit():
            return shown(step.topic)
        case Sleep():
            return _until(step)
        case Await():
            return shown(step.topic)
        case Approval():
            return shown(step.question)
        case Request():
            return f"{shown(step.topic)} · within {show_duration(step.within_ms)}"
        case Gather():
            few = " or fewer" if step.partial else ""
            return f"{shown(step.topic)} · the first {step.first}{few} · within {show_duration(step.within_ms)}"
        case Contract():
            score = bare(step.score) if step.score is not None else "score"
            return f"{shown(step.topic)} · {step.best} {score} · within {show_duration(step.within_ms)}"
        case Barrier():
            return f"{shown(step.meeting)} · {step.parties} parties · within {show_duration(step.within_ms)}"
        case Broadcast():
            return shown(step.thread) or "the thread"
        case Fail():
            return shown(step.message)
        case Condition():
            return bare(step.cases[0].when) if step.cases else "condition"
        case Switch():
            return bare(step.value)
        case Sequential():
            return "in order"
        case Parallel():
            return _parallel(step)
        case Race():
            return "race" if step.first == 1 else f"race: the first {step.first}"
        case Loop():
            return _loop(step)


KIND = {
    Agent: "agent",
    Tool: "tool",
    SubFlow: "flow",
    Set: "set",
    Emit: "emit",
    Sleep: "wait",
    Await: "event",
    Approval: "approval",
    Request: "request",
    Gather: "gather",
    Contract: "contract",
    Barrier: "barrier",
    Broadcast: "broadcast",
    Fail: "fail",
    Condition: "if",
    Switch: "switch",
    Sequential: "sequential",
    Parallel: "parallel",
    Race: "race",
    Loop: "loop",
}


def rules(step: Step) -> list[str]:
    """What stands around a step."""
    found = []
    if step.when is not None:
        found.append("only if")
    if step.timeout_ms is not None:
        found.append(f"≤ {show_duration(step.timeout_ms)}")
    if step.retry is not None:
        found.append(f"{step.retry.attempts} tries")
    if step.on_error == ():
        found.append("may fail")
    if step.compensate:
        found.append("can be undone")
    if step.finally_:
        found.append("finally")
    return found


def _until(step: Sleep) -> str:
    if step.span is None:
        return f"until {shown(step.until)}"
    value = step.span.value if isinstance(step.span, Literal) else None
    return show_duration(value * 1000) if isinstance(value, int | float) else shown(step.span)


def _parallel(step: Parallel) -> str:
    words = ["side by side"]
    if step.at_once is not None:
        words.append(f"{step.at_once} at once")
    if step.need is not None:
        words.append(f"{step.need} of {len(step.branches)} needed")
    if step.within_ms is not None:
        words.append(f"within {show_duration(step.within_ms)}")
    return " · ".join(words)


def _loop(step: Loop) -> str:
    if step.mode == "each":
        words = [f"for each {step.item} of {bare(step.over)}"]
        if step.concurrency > 1:
            words.append(f"{step.concurrency} at once")
    else:
        words = [f"{step.mode} {bare(step.condition)}"]
    if step.limit is not None:
        words.append(f"at most {step.limit:,}")
    return " · ".join(words)
