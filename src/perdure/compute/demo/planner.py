"""The planner itself: read the turn, then call the next tool or say what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from perdure.base.codec import to_json
from perdure.base.messages import (
    Delta,
    Finished,
    ModelRequest,
    ModelResponse,
    StopReason,
    Text,
    ToolCall,
    ToolDefinition,
)
from perdure.base.usage import Usage

from ..deltas import deltas_of
from ..estimate import estimate, estimate_parts
from .fit import fit
from .plan import Step, fill_step, read_plan
from .rules import Wish, abilities, wishes
from .turn import Outcome, Turn, read_turn

WHO = "I am demo/planner, a rule-based planner and not a language model"


class Planner:
    """Follows a plan (see `plan.py`) in the instructions or in what was said, or picks tools by rules. Costs nothing.

    The same request always gets the same answer, so a run that is resumed goes on as it began.
    """

    def __init__(self, name: str = "demo/planner") -> None:
        self.name = name

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        response = self.answer(request)
        if request.stream:
            for delta in deltas_of(response):
                yield delta
        else:
            yield Finished(response)

    def answer(self, request: ModelRequest) -> ModelResponse:
        said = decide(request)
        part: Text | ToolCall
        stop: StopReason
        if isinstance(said, Wish):
            part, stop = ToolCall(_next_id(request), said.tool, said.arguments), "tool_calls"
        else:
            part, stop = Text(said), "end"
        usage = Usage(estimate(request), estimate_parts((part,)))
        return ModelResponse((part,), stop, usage, model=self.name)


def decide(request: ModelRequest) -> Wish | str:
    """The next call, or the answer."""
    turn = read_turn(request.messages)
    tools = _allowed(request)
    plan = read_plan(_instructions(request)) or read_plan(turn.said)
    said = _follow(plan, turn) if plan else _by_rules(turn, tools)
    if isinstance(said, Wish) or request.output_schema is None:
        return said
    value = fit(request.output_schema, [said, *(outcome.text for outcome in turn.outcomes if not outcome.failed)])
    if value is None:
        return f"{WHO}: nothing that the tools gave has the shape asked for. {said}"
    return to_json(value).decode()


def _follow(plan: tuple[Step, ...], turn: Turn) -> Wish | str:
    done = len(turn.outcomes)
    if done and turn.outcomes[-1].failed:
        return f"Step {done} of the plan failed. {_sentence(turn.outcomes[-1])}"
    if done >= len(plan):
        return " ".join(_sentence(outcome) for outcome in turn.outcomes)
    step = fill_step(plan[done], turn)
    if step.wrong:
        return f"Step {done + 1} of the plan cannot be done: {step.wrong}."
    return Wish(step.tool, step.arguments) if step.tool else step.say


def _by_rules(turn: Turn, tools: tuple[ToolDefinition, ...]) -> Wish | str:
    called = {outcome.call.name for outcome in turn.outcomes}
    wish = next((wish for wish in wishes(turn.said, tools) if wish.tool not in called), None)
    if wish is not None:
        return wish
    if turn.outcomes:
        return " ".join(_sentence(outcome) for outcome in turn.outcomes)
    able = abilities(tools)
    if not able:
        return f"{WHO}. I have no tools here, so I cannot answer that."
    return f"{WHO}. I found no tool for that; what I can do here: {', '.join(able)}."


def _sentence(outcome: Outcome) -> str:
    name, arguments = outcome.call.name, outcome.call.arguments
    if outcome.failed:
        return f"The tool {name} reported an error: {outcome.text}"
    if isinstance(arguments, dict) and "expression" in arguments:
        return f"{arguments['expression']} = {outcome.text}"
    return f"{name} says: {outcome.text}" if outcome.text else f"{name} is done."


def _instructions(request: ModelRequest) -> str:
    return "\n".join([request.system, *(message.text for message in request.messages if message.role == "system")])


def _allowed(request: ModelRequest) -> tuple[ToolDefinition, ...]:
    if request.tool_choice == "none":
        return ()
    named = tuple(tool for tool in request.tools if tool.name == request.tool_choice)
    return named or request.tools


def _next_id(request: ModelRequest) -> str:
    made = sum(isinstance(part, ToolCall) for message in request.messages for part in message.parts)
    return f"call_{made + 1}"
