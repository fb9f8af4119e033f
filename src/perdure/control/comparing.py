"""Comparing two definitions of an agent: which keys changed, and what each change touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from perdure.agents.amounts import whole
from perdure.agents.spec import AgentSpec, spec_digest, spec_document
from perdure.base.errors import PerdureError
from perdure.base.usage import Usage
from perdure.compute.asker import ASSUMED_ANSWER
from perdure.kernel.store.rows import RunFilter, RunStatus

from .finding import each_run

if TYPE_CHECKING:
    from .runtime import Runtime

Area: TypeAlias = Literal["cost", "permissions", "behaviour", "waking", "running", "nothing"]
AREAS: Mapping[str, Area] = {
    "model": "cost",
    "budget": "cost",
    "budget.approval_threshold": "permissions",
    "budget.approvers": "permissions",
    "limits": "cost",
    "limits.tool_timeout": "behaviour",
    "limits.client_timeout": "behaviour",
    "output_retries": "cost",
    "context": "cost",
    "tools": "permissions",
    "approvals": "permissions",
    "approve": "permissions",
    "autonomy": "permissions",
    "permissions": "permissions",
    "on": "waking",
    "inbox": "running",
    "supervise": "running",
    "while_waiting": "running",
    "hot_reload": "running",
    "lifecycle": "running",
    "version": "nothing",
    "description": "nothing",
    "metadata": "nothing",
}
"""What a key of an agent's file is about; the longest that fits counts, and those not named change its behaviour."""
UNFINISHED: tuple[RunStatus, ...] = ("queued", "running", "waiting", "paused", "yielded")


class KeyChange(msgspec.Struct, frozen=True):
    """`old` or `new` is None where the key is not there."""

    key: str
    area: Area
    old: Any = None
    new: Any = None


class Bounds(msgspec.Struct, frozen=True):
    """What one call of the model with a full window may cost, and one run; None where nobody knows."""

    call_microusd: int | None = None
    run_microusd: int | None = None


class Comparison(msgspec.Struct, frozen=True):
    """`runs` are those under way on the old definition: they go on with it to their end. `agents` are theirs: their
    next run is of the new one. `tools_gone` and `tools_new` are names as models see them; `problem` says why one of the
    two cannot be made ready here."""

    old: str
    new: str
    old_digest: str
    new_digest: str
    changes: tuple[KeyChange, ...]
    old_bounds: Bounds
    new_bounds: Bounds
    tools_gone: tuple[str, ...]
    tools_new: tuple[str, ...]
    agents: int
    runs: dict[str, int]
    problem: str = ""

    @property
    def areas(self) -> frozenset[Area]:
        return frozenset(change.area for change in self.changes)


async def compare(runtime: Runtime, old: AgentSpec, new: AgentSpec) -> Comparison:
    """What differs between two definitions, and what that means. Asks no model, and writes nothing."""
    before, after, problem = _Reading(runtime, old), _Reading(runtime, new), ""
    for reading in (before, after):
        try:
            reading.read()
        except PerdureError as error:
            problem = problem or f"{reading.spec.name}: {error.message}"
    digest = spec_digest(old)
    runs: dict[str, int] = {}
    agents: set[str] = set()
    async for run in each_run(runtime.store, RunFilter(status=UNFINISHED)):
        if run.spec == digest:
            runs[run.status] = runs.get(run.status, 0) + 1
            agents.add(run.agent_id)
    return Comparison(
        old.name,
        new.name,
        digest,
        spec_digest(new),
        tuple(changes_between(old, new)),
        before.bounds,
        after.bounds,
        tuple(sorted(before.tools - after.tools)),
        tuple(sorted(after.tools - before.tools)),
        len(agents),
        runs,
        problem,
    )


def changes_between(old: AgentSpec, new: AgentSpec) -> Iterator[KeyChange]:
    """The keys whose values differ, in order, as they are written: `${VARIABLES}` stay unfilled."""
    one, other = (msgspec.json.decode(spec_document(spec)) for spec in (old, new))
    if one["folder"] != other["folder"]:
        yield KeyChange("(folder)", "behaviour", one["folder"], other["folder"])
    for key, before, after in _differences(one["spec"], other["spec"], ""):
        yield KeyChange(key, area_of(key), before, after)


def area_of(key: str) -> Area:
    """What a dotted key is about."""
    while key:
        if key in AREAS:
            return AREAS[key]
        key = key.rpartition(".")[0]
    return "behaviour"


def _differences(old: Any, new: Any, above: str) -> Iterator[tuple[str, Any, Any]]:
    if old == new:
        return
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield above, old, new
        return
    for key in sorted({*old, *new}):
        yield from _differences(old.get(key), new.get(key), f"{above}.{key}" if above else key)


class _Reading:
    """A definition made ready for a rehearsal, as far as that goes."""

    def __init__(self, runtime: Runtime, spec: AgentSpec) -> None:
        self.spec = spec
        self.tools: frozenset[str] = frozenset()
        self.bounds = Bounds(None, whole(spec.budget.per_run))
        self._runtime = runtime

    def read(self) -> None:
        spec, library = self.spec, self._runtime.library
        if spec.handler is not None:
            library.agent_class(spec)
            return
        setup = library.setup(spec, rehearsal=True)
        self.tools = frozenset(setup.tools)
        answer = setup.question.max_tokens or ASSUMED_ANSWER
        price = setup.asker.prices.at_most(setup.model_spec, Usage(setup.window, answer), self._runtime.clock.now())
        if price is not None:
            most = _least(price.microusd * spec.limits.steps, whole(spec.budget.per_run))
            self.bounds = Bounds(price.microusd, most)


def _least(*amounts: int | None) -> int | None:
    return min((amount for amount in amounts if amount is not None), default=None)
