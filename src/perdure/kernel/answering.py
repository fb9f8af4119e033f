"""Requests between agents: how one finds its way back to who asked, as an answer to a wait or as a message.

A `request` is waited for by a run; its correlation names that run and the wait. A `delegate` is not: its result comes
back as a message. Both are answered once: by what the handler hands to `Context.reply`, or else by the end of the run.
"""

from __future__ import annotations

from typing import Any

from perdure.base.envelope import Envelope
from perdure.base.errors import ERRORS, AgentNotFound, EffectFailed, InboxFull, PerdureError
from perdure.base.topic import ADDRESS

from .outgoing import Outgoing
from .store.rows import RunRow

REQUESTS = frozenset(("request", "delegate"))
_PASSED_ON = (AgentNotFound, InboxFull)
"""What went wrong on the way is raised as it is; what went wrong over there is no error of this run's own."""


def correlation_of(run_id: str, wait: str) -> str:
    """What a request carries so that its answer finds the wait."""
    return f"{run_id}/{wait}"


def answering(
    question: Envelope, run: RunRow, output: Any, error: dict[str, Any] | None, *, status: str, now: int
) -> Outgoing | None:
    """The answer that a run gives to what it was asked; None where nobody asked. Whichever is sent first counts: they
    all have one id."""
    if question.kind not in REQUESTS or not question.reply_to:
        return None
    run_id, _, wait = question.correlation.partition("/")
    if question.reply_to.startswith(ADDRESS):
        run_id, wait = "", question.correlation or question.id
    is_waited_for = question.kind == "request"
    result = {"run_id": run.id, "agent_id": question.to, "status": status, "output": output, "error": error}
    envelope = Envelope(
        id=f"{question.id}/reply",
        to=question.reply_to,
        kind="reply" if is_waited_for else "message",
        payload={**result, "cost": run.cost},
        sender=question.to,
        thread=question.thread,
        correlation=wait if is_waited_for else question.correlation or question.id,
        causation=question.id,
        reply_to=question.to,
        hops=question.hops + 1,
        traceparent=question.traceparent,
        tracestate=question.tracestate,
        created_at=now,
    )
    return Outgoing(envelope, run_id=run_id if is_waited_for else "")


def undelivered(question: Envelope, reason: str, *, now: int) -> Outgoing | None:
    """The answer to a request that reached nobody; None for what nobody waits for."""
    if question.kind != "request":
        return None
    said = "it went round in circles" if reason == "hops" else "there is no such agent"
    cls = EffectFailed if reason == "hops" else AgentNotFound
    error = cls(f"{question.to} was not asked: {said}", agent_id=question.to).as_dict()
    return answering(
        question, RunRow("", question.to, "", question.id, "failed", now), None, error, status="failed", now=now
    )


def read_answer(answer: Envelope | None, to: str) -> Any:
    """What was answered; None where the time was up. Raises AgentNotFound where nobody was there to answer, and
    EffectFailed where the run that was to answer failed or was cancelled."""
    if answer is None:
        return None
    error = answer.payload["error"]
    if error is None:
        return answer.payload["output"]
    cls = ERRORS.get(error.get("code", ""), PerdureError)
    if cls in _PASSED_ON:
        raise cls(error["message"], hint=error.get("hint"), **error.get("facts", {}))
    raise EffectFailed(f"{to} gave no answer: {error.get('message', answer.payload['status'])}", error=error)
