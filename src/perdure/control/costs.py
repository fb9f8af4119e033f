"""Costs: what was spent here, by run, agent, model or day, read from the journal to the micro-dollar."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import msgspec

from perdure.base.codec import from_json
from perdure.base.errors import ConfigError, InputError
from perdure.base.usage import NO_USAGE, Usage
from perdure.compute.spec import parse_model
from perdure.kernel import records as r
from perdure.kernel.journal import decode
from perdure.kernel.keys import tool_of
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import RecordFilter, RunRow

if TYPE_CHECKING:
    from .runtime import Runtime

By: TypeAlias = Literal["run", "agent", "model", "day"]

PAGE = 2_000
KEPT = 10_000
"""Runs of which is remembered whose they are."""
UNKNOWN = "unknown"

_MODELS = frozenset(("model", "compute"))
_ENDS = (r.EffectDone.type, r.EffectFailed.type, r.BudgetSettled.type)


class CostLine(msgspec.Struct):
    """`calls` are those of models that came to an end; what was cut short may have cost something all the same.
    What something else than a model cost has the name `tool:NAME`, or that of its kind, where it is told by model."""

    name: str
    cost_microusd: int = 0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Costs(msgspec.Struct, frozen=True):
    """`lines` are the dearest first, days in their order. Times are ms UTC, `until_ms` exclusive, None for no end."""

    by: By
    since_ms: int
    until_ms: int | None
    total: CostLine
    lines: tuple[CostLine, ...]


class Charge(msgspec.Struct, frozen=True, gc=False):
    """What one thing cost, `at` ms UTC. `run` is the id of a run, or that of a job of /compute."""

    at: int
    agent: str
    run: str
    model: str
    cost: int
    usage: Usage
    called: bool


async def costs(runtime: Runtime, by: By, *, since_ms: int = 0, until_ms: int | None = None) -> Costs:
    """What was spent between two times. Runs that were deleted are not in it, nor what imported agents spent before
    they came, nor what forks have of others. Raises InputError."""
    if by not in get_args(By):
        raise InputError(f"costs are not told by {by!r}", hint=f"There are {', '.join(get_args(By))}.")
    total, lines = CostLine("total"), dict[str, CostLine]()
    async for charge in _charges(runtime.store):
        if charge.at < since_ms or (until_ms is not None and charge.at >= until_ms):
            continue
        name = _name(charge, by)
        for line in (total, lines.setdefault(name, CostLine(name))):
            line.cost_microusd += charge.cost
            line.calls += charge.called
            line.input_tokens += charge.usage.input_tokens
            line.output_tokens += charge.usage.output_tokens
    found = sorted(lines.values(), key=lambda line: line.name if by == "day" else (-line.cost_microusd, line.name))
    return Costs(by, since_ms, until_ms, total, tuple(found))


def _name(charge: Charge, by: By) -> str:
    if by == "day":
        return datetime.fromtimestamp(charge.at / 1000, UTC).date().isoformat()
    return str(getattr(charge, by))


async def _charges(store: Store) -> AsyncIterator[Charge]:
    """Everything that cost something, and every call of a model, in the order of the journal."""
    came = {record.agent_id: record.seq async for record in _records(store, (r.AgentImported.type,))}
    runs = _Runs(store)
    last: r.Record | None = None
    async for record in _records(store, _ENDS):
        if record.seq < came.get(record.agent_id, 0):
            continue
        event = decode(record)
        if isinstance(event, r.BudgetSettled):
            # What came to an end was settled with it; a call that was cut short has this record alone.
            if last is None or last.seq + 1 != record.seq or last.key != record.key:
                run = await runs.of(record)
                if run is not None:
                    model = await runs.model(run)
                    yield Charge(record.at, record.agent_id, run.id, model, event.spent, NO_USAGE, False)
            continue
        assert isinstance(event, (r.EffectDone, r.EffectFailed))
        last = record
        called = event.kind in _MODELS
        if not called and not event.cost:
            continue
        usage = event.usage or NO_USAGE
        if not record.run_id:
            job = record.key.rpartition("/")[2]
            model = _full(str(event.note.get("provider", "")), str(event.note.get("model", "")))
            yield Charge(record.at, record.agent_id, job, model, event.cost, usage, called)
            continue
        run = await runs.of(record)
        if run is None:
            continue
        if called:
            model = str(event.note.get("model", "")) or await runs.model(run)
        else:
            model = f"tool:{tool_of(record.key)}" if event.kind == "tool" else event.kind
        yield Charge(record.at, record.agent_id, run.id, model, event.cost, usage, called)


async def _records(store: Store, types: tuple[str, ...]) -> AsyncIterator[r.Record]:
    after = 0
    while page := await store.records(RecordFilter(types=types), after=after, limit=PAGE):
        for record in page:
            yield record
        after = page[-1].seq


def _full(provider: str, model: str) -> str:
    if not model:
        return UNKNOWN
    return model if not provider or model.startswith(f"{provider}/") else f"{provider}/{model}"


class _Runs:
    """The runs that records are of, and the models of their specs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: OrderedDict[str, RunRow | None] = OrderedDict()
        self._models: dict[str, str] = {}

    async def of(self, record: r.Record) -> RunRow | None:
        """None where the record is a copy that a fork has: from before it, or of another agent's run."""
        if record.run_id not in self._rows:
            self._rows[record.run_id] = await self._store.load_run(record.run_id)
            if len(self._rows) > KEPT:
                self._rows.popitem(last=False)
        run = self._rows[record.run_id]
        if run is None or run.agent_id != record.agent_id or record.at < run.created_at:
            return None
        return run

    async def model(self, run: RunRow) -> str:
        if run.spec not in self._models:
            document = await self._store.spec(run.spec)
            said = None if document is None else from_json(document)["spec"].get("model")
            try:
                self._models[run.spec] = UNKNOWN if said is None else parse_model(said).full_name
            except ConfigError:
                self._models[run.spec] = UNKNOWN
        return self._models[run.spec]
