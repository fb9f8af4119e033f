"""What people decide: answers to questions, and what became of effects in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.base.envelope import Envelope
from perdure.base.errors import InputError, NotAnApprover, WrongState
from perdure.kernel.records import Wait
from perdure.kernel.store.rows import RunRow

from .finding import find_run

if TYPE_CHECKING:
    from .runtime import Runtime


async def answer(runtime: Runtime, run_id: str, said: Any, *, key: str, who: str, why: str = "") -> RunRow:
    """Hand an answer to the question that a run waits with; it is on disk when this returns."""
    run, wait = await _waiting(runtime, run_id, "approval", key)
    approvers = wait.about.get("about", {}).get("approvers") if wait.about.get("kind") == "budget" else None
    if approvers and who not in approvers:
        raise NotAnApprover(
            f"{who} may not approve this spend of run {run.id}: {', '.join(approvers)} may",
            who=who,
            approvers=approvers,
        )
    envelope = Envelope(
        runtime.ids.new("env"),
        run.agent_id,
        "approval",
        payload=said,
        sender=who,
        correlation=wait.key,
        created_at=runtime.clock.now(),
        thread=why,
    )
    await runtime.engine.tell(envelope, run)
    return run


async def resolve(runtime: Runtime, run_id: str, key: str, how: str, *, value: Any, why: str, who: str) -> RunRow:
    """Say what became of an effect in doubt; it is on disk when this returns."""
    if how not in ("done", "retry", "fail"):
        raise InputError(f"not a decision: {how!r}", hint="Say done, retry or fail.")
    run, wait = await _waiting(runtime, run_id, "in_doubt", key)
    decision = {"how": how, "value": value, "who": who, "why": why, "attempt": wait.about.get("attempt")}
    envelope = Envelope(
        runtime.ids.new("env"),
        run.agent_id,
        "resolve",
        payload=decision,
        sender=who,
        correlation=wait.key,
        created_at=runtime.clock.now(),
    )
    await runtime.engine.tell(envelope, run)
    return run


async def _waiting(runtime: Runtime, run_id: str, kind: str, key: str) -> tuple[RunRow, Wait]:
    """The run, and the one wait of this kind that is meant."""
    run = await find_run(runtime.store, run_id)
    waits = [wait for wait in (await runtime.engine.ended(run)).waits if wait.kind == kind]
    meant = [wait for wait in waits if not key or wait.key == key]
    what = "an answer" if kind == "approval" else "a decision on an effect in doubt"
    if not waits:
        raise WrongState(f"run {run.id} is {run.status} and does not wait for {what}", run_id=run.id)
    if len(meant) != 1:
        keys = ", ".join(wait.key for wait in waits)
        raise InputError(f"which one? run {run.id} waits for {what} at {keys}", hint="Name the key.", run_id=run.id)
    return run, meant[0]
