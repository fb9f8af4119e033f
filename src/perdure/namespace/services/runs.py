"""`runs/<id>/`: `status`, `result`, `trace` and `cost` of each run of an agent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from perdure.base.codec import unpack
from perdure.base.errors import FileNotReady, NoSuchFile
from perdure.kernel.journal import decode
from perdure.kernel.records import Record, RunFinished, RunYielded
from perdure.kernel.store.rows import ENDED, RecordFilter, RunFilter, RunRow

from ..node import Document, Folder, json_document, json_text
from ..port import Change, Entry
from .desk import Desk
from .logs import Range, records_as_lines
from .record import line
from .watching import follow, modified

LISTED = 1_000
"""Runs listed at most, the newest first; older ones are found by their ids."""
_ENDS = (RunFinished.type, RunYielded.type)


def runs_node(agent_id: str, desk: Desk) -> Folder:
    async def names() -> Iterable[Entry]:
        page = await desk.store.runs(RunFilter(agent_id), limit=LISTED)
        return [Entry(run.id, True, None, run.created_at) for run in page.items]

    async def child(name: str) -> Folder | None:
        run = await desk.store.load_run(name)
        return _run(run, desk) if run is not None and run.agent_id == agent_id else None

    def told(record: Record) -> Change | None:
        return Change("modified", (record.run_id, "status"), record.seq) if record.run_id else None

    return Folder(names=names, child=child, watch=follow(desk, RecordFilter(agent_id), told))


def _run(run: RunRow, desk: Desk) -> Folder:
    filter = RecordFilter(run.agent_id, run.id)

    async def now() -> RunRow:
        row = await desk.store.load_run(run.id)
        if row is None:
            raise NoSuchFile("the run was deleted")
        return row

    async def over() -> bool:
        row = await desk.store.load_run(run.id)
        return row is None or row.status in ENDED

    async def status() -> dict[str, Any]:
        return _status(await now())

    async def result() -> bytes:
        row = await now()
        if row.status not in ENDED and row.status != "yielded":
            raise FileNotReady(f"the run is {row.status}")
        last = await desk.store.records(RecordFilter(row.agent_id, row.id, _ENDS), limit=1, order="newest")
        value = unpack(decode(last[0]).body) if last else None
        return value.encode() + b"\n" if isinstance(value, str) else json_text(value)

    async def trace() -> bytes:
        return await records_as_lines(desk, filter, Range())

    async def cost() -> dict[str, Any]:
        return await _cost(await now(), desk)

    changes = follow(desk, filter, lambda record: line(record) + b"\n", over=over)
    return Folder(
        {
            "status": json_document(status, watch=modified(desk, filter)),
            "result": Document(read=result, watch=modified(desk, filter)),
            "trace": Document(read=trace, watch=changes),
            "cost": json_document(cost, watch=modified(desk, filter)),
        },
        watch=changes,
    )


def _status(run: RunRow) -> dict[str, Any]:
    found: dict[str, Any] = {"run_id": run.id, "agent_id": run.agent_id, "status": run.status}
    if run.waiting_for:
        found["waiting_for"] = run.waiting_for
    found |= {"created_at": run.created_at, "started_at": run.started_at or None}
    found |= {"finished_at": run.finished_at or None, "steps": run.steps, "attempt": run.attempt}
    found |= {"envelope_id": run.envelope_id, "spec": run.spec}
    return found | ({"parent": run.parent} if run.parent else {})


async def _cost(run: RunRow, desk: Desk) -> dict[str, Any]:
    """What the run itself has cost; its budget counts its child runs too."""
    found: dict[str, Any] = {"run_id": run.id, "spent_microusd": run.cost}
    found |= {"input_tokens": run.input_tokens, "output_tokens": run.output_tokens}
    found |= {"cached_tokens": run.cached_tokens, "reasoning_tokens": run.reasoning_tokens}
    if run.budget is not None:
        scope = next(iter(await desk.store.scopes([f"run:{run.id}"])), None)
        limit = run.budget if scope is None else scope.allowed
        reserved, spent = (scope.reserved, scope.spent) if scope is not None else (0, run.cost)
        found["budget"] = {"limit_microusd": limit, "reserved_microusd": reserved, "spent_microusd": spent}
    return found
