"""The overview: what goes on in a project just now, at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from perdure.base.errors import InputError
from perdure.base.usage import NO_USAGE
from perdure.kernel import records as r
from perdure.kernel.journal import decode
from perdure.kernel.store.rows import RecordFilter, RunFilter, RunRow, RunStatus

from .finding import AT_ONCE
from .listing import MOST, spec_name

if TYPE_CHECKING:
    from .runtime import Runtime

WINDOW_MS = 60_000
PAGE = 500
LOOKED_AT = 20_000
"""Records that rates look at most: where more came in a minute, they are those of the time that these took."""

_SHOWN: tuple[RunStatus, ...] = ("running", "waiting", "queued", "paused")


class AgentLoad(msgspec.Struct):
    """What an agent's models did in the last minute."""

    agent_id: str
    calls: int = 0
    tokens: int = 0
    cost_microusd: int = 0


class RunLoad(msgspec.Struct, frozen=True):
    """A run that has not ended. `steps`, `tokens` and `cost_microusd` are of the whole run so far."""

    run_id: str
    agent_id: str
    spec: str
    status: RunStatus
    waiting_for: str
    age_ms: int
    steps: int
    tokens: int
    cost_microusd: int


class Overview(msgspec.Struct, frozen=True):
    """At one moment (ms UTC). `open_runs` are by status; `queue` counts envelopes that wait for agents. Rates are those
    of the last `window_ms`."""

    at: int
    project: str
    open_runs: dict[RunStatus, int]
    agents: int
    queue: int
    timers: int
    dead_letters: int
    window_ms: int
    ended: int
    failed: int
    calls: int
    tokens: int
    tokens_per_second: float
    cost_microusd: int
    busiest: tuple[AgentLoad, ...]
    runs: tuple[RunLoad, ...]


async def overview(runtime: Runtime, *, limit: int = 20) -> Overview:
    """What goes on, with at most `limit` runs and agents: those that work first, then those that wait. Raises
    InputError."""
    if not 0 < limit <= MOST:
        raise InputError(f"not a number of runs to show: {limit}", hint=f"Between 1 and {MOST}.")
    now = runtime.clock.now()
    counts = await runtime.store.counts()
    recent = await _recent(runtime, now)
    loads: dict[str, AgentLoad] = {}
    for record, event in recent.calls:
        load = loads.setdefault(record.agent_id, AgentLoad(record.agent_id))
        load.calls += 1
        load.tokens += (event.usage or NO_USAGE).tokens
        load.cost_microusd += event.cost
    busiest = sorted(loads.values(), key=lambda load: (-load.tokens, -load.calls, load.agent_id))
    tokens = sum(load.tokens for load in loads.values())
    return Overview(
        now,
        runtime.project.name,
        counts.runs,
        counts.agents,
        counts.mail,
        counts.timers,
        counts.dead_letters,
        recent.window_ms,
        len(recent.ends),
        sum(end.status == "failed" for end in recent.ends),
        sum(load.calls for load in loads.values()),
        tokens,
        round(tokens * 1000 / recent.window_ms, 1),
        sum(load.cost_microusd for load in loads.values()),
        tuple(busiest[:limit]),
        tuple([await _run(runtime, row, now) for row in await _open_runs(runtime, limit)]),
    )


class _Recent(msgspec.Struct):
    window_ms: int
    calls: list[tuple[r.Record, r.EffectDone]]
    ends: list[r.RunFinished]


async def _recent(runtime: Runtime, now: int) -> _Recent:
    """Calls of models and ends of runs in the last minute, or in as much of it as is looked at."""
    found = _Recent(WINDOW_MS, [], [])
    wanted = RecordFilter(types=(r.EffectDone.type, r.RunFinished.type))
    before: int | None = None
    looked_at, oldest = 0, now
    while looked_at < LOOKED_AT:
        page = await runtime.store.records(wanted, before=before, limit=PAGE, order="newest")
        for record in page:
            if record.at <= now - WINDOW_MS:
                return found
            match event := decode(record):
                case r.EffectDone() if event.kind in ("model", "compute"):
                    found.calls.append((record, event))
                case r.RunFinished():
                    found.ends.append(event)
                case _:
                    pass
        if len(page) < PAGE:
            return found
        before, looked_at = page[-1].seq, looked_at + len(page)
        oldest = page[-1].at
    found.window_ms = max(1, now - oldest)
    return found


async def _open_runs(runtime: Runtime, limit: int) -> list[RunRow]:
    rows: list[RunRow] = []
    for status in _SHOWN:
        if len(rows) < limit:
            page = await runtime.store.runs(RunFilter(status=(status,)), limit=min(AT_ONCE, limit - len(rows)))
            rows += page.items
    return rows


async def _run(runtime: Runtime, row: RunRow, now: int) -> RunLoad:
    steps, tokens, cost = row.steps, row.input_tokens + row.output_tokens, row.cost
    if row.status == "running":  # its row is written at the end of its turn: until then the journal knows more
        done = await runtime.store.records(
            RecordFilter(row.agent_id, row.id, (r.EffectDone.type,)), after=row.first_seq - 1, limit=PAGE
        )
        events = [event for event in map(decode, done) if isinstance(event, r.EffectDone)]
        steps = max(steps, sum(event.kind == "model" for event in events))
        tokens = max(tokens, sum((event.usage or NO_USAGE).tokens for event in events))
        cost = max(cost, sum(event.cost for event in events))
    name = await spec_name(runtime, row.spec)
    age = now - (row.started_at or row.created_at)
    return RunLoad(row.id, row.agent_id, name, row.status, row.waiting_for, max(0, age), steps, tokens, cost)
