"""Reading what there is and what happened, and what it cost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from perdure import control

from . import Verbs

if TYPE_CHECKING:
    from perdure.agents.targets import Target
    from perdure.control.costs import By, Costs
    from perdure.control.exporting import ExportFormat
    from perdure.control.listing import RunDetail, RunSummary
    from perdure.control.metrics import Family
    from perdure.control.overview import Overview
    from perdure.control.planning import Plan
    from perdure.control.spans import TraceNode
    from perdure.control.verifying import Verification
    from perdure.kernel.standing import BudgetLine
    from perdure.kernel.store.rows import Page, RunFilter


class Reading(Verbs):
    """Verbs that change nothing."""

    async def plan(
        self, target: Target, input: Any, *, agent: str | None = None, overrides: Sequence[str] = ()
    ) -> Plan:
        """What `run` would do and cost with the same arguments; asks nobody, writes nothing."""
        return await control.planning.plan(self._runtime, target, input, agent=agent, overrides=overrides)

    async def runs(
        self, *, agent: str = "", status: Sequence[str] = (), since_ms: int = 0, limit: int = 20, cursor: str = ""
    ) -> Page[RunSummary]:
        """Runs, the newest first: of one agent, in these states, accepted at `since_ms` or later."""
        return await control.listing.list_runs(
            self._runtime, agent=agent, status=status, since_ms=since_ms, limit=limit, cursor=cursor
        )

    async def show(self, run_id: str) -> RunDetail:
        """Everything about one run but its course."""
        return await control.listing.show_run(self._runtime, run_id)

    async def interrupted(self) -> list[RunSummary]:
        """Runs that should be at work and that nobody works at."""
        return await control.listing.interrupted(self._runtime)

    async def trace(self, run_id: str, *, full: bool = False) -> TraceNode:
        """A run's course as a tree; with `full`, the questions to models are rebuilt and proven."""
        return await control.tracing.trace(self._runtime, run_id, full=full)

    async def costs(self, by: By = "day", *, since_ms: int = 0, until_ms: int | None = None) -> Costs:
        """What was spent between two times (ms UTC): by run, agent, model or day."""
        return await control.costs.costs(self._runtime, by, since_ms=since_ms, until_ms=until_ms)

    async def overview(self, *, limit: int = 20) -> Overview:
        """What goes on just now: open runs, the busiest agents, and the rates of the last minute."""
        return await control.overview.overview(self._runtime, limit=limit)

    async def metrics(self) -> list[Family]:
        """How much there is, how much was done here, and how long it took."""
        return await control.metrics.metrics(self._runtime)

    async def verify(self, target: str | None = None) -> Verification:
        """Recompute the hash chain of an agent, of a run's agent, or of all."""
        return await control.verifying.verify(self._runtime, target)

    def export(
        self,
        run_ids: Sequence[str] = (),
        *,
        filter: RunFilter | None = None,
        format: ExportFormat = "jsonl",
        include_tools: bool = True,
        include_thoughts: bool = False,
    ) -> AsyncIterator[str]:
        """Runs as text, in pieces: `json`, `jsonl` or `csv`."""
        return control.exporting.export_runs(
            self._runtime,
            run_ids,
            filter=filter,
            format=format,
            include_tools=include_tools,
            include_thoughts=include_thoughts,
        )

    async def export_cassette(self, run_id: str) -> bytes:
        """The answers of a run's models, as a fixture for tests."""
        return await control.cassettes.export_cassette(self._runtime, run_id)

    async def budgets(self, which: str = "") -> list[BudgetLine]:
        """What may be spent and what is: everywhere, or in one scope, by an agent, or on all that a run draws on."""
        return await control.budgets.budgets(self._runtime, which)

    async def budget_warnings(self, run_id: str) -> list[str]:
        """What a run told of budgets that are nearly spent."""
        return await control.budgets.warnings(self._runtime, run_id)
