"""Hearing a run while it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from perdure.agents.asking import Heard
from perdure.base.codec import unpack, unpack_as
from perdure.base.messages import ModelResponse, Restart, TextDelta, ThinkingDelta
from perdure.flows.interpreter.seen import StepSeen
from perdure.kernel import records as r
from perdure.kernel.budgets import low
from perdure.kernel.journal import decode

from .finding import find_run
from .results import RunResult

if TYPE_CHECKING:
    from .runtime import Runtime
    from .starting import Runnable

EventType: TypeAlias = Literal[
    "now",
    "accepted",
    "text",
    "thinking",
    "restart",
    "model",
    "tool_start",
    "tool_end",
    "waiting",
    "resumed",
    "warning",
    "step",
    "agent",
    "budget",
    "result",
]


class RunEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened. `text` for text and thinking as they come; `restart` voids the text shown since the
    last `model`; `tool_start` has `data` of id, name and arguments, `tool_end` the same id; `warning` tells in `text`
    that a budget is nearly spent, in `data` which and how far; `step` tells how the step of a flow stands that `text`
    names, its `data` being kind, state, value and error; `result` is the last and has the `result`.

    `seq` is a cursor: `hear` with it gives what follows. It is 0 where nothing durable ends here. `replaces` marks text
    that stands for all that was shown of this answer before. Where several runs are heard, `run_id` and `agent_id` say
    whose it is, and there are besides: `now`, nothing but a cursor to begin with, `accepted`, `agent` (it came into
    another state of its life, as `data` says) and `budget` (somebody set a limit).
    """

    type: EventType
    key: str = ""
    text: str = ""
    data: Any = None
    result: RunResult | None = None
    seq: int = 0
    replaces: bool = False
    run_id: str = ""
    agent_id: str = ""


async def stream(
    runtime: Runtime, target: Runnable, input: Any, *, agent: str | None, overrides: Sequence[str]
) -> AsyncIterator[RunEvent]:
    with runtime.engine.live.listen() as queue:
        run = await runtime.start(target, input, agent=agent, overrides=overrides)
        yield RunEvent("accepted", data={"run_id": run.id, "agent_id": run.agent_id})
        async for event in _until(queue, run.id, runtime.wait(run)):
            yield event


async def follow(runtime: Runtime, run_id: str, rest: Awaitable[RunResult]) -> AsyncIterator[RunEvent]:
    run = await find_run(runtime.store, run_id)
    with runtime.engine.live.listen(run.id) as queue:
        async for event in _until(queue, run.id, rest):
            yield event


async def _until(queue: asyncio.Queue[Any], run_id: str, rest: Awaitable[RunResult]) -> AsyncIterator[RunEvent]:
    """What is heard of a run until it comes to `rest`, and the result last."""
    end = asyncio.ensure_future(rest)
    try:
        async for event in _hear(queue, run_id, end):
            yield event
        yield RunEvent("result", result=await end)
    finally:
        end.cancel()


async def _hear(queue: asyncio.Queue[Any], run_id: str, end: asyncio.Future[RunResult]) -> AsyncIterator[RunEvent]:
    while True:
        heard = asyncio.ensure_future(queue.get())
        await asyncio.wait((heard, end), return_when=asyncio.FIRST_COMPLETED)
        if not heard.done():
            heard.cancel()
            return
        who, item = heard.result()
        if who == run_id:
            for event in events_of(item):
                yield event


def place_of(key: str) -> str:
    """Where in the run an effect is: the key of the text that a model says there."""
    return key[: key.rfind("/") + 1]


def events_of(item: Any) -> list[RunEvent]:
    """What a record just written, or a delta of a model, means to somebody who listens."""
    if isinstance(item, Heard):
        match item.delta:
            case TextDelta(text):
                return [RunEvent("text", item.key, text)]
            case ThinkingDelta(text):
                return [RunEvent("thinking", item.key, text)]
            case Restart(reason):
                return [RunEvent("restart", item.key, reason)]
            case _:
                return []
    if isinstance(item, StepSeen):
        told = {"kind": item.kind, "state": item.state, "value": item.value, "error": item.error}
        return [RunEvent("step", item.path, item.place, told)]
    if not isinstance(item, r.Record):
        return []
    event = decode(item)
    match event:
        case r.EffectDone() if event.kind == "model":
            response = unpack_as(event.body, ModelResponse)
            calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in response.tool_calls]
            spent = {"cost_microusd": event.cost, "usage": event.usage, "ms": event.ms}
            said = RunEvent("model", item.key, response.text, spent)
            return [said, *(RunEvent("tool_start", item.key, data=call) for call in calls)]
        case r.EffectDone() if event.kind == "tool":
            done = {"id": event.note.get("call", ""), "output": unpack(event.body), "ms": event.ms}
            return [RunEvent("tool_end", item.key, data=done)]
        case r.EffectFailed() if event.kind == "model":
            return [RunEvent("restart", place_of(item.key), str(unpack(event.body)["message"]))]
        case r.EffectFailed() if event.kind == "tool":
            failed = {"id": event.note.get("call", ""), "error": unpack(event.body), "ms": event.ms}
            return [RunEvent("tool_end", item.key, data=failed)]
        case r.RunWaiting():
            return [RunEvent("waiting", item.key, data=[msgspec.to_builtins(wait) for wait in event.waits])]
        case r.RunResumed():
            return [RunEvent("resumed", item.key, event.reason)]
        case r.BudgetWarned():
            about = {"scope": event.scope, "spent_microusd": event.spent, "limit_microusd": event.limit}
            return [RunEvent("warning", item.key, low(event.scope, event.spent, event.limit), about)]
        case _:
            return []
