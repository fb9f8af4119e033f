"""`/agui/{spec}`: a page's thread as a durable agent of a published spec."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from perdure.agents.transcript import Options, Transcript
from perdure.base.codec import digest, unpack
from perdure.base.errors import PerdureError, RequestError, WrongState
from perdure.base.messages import Message, Text
from perdure.control.accepting import envelope_id
from perdure.control.finding import find_run
from perdure.control.handing import GoingOn, handed_over
from perdure.control.results import RunResult
from perdure.kernel.store.rows import RecordFilter, RunRow
from perdure.tools.client import Given

from ..compatible.asking import check_model, given_by, joined
from ..endpoint import Call, Endpoint, Nothing
from ..problems import problem
from ..reply import Events, encode
from .conversation import Resume, RunAgentInput, messages_of, news_of, options_of, with_context
from .events import VERSION, Event, Telling, failed, finished

NOT_MADE = "The user went on without this."


async def run_agent(call: Call[RunAgentInput, Nothing]) -> Events:
    asked, spec, options = call.body, call.path["spec"], options_of(call.body)
    check_model(call, spec, options)
    agent = f"{spec}-{digest(asked.thread_id)[:16]}"
    if asked.resume:
        if call.principal is not None:
            call.principal.require("approve")  # to speak with an agent is not to agree to what it wants
        going_on = await _answered(call, agent, asked.resume)
    else:
        going_on = await _told(call, spec, agent, messages_of(asked), options)
    about = {"perdure-run-id": going_on.run.id, "perdure-agent-id": agent}
    return Events(_frames(call, going_on, options), about)


async def _answered(call: Call[RunAgentInput, Nothing], agent: str, answers: Sequence[Resume]) -> GoingOn:
    """Give the run that waits the answers to what it asked. Raises RequestError where that is another thread's."""
    run = await find_run(call.runtime.store, answers[0].interrupt_id.rpartition(".")[0])
    if run.agent_id != agent or any(not one.interrupt_id.startswith(f"{run.id}.") for one in answers):
        raise RequestError("this is no interrupt of this thread")
    after, waits = await _cursor(call, run), (await call.runtime.look(run.id)).waits
    for one in answers:
        said = "deny" if one.status == "cancelled" else one.payload
        await call.runtime.decide(one.interrupt_id, said, who=call.who)
    return GoingOn(run, after, waits)


async def _told(
    call: Call[RunAgentInput, Nothing], spec: str, agent: str, messages: list[Message], options: Options
) -> GoingOn:
    """Hand the thread's agent what is new to it: results of calls that it waits for, or what was said since."""
    runtime, asked = call.runtime, call.body
    if (given := given_by(messages)) and (going_on := await _hand_back(call, spec, given)) is not None:
        return going_on
    row = await runtime.store.load_agent(agent)
    active = await runtime.store.load_run(row.active_run) if row is not None and row.active_run else None
    key = f"agui/{asked.run_id}"
    if (known := await runtime.store.find_run(agent, envelope_id(agent, key))) is not None:
        return GoingOn(known)  # the same request again
    said = with_context(messages if row is None else news_of(messages), asked.context)
    if not said or said[-1].role == "assistant":
        raise RequestError("there is nothing that the agent has not seen")
    calls = handed_over(await runtime.look(active.id)) if active is not None and active.waiting_for == "tool" else ()
    if calls:
        skipped = {one.id: Given((Text(NOT_MADE),), error=True) for one in calls}
        *_, last = skipped
        skipped[last] = replace(skipped[last], parts=(Text(NOT_MADE), *(part for one in said for part in one.parts)))
        if (going_on := await _hand_back(call, spec, skipped)) is not None:
            return going_on
    if active is not None and active.waiting_for in ("approval", "in_doubt"):
        raise WrongState(
            f"run {active.id} of this thread waits for an answer", hint="Send it as `resume`.", run_id=active.id
        )
    payload = msgspec.to_builtins(Transcript(joined(said), options), builtin_types=(bytes,))
    run = await runtime.accept(
        payload, spec=spec, agent=agent, key=key, who=call.who, traceparent=call.traceparent, tracestate=call.tracestate
    )
    return GoingOn(run)


async def _hand_back(call: Call[Any, Any], spec: str, given: dict[str, Given]) -> GoingOn | None:
    return await call.runtime.hand_back(given, spec=spec, who=call.who)


async def _cursor(call: Call[Any, Any], run: RunRow) -> int:
    (newest,) = await call.runtime.store.records(RecordFilter(run.agent_id, run.id), limit=1, order="newest")
    return newest.seq


async def _frames(call: Call[RunAgentInput, Nothing], going_on: GoingOn, options: Options) -> AsyncIterator[bytes]:
    runtime, run = call.runtime, going_on.run
    about = {"threadId": call.body.thread_id, "runId": call.body.run_id}
    telling = Telling(run.id, (tool.name for tool in options.tools))
    rest = asyncio.ensure_future(runtime.wait(run, beyond=going_on.beyond))
    events = runtime.hear(run, after=going_on.after, until=rest)
    try:
        yield _frame({"type": "RUN_STARTED", **about, "protocolVersion": VERSION})
        async for event in events:
            for told in telling.hear(event):
                yield _frame(told)
        for told in telling.end():
            yield _frame(told)
        async for told in _end(call, await rest, telling, about):
            yield _frame(told)
    except PerdureError as error:
        for told in telling.end():
            yield _frame(told)
        body = problem(error).body
        yield _frame(failed(body["detail"], body["code"]))
    finally:
        rest.cancel()
        await events.aclose()  # type: ignore[attr-defined]


async def _end(
    call: Call[Any, Any], result: RunResult, telling: Telling, about: dict[str, str]
) -> AsyncIterator[Event]:
    runtime, calls = call.runtime, handed_over(result)
    if not telling.has_spoken and isinstance(result.output, str) and result.output:
        for told in telling.say(result.output):
            yield told
    agent = await runtime.store.load_agent(result.agent_id)
    if agent is not None and agent.state is not None:
        yield {"type": "STATE_SNAPSHOT", "snapshot": unpack(agent.state)}
    approvals = []
    if result.status == "waiting" and result.waiting_for == "approval":
        asked = await runtime.approvals(agent=result.agent_id)
        approvals = [one for one in asked.items if one.run_id == result.run_id]
    if not approvals:
        for one in calls:
            for told in telling.call(one.id, one.name, one.arguments):
                yield told
    yield finished(about, result, calls, approvals)


def _frame(event: Event) -> bytes:
    return b"data: %b\n\n" % encode(event)


ENDPOINTS = (Endpoint("POST", "/agui/{spec}", run_agent, scope="send", body=RunAgentInput, streams=True),)
