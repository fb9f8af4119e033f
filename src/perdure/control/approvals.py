"""Approvals: what runs ask people, each under an id that stands for exactly this question."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from perdure.base.codec import digest, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import (
    ApprovalChanged,
    ApprovalDecided,
    ApprovalExpired,
    ApprovalNotFound,
    InputError,
    PerdureError,
    WrongState,
)
from perdure.kernel.journal import decode
from perdure.kernel.records import MessageReceived, Record, RunWaiting, Wait
from perdure.kernel.store.rows import Page, RecordFilter, RunFilter, RunRow

from .decisions import give, waiting
from .finding import find_run
from .listing import MOST

if TYPE_CHECKING:
    from .runtime import Runtime

AT_ONCE = 200


class Approval(msgspec.Struct, frozen=True):
    """A question that a run waits with. `about` is what it wants to do, and by which rule it has to ask; `due` (ms UTC)
    is when it stops waiting.

    `digest` covers the run's spec, the place in the run and all of `about`, and the `id` is the run's with this digest:
    an answer to it can be no answer to anything else, and once it is given the id stands for nothing.
    """

    id: str
    run_id: str
    agent_id: str
    spec: str
    key: str
    digest: str
    about: dict[str, Any]
    due: int | None


async def list_approvals(runtime: Runtime, *, agent: str = "", limit: int = 50, cursor: str = "") -> Page[Approval]:
    """What is asked, of the newest runs first; `limit` and `cursor` count runs that wait."""
    if not 0 < limit <= MOST:
        raise InputError(f"not a number of runs to list: {limit}", hint=f"Between 1 and {MOST}.")
    if cursor and not cursor.isdecimal():
        raise InputError(f"not a cursor: {cursor!r}", hint="Give the `next` of the page before.")
    page = await runtime.store.runs(RunFilter(agent, ("waiting",)), cursor=cursor, limit=limit)
    return Page([_approval(run, wait) for run in page.items for wait in await _waits(runtime, run)], page.next)


async def _waits(runtime: Runtime, run: RunRow) -> list[Wait]:
    """What this run asks just now."""
    if run.status != "waiting":
        return []
    return [wait for wait in (await runtime.engine.ended(run)).waits if wait.kind == "approval"]


async def decide(runtime: Runtime, approval_id: str, said: Any, *, who: str, why: str = "") -> Approval:
    """Answer exactly this question; the answer is on disk when this returns. Raises ApprovalNotFound, ApprovalDecided
    and ApprovalExpired, and ApprovalChanged where the run asks something else."""
    run, wait = await _find(runtime, approval_id)
    await give(runtime, run, wait, said, who=who, why=why)
    return _approval(run, wait)


async def find_approval(runtime: Runtime, which: str, *, key: str = "") -> Approval:
    """The question with this id, or the one that the run of this id asks (`key` where it asks several)."""
    is_run = "." not in which
    return _approval(*await (waiting(runtime, which, "approval", key) if is_run else _find(runtime, which)))


async def _find(runtime: Runtime, approval_id: str) -> tuple[RunRow, Wait]:
    run_id, _, seal = approval_id.rpartition(".")
    if not run_id.startswith("run_") or not seal:
        raise ApprovalNotFound(f"no approval {approval_id!r}", approval_id=approval_id)
    run = await find_run(runtime.store, run_id)
    asked = {seal_of(run, wait): wait for wait in await _waits(runtime, run)}
    if seal not in asked:
        raise await _refusal(runtime, run, seal, asked)
    return run, asked[seal]


async def _refusal(runtime: Runtime, run: RunRow, seal: str, asked: Iterable[str]) -> PerdureError:
    """Why nothing that the run asks now has this digest: it was answered, its time was up, or it never was asked."""
    answers: dict[str, tuple[Record, MessageReceived]] = {}
    before: int | None = None
    while True:
        filter = RecordFilter(run.agent_id, run.id, (RunWaiting.type, MessageReceived.type))
        records = await runtime.store.records(filter, before=before, limit=AT_ONCE, order="newest")
        for record in records:
            event = decode(record)
            if isinstance(event, MessageReceived):
                answers[record.key] = record, event
            elif isinstance(event, RunWaiting):
                for wait in event.waits:
                    if wait.kind == "approval" and seal_of(run, wait) == seal:
                        return _told(run, wait, answers.get(wait.key))
        if len(records) < AT_ONCE:
            break
        before = records[-1].seq
    if seals := list(asked):
        return ApprovalChanged(f"run {run.id} does not ask for this", given=seal, asked=seals, run_id=run.id)
    return WrongState(f"run {run.id} is {run.status} and asks nothing", run_id=run.id)


def _told(run: RunRow, wait: Wait, answer: tuple[Record, MessageReceived] | None) -> PerdureError:
    if answer is None:
        return WrongState(f"run {run.id} is {run.status}: nothing can be decided there any more", run_id=run.id)
    record, event = answer
    if event.kind == "timer":
        return ApprovalExpired(f"nobody decided at {wait.key} in time", due=wait.due, run_id=run.id)
    envelope = unpack_as(event.body, Envelope)
    return ApprovalDecided(
        f"{envelope.sender} has decided already: {envelope.payload}",
        who=envelope.sender,
        answer=envelope.payload,
        at=record.at,
        run_id=run.id,
    )


def seal_of(run: RunRow, wait: Wait) -> str:
    """The digest of exactly this question of the run."""
    return digest([run.spec, wait.key, wait.about])


def _approval(run: RunRow, wait: Wait) -> Approval:
    seal = seal_of(run, wait)
    return Approval(f"{run.id}.{seal}", run.id, run.agent_id, run.spec, wait.key, seal, wait.about, wait.due)
