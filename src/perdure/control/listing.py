"""Lists of runs, and everything about one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast, get_args

import msgspec

from perdure.base.codec import from_json, unpack, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import InputError, PerdureError
from perdure.base.usage import Usage
from perdure.kernel import records as r
from perdure.kernel.journal import changed_tools, decode
from perdure.kernel.store.rows import Page, RecordFilter, RunFilter, RunRow, RunStatus

from .finding import each_run, find_run
from .results import duration_of, usage_of

DECISION = "team:answer"
"""Where a team puts its answer on record, with the reason for it (`perdure.flows.teams.team`)."""

if TYPE_CHECKING:
    from .runtime import Runtime

MOST = 1_000


class RunSummary(msgspec.Struct, frozen=True):
    """One line about a run. `spec` is its name; times are milliseconds UTC, `started_at` 0 before it began.

    `interrupted`: it should be at work, and no live worker holds its agent. `perdure resume` goes on with it.
    """

    run_id: str
    agent_id: str
    spec: str
    status: RunStatus
    waiting_for: str
    created_at: int
    started_at: int
    duration_ms: int
    steps: int
    cost_microusd: int
    usage: Usage
    interrupted: bool


class RunDetail(msgspec.Struct, frozen=True):
    """Everything about a run that is not its course. `changed_tools` are Python tools that are not what they were when
    it began; `spec_problem` says why the spec can no longer be made into a program, "" where it can."""

    summary: RunSummary
    input: Any
    output: Any
    error: dict[str, Any] | None
    waits: tuple[r.Wait, ...]
    sender: str
    spec_digest: str
    spec_problem: str
    changed_tools: tuple[str, ...]
    parent: str
    children: tuple[str, ...]
    forked_from: str
    records: int
    budget_microusd: int | None
    is_flow: bool = False
    decision: dict[str, Any] | None = None
    """Of a team: its answer (`value`), how sure it is, `by` whom it is and `why` it is that."""


async def list_runs(
    runtime: Runtime,
    *,
    agent: str = "",
    status: Sequence[str] = (),
    since_ms: int = 0,
    limit: int = 20,
    cursor: str = "",
) -> Page[RunSummary]:
    """Runs, the newest first: of one agent, in these states, accepted at `since_ms` (milliseconds UTC) or later.
    `cursor` is the `next` of the page before."""
    check_list("run", status, get_args(RunStatus), limit)
    if cursor and not cursor.isdecimal():
        raise InputError(f"not a cursor: {cursor!r}", hint="Give the `next` of the page before.")
    filter = RunFilter(agent, cast("tuple[RunStatus, ...]", tuple(status)), since=since_ms)
    page = await runtime.store.runs(filter, cursor=cursor, limit=limit)
    return Page(await summaries(runtime, page.items), page.next)


def check_list(what: str, status: Sequence[str], known: Sequence[str], limit: int) -> None:
    """Raises InputError for a state that a `run` or an `agent` is never in, and for too many of them to list."""
    unknown = [name for name in status if name not in known]
    if unknown:
        article = "an" if what[0] in "aeiou" else "a"
        raise InputError(
            f"no state of {article} {what} is called {unknown[0]!r}", hint=f"There are {', '.join(known)}."
        )
    if not 0 < limit <= MOST:
        raise InputError(f"not a number of {what}s to list: {limit}", hint=f"Between 1 and {MOST}.")


async def interrupted(runtime: Runtime) -> list[RunSummary]:
    """Runs that should be at work and that nobody works at, the newest first."""
    filter = RunFilter(status=("queued", "running"))
    rows = [row async for row in each_run(runtime.store, filter)]
    return [summary for summary in await summaries(runtime, rows) if summary.interrupted]


async def show_run(runtime: Runtime, run_id: str) -> RunDetail:
    """Everything about one run. Raises RunNotFound."""
    run = await find_run(runtime.store, run_id)
    (summary,) = await summaries(runtime, [run])
    ended = await runtime.engine.ended(run)
    first = await runtime.store.records(RecordFilter(run.agent_id, run.id, ("run.accepted",)), limit=1)
    accepted = decode(first[0]) if first else None
    assert accepted is None or isinstance(accepted, r.RunAccepted)
    envelope = unpack_as(accepted.body, Envelope) if accepted is not None else None
    problem, changed, is_flow = await _program(runtime, run, accepted)
    return RunDetail(
        summary,
        envelope.payload if envelope is not None else None,
        ended.output,
        ended.error,
        ended.waits,
        envelope.sender if envelope is not None else "",
        run.spec,
        problem,
        changed,
        run.parent,
        tuple([child.id async for child in each_run(runtime.store, RunFilter(parent=run.id))]),
        accepted.forked_from if accepted is not None else "",
        await _count(runtime, run),
        run.budget,
        is_flow,
        await _decision(runtime, run),
    )


async def summaries(runtime: Runtime, rows: Sequence[RunRow]) -> list[RunSummary]:
    """A line about each run, in the order given."""
    active = [row for row in rows if row.status in ("queued", "running")]
    unattended = await _unattended(runtime, active) if active else frozenset()
    names: dict[str, str] = {}
    for digest in {row.spec for row in rows}:
        names[digest] = await spec_name(runtime, digest)
    now = runtime.clock.now()
    return [
        RunSummary(
            row.id,
            row.agent_id,
            names[row.spec],
            row.status,
            row.waiting_for,
            row.created_at,
            row.started_at,
            duration_of(row, now),
            row.steps,
            row.cost,
            usage_of(row),
            row.id in unattended,
        )
        for row in rows
    ]


async def spec_name(runtime: Runtime, digest: str) -> str:
    """What a stored spec is called; "" where it is not in the store."""
    document = await runtime.store.spec(digest)
    return str(from_json(document)["spec"]["name"]) if document is not None else ""


async def _unattended(runtime: Runtime, rows: Sequence[RunRow]) -> frozenset[str]:
    """Those of these runs that no live worker holds. A run that queues behind another one is that one's business."""
    live = await live_workers(runtime)
    found: set[str] = set()
    for row in rows:
        agent = await runtime.store.load_agent(row.agent_id)
        if agent is not None and agent.owner not in live and agent.active_run in ("", row.id):
            found.add(row.id)
    return frozenset(found)


async def live_workers(runtime: Runtime) -> frozenset[str]:
    """This process's worker and all others whose heartbeat is fresh; those known to be dead are forgotten first."""
    await runtime.store.reap()
    fresh = runtime.clock.now() - runtime.engine.settings.lease_ms
    others = (worker.id for worker in await runtime.store.workers() if worker.heartbeat_at >= fresh)
    return frozenset((runtime.engine.worker, *others))


async def _program(runtime: Runtime, run: RunRow, accepted: r.RunAccepted | None) -> tuple[str, tuple[str, ...], bool]:
    """Why the run's spec cannot be made ready here and now, "" where it can; the tools that changed; whether it is a
    flow, whose steps can be told."""
    try:
        program = await runtime.library.rehearsal(run.spec)
    except PerdureError as error:
        return error.message, (), False
    return "", changed_tools(accepted, program.tools), program.undoes


async def _decision(runtime: Runtime, run: RunRow) -> dict[str, Any] | None:
    """What a team put on record about its answer, which is the last thing that it does."""
    filter = RecordFilter(run.agent_id, run.id, (r.EffectDone.type,))
    last = await runtime.store.records(filter, limit=1, order="newest")
    if not last or last[0].key != DECISION:
        return None
    done = decode(last[0])
    assert isinstance(done, r.EffectDone)
    decision: dict[str, Any] = unpack(done.body)
    return decision


async def _count(runtime: Runtime, run: RunRow) -> int:
    count, after = 0, run.first_seq - 1
    while page := await runtime.store.records(RecordFilter(run.agent_id, run.id), after=after, limit=1000):
        count += len(page)
        after = page[-1].seq
    return count
