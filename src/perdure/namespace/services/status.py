"""`status`: how an agent is, on one page."""

from __future__ import annotations

from typing import Any

from perdure.base.errors import NoSuchFile
from perdure.kernel.journal import decode
from perdure.kernel.store.rows import AgentRow, RecordFilter, RunFilter, RunStatus

from ..node import Document, json_document
from .budget import budget_of
from .desk import Desk
from .turns import CAUSES, cause_of
from .watching import modified

BEGUN: tuple[RunStatus, ...] = ("running", "waiting", "paused", "done", "failed", "cancelled", "yielded")
KEPT = 256
"""Agents whose history is remembered."""


class Statuses:
    """The status of any agent. What only the history of one can change is asked again when that has grown."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pasts: dict[str, tuple[object, dict[str, Any]]] = {}

    def node(self, agent_id: str) -> Document:
        async def status() -> dict[str, Any]:
            return await self._of(await agent_of(self._desk, agent_id))

        return json_document(status, watch=modified(self._desk, RecordFilter(agent_id)))

    async def _of(self, row: AgentRow) -> dict[str, Any]:
        desk = self._desk
        terms = await desk.terms(row)
        found: dict[str, Any] = {"agent_id": row.id, "name": terms.name}
        if pubkey := await desk.pubkey(row.id):
            found["pubkey"] = pubkey
        found |= {"state": row.status, "created_at": row.created_at, "active_run": row.active_run or None}
        found |= await self._past(row)
        found["queue_depth"] = await desk.store.mail_count(row.id)
        found["budget"] = await budget_of(desk, row, terms.scopes)
        if terms.problem:
            found["problem"] = terms.problem
        return found

    async def _past(self, row: AgentRow) -> dict[str, Any]:
        version = (row.head, row.active_run, row.updated_at)
        known = self._pasts.get(row.id)
        if known is None or known[0] != version:
            found = {**await _last_tick(self._desk, row), "runs": await self._desk.store.run_counts(row.id)}
            if len(self._pasts) >= KEPT:
                del self._pasts[next(iter(self._pasts))]
            known = self._pasts[row.id] = (version, found)
        return known[1]


async def agent_of(desk: Desk, agent_id: str) -> AgentRow:
    """The agent's row. Raises NoSuchFile where it has gone."""
    row = await desk.store.load_agent(agent_id)
    if row is None:
        raise NoSuchFile("the agent is gone")
    return row


async def _last_tick(desk: Desk, row: AgentRow) -> dict[str, Any]:
    """When the agent last had something to do, and why: of the run under way, or of the last one that began."""
    run = await desk.store.load_run(row.active_run) if row.active_run else None
    if run is None:
        page = await desk.store.runs(RunFilter(row.id, BEGUN), limit=1)
        run = page.items[0] if page.items else None
    if run is None:
        return {"last_tick_at": None, "last_tick_cause": None}
    filter = RecordFilter(row.id, run.id, CAUSES)
    last = await desk.store.records(filter, limit=1, order="newest")
    if not last:
        return {"last_tick_at": run.started_at, "last_tick_cause": None}
    return {"last_tick_at": max(run.started_at, last[0].at), "last_tick_cause": cause_of(decode(last[0]))}
