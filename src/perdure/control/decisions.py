"""What people decide: answers to questions, and what became of effects in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.base.codec import digest
from perdure.base.envelope import Envelope
from perdure.base.errors import ApprovalDecided, ApprovalExpired, InputError, KeyExists, NotAnApprover, WrongState
from perdure.kernel.records import Wait
from perdure.kernel.store.ops import NewEnvelope
from perdure.kernel.store.rows import RunRow

from .finding import find_run

if TYPE_CHECKING:
    from .runtime import Runtime

CONSENT = ("approve", "deny")
"""The answers that there are where an agent asks whether it may."""


async def answer(runtime: Runtime, run_id: str, said: Any, *, key: str, who: str, why: str = "") -> RunRow:
    """Hand an answer to the question that a run waits with; it is on disk when this returns."""
    run, wait = await waiting(runtime, run_id, "approval", key)
    await give(runtime, run, wait, said, who=who, why=why)
    return run


async def give(runtime: Runtime, run: RunRow, wait: Wait, said: Any, *, who: str, why: str) -> None:
    """Hand an answer to this wait of the run: the first counts, and says in its `causation` what was asked. Raises
    ApprovalDecided, ApprovalExpired, NotAnApprover, and InputError for what is no answer to it."""
    now, about = runtime.clock.now(), wait.about
    if wait.due is not None and wait.due <= now:
        raise ApprovalExpired(f"nobody decided at {wait.key} in time", due=wait.due, run_id=run.id)
    if tuple(about.get("options", ())) == CONSENT and said is not True and said not in CONSENT:
        raise InputError(f"not a decision: {said!r}", hint="Say approve or deny.", run_id=run.id)
    approvers = about.get("about", {}).get("approvers") if about.get("kind") == "budget" else None
    if approvers and who not in approvers:
        raise NotAnApprover(
            f"{who} may not approve this spend of run {run.id}: {', '.join(approvers)} may",
            who=who,
            approvers=approvers,
        )
    envelope = Envelope(
        f"env_{digest([run.id, wait.key, about])}",
        run.agent_id,
        "approval",
        payload=said,
        sender=who,
        correlation=wait.key,
        causation=digest(about),
        created_at=now,
        thread=why,
    )
    try:
        await runtime.engine.tell(envelope, run, NewEnvelope(run.agent_id, envelope.id))
    except KeyExists as error:
        raise ApprovalDecided(f"what run {run.id} asks at {wait.key} is decided already", run_id=run.id) from error


async def resolve(runtime: Runtime, run_id: str, key: str, how: str, *, value: Any, why: str, who: str) -> RunRow:
    """Say what became of an effect in doubt; it is on disk when this returns."""
    if how not in ("done", "retry", "fail"):
        raise InputError(f"not a decision: {how!r}", hint="Say done, retry or fail.")
    run, wait = await waiting(runtime, run_id, "in_doubt", key)
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


async def waiting(runtime: Runtime, run_id: str, kind: str, key: str) -> tuple[RunRow, Wait]:
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
