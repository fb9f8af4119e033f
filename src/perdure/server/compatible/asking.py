"""A conversation that a client sends as a whole, as a run of a published agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from perdure.base.codec import to_json
from perdure.base.errors import BrokenStream, RequestError, SpecNotFound, WrongState
from perdure.base.messages import Message
from perdure.control.results import RunResult
from perdure.kernel.failures import error_of
from perdure.kernel.store.rows import RunRow

from ..endpoint import Call
from ..invoke import key_of


async def ask(call: Call[Any, Any], model: str, messages: list[Message], *, agent: str = "") -> RunRow:
    """Accept the last message, with all before it as what was said already: to a new agent of the model's name, or to
    the `agent` that there is. Raises SpecNotFound, RequestError."""
    if not messages or messages[-1].role == "assistant":
        raise RequestError("the last message has to be one of the user's, or a tool's")
    try:
        call.runtime.shelf.spec(model)
    except SpecNotFound as error:
        raise SpecNotFound(f"there is no model {model!r}", hint="GET /v1/models lists them.", model=model) from error
    transcript = {"transcript": msgspec.to_builtins(messages, builtin_types=(bytes,))}
    return await call.runtime.accept(
        transcript, spec=model, agent=agent, key=key_of(call), who=call.who, traceparent=call.traceparent
    )


async def answer(call: Call[Any, Any], run: RunRow) -> RunResult:
    """How the run came out, where it came to an answer. Raises what it failed with, and WrongState where it waits."""
    return checked(await call.runtime.wait(run))


def checked(result: RunResult) -> RunResult:
    if result.status in ("done", "yielded"):
        return result
    if result.error is not None:
        raise error_of(result.error)
    waits = "it waits for a person" if result.waiting_for else f"it is {result.status}"
    hint = "POST /approvals/{id}/approve answers what it asks." if result.waiting_for == "approval" else ""
    raise WrongState(f"run {result.run_id} has no answer yet: {waits}", hint=hint, run_id=result.run_id)


async def pieces(call: Call[Any, Any], run: RunRow) -> AsyncIterator[str | RunResult]:
    """The answer's text as it comes, and the result last. What the agent says between its steps is a paragraph each."""
    rest = asyncio.ensure_future(call.runtime.wait(run))
    events = call.runtime.hear(run, until=rest)
    shown, is_first = "", True
    try:
        async for event in events:
            match event.type:
                case "text":
                    fresh = event.text.removeprefix(shown) if event.replaces else event.text
                    if fresh:
                        yield fresh if shown or is_first else f"\n\n{fresh}"
                        shown, is_first = shown + fresh, False
                case "restart" if shown:
                    raise BrokenStream("the answer broke off, and what was sent cannot be taken back: ask again")
                case "model":
                    left = event.text.removeprefix(shown)
                    if left:
                        yield left if shown or is_first else f"\n\n{left}"
                        is_first = False
                    shown = ""
                case _:
                    pass
        yield checked(await rest)
    finally:
        rest.cancel()
        await events.aclose()  # type: ignore[attr-defined]


def text_of(output: Any) -> str:
    return output if isinstance(output, str) else to_json(output).decode()
