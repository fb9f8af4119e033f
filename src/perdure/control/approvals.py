"""Approvals: what runs ask people, each under an id that stands for exactly this question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from perdure.base.codec import digest
from perdure.base.errors import ApprovalNotFound, InputError, WrongState
from perdure.kernel.records import Wait
from perdure.kernel.store.rows import Page, RunFilter, RunRow

from .finding import find_run
from .listing import MOST

if TYPE_CHECKING:
    from .runtime import Runtime


class Approval(msgspec.Struct, frozen=True):
    """A question that a run waits with. `about` is what it wants to do; `due` (ms UTC) is when it stops waiting.

    The `id` covers the run, its spec, the place in the run and all of `about`: an answer to it can be no answer to
    anything else, and once it is given the id stands for nothing.
    """

    id: str
    run_id: str
    agent_id: str
    spec: str
    key: str
    about: dict[str, Any]
    due: int | None


async def list_approvals(runtime: Runtime, *, agent: str = "", limit: int = 50, cursor: str = "") -> Page[Approval]:
    """What is asked, of the newest runs first; `limit` and `cursor` count runs that wait."""
    if not 0 < limit <= MOST:
        raise InputError(f"not a number of runs to list: {limit}", hint=f"Between 1 and {MOST}.")
    if cursor and not cursor.isdecimal():
        raise InputError(f"not a cursor: {cursor!r}", hint="Give the `next` of the page before.")
    page = await runtime.store.runs(RunFilter(agent, ("waiting",)), cursor=cursor, limit=limit)
    return Page([one for run in page.items for one in await _asked(runtime, run)], page.next)


async def decide(runtime: Runtime, approval_id: str, said: Any, *, who: str, why: str = "") -> Approval:
    """Answer exactly this question; the answer is on disk when this returns. Raises ApprovalNotFound, and WrongState
    where it is answered, or the run asks something else by now."""
    run_id, _, seal = approval_id.rpartition(".")
    if not run_id.startswith("run_") or not seal:
        raise ApprovalNotFound(f"no approval {approval_id!r}", approval_id=approval_id)
    run = await find_run(runtime.store, run_id)
    asked = {one.id: one for one in await _asked(runtime, run)}
    one = asked.get(approval_id)
    if one is None:
        raise WrongState(
            f"run {run.id} does not wait for this answer",
            hint="It was answered, or asks something else now: list the approvals again.",
            run_id=run.id,
        )
    await runtime.approve(run.id, said, key=one.key, who=who, why=why)
    return one


async def _asked(runtime: Runtime, run: RunRow) -> list[Approval]:
    if run.status != "waiting":
        return []
    waits = (await runtime.engine.ended(run)).waits
    return [_approval(run, wait) for wait in waits if wait.kind == "approval"]


def _approval(run: RunRow, wait: Wait) -> Approval:
    seal = digest([run.id, run.spec, wait.key, wait.about])[:16]
    return Approval(f"{run.id}.{seal}", run.id, run.agent_id, run.spec, wait.key, wait.about, wait.due)
