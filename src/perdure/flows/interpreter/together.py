"""Steps that work with others: the collaboration of agents over topics, with a flow for the one who asks.

What leaves at the end of a step (an award, a word that nobody came) leaves at once: a step that fails afterwards takes
back none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from perdure.base.errors import EffectFailed, ExpressionFailed, InputError, StepTimeout
from perdure.bus.collaboration import barrier as meetings
from perdure.bus.collaboration import requesting, thread
from perdure.bus.collaboration.answers import Answer
from perdure.bus.collaboration.contract_net import contract_net, stated
from perdure.bus.collaboration.fan_out import fan_out

from ..expressions.evaluate import evaluate
from ..expressions.tree import Node
from ..plan import Barrier, Broadcast, Contract, Gather, Request

if TYPE_CHECKING:
    from .flow import Flow
    from .names import Names

_LONGER = "Raise `within`; `retry` asks again, `on_error` goes on without an answer."


async def request(flow: Flow, step: Request, names: Names) -> Any:
    topic, payload = _text(step.topic, names), evaluate(step.payload, names)
    answer = await requesting.request(flow.ctx, topic, payload, timeout_ms=step.within_ms)
    await flow.ctx.dispatch()
    if answer is None:
        raise _late(f"nobody answered on {topic}", step.within_ms)
    if answer.error is not None:
        said = answer.error.get("message", "it failed")
        raise EffectFailed(f"{answer.sender} gave no answer: {said}", error=answer.error)
    return answer.payload


async def gather(flow: Flow, step: Gather, names: Names) -> list[dict[str, Any]]:
    topics, ms = _topics(step.topic, names), step.within_ms
    payload, summary_to = evaluate(step.payload, names), _text(step.summary_to, names)
    found = await fan_out(flow.ctx, topics, payload, first=step.first, timeout_ms=ms, summary_to=summary_to)
    await flow.ctx.dispatch()
    if len(found) < step.first and not step.partial:
        raise _late(f"{len(found)} of {step.first} answers came", ms)
    return _plain(found)


async def contract(flow: Flow, step: Contract, names: Names) -> dict[str, Any]:
    def score(proposal: Any) -> Any:
        assert step.score is not None
        try:
            return evaluate(step.score, names.lens(proposal=proposal))
        except ExpressionFailed:
            return None  # a proposal that cannot be weighed comes last: it must not stop the others

    made = await contract_net(
        flow.ctx,
        _text(step.topic, names),
        evaluate(step.task, names),
        window_ms=step.within_ms,
        awards=step.awards,
        score=stated if step.score is None else score,
        best=step.best,
        summary_to=_text(step.summary_to, names),
    )
    await flow.ctx.dispatch()
    return {"awarded": _plain(made.awarded), "proposals": _plain(made.proposals)}


async def barrier(flow: Flow, step: Barrier, names: Names) -> list[str]:
    meeting = _text(step.meeting, names)
    met = await meetings.barrier(flow.ctx, meeting, step.parties, timeout_ms=step.within_ms)
    await flow.ctx.dispatch()
    if not met.complete:
        raise _late(f"{len(met.parties)} of {step.parties} parties came to the barrier {meeting}", step.within_ms)
    return list(met.parties)


async def broadcast(flow: Flow, step: Broadcast, names: Names) -> str:
    id = thread.broadcast(flow.ctx, evaluate(step.payload, names), thread=_text(step.thread, names))
    await flow.ctx.dispatch()
    return id


def _topics(node: Node, names: Names) -> list[str]:
    given = evaluate(node, names)
    topics = given if isinstance(given, list) else [given]
    if not topics:
        raise InputError("there is nobody to ask: the list of topics is empty")
    return [_named(topic) for topic in topics]


def _text(node: Node | None, names: Names) -> str:
    return "" if node is None else _named(evaluate(node, names))


def _named(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"a topic, a meeting and a thread have a name, found {value!r:.80}")
    return value


def _plain(answers: list[Answer] | tuple[Answer, ...]) -> list[dict[str, Any]]:
    return [msgspec.structs.asdict(answer) for answer in answers]


def _late(what: str, ms: int) -> StepTimeout:
    return StepTimeout(f"{what} within {ms:,} ms", hint=_LONGER, timeout_ms=ms)
