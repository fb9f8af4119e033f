"""Agents: made, listed, shown, put to sleep, woken, stopped and ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast, get_args

import msgspec

from perdure.agents.spec import AgentSpec
from perdure.base.envelope import Envelope
from perdure.base.errors import AgentAtRest, AgentExists, KeyExists
from perdure.kernel.journal import encode
from perdure.kernel.life import LifeVerb, after
from perdure.kernel.living import command as order
from perdure.kernel.outgoing import accept, append
from perdure.kernel.records import AgentChanged, AgentStatus
from perdure.kernel.store.ops import NoAgent, Op, PutAgent, PutSpec
from perdure.kernel.store.rows import RESTING, AgentRow, Page, RunFilter, RunRow

from . import subscriptions
from .delivering import deliver
from .finding import find_agent
from .listing import MOST, check_list, spec_name
from .schedules import Planned, follow_file, planned
from .starting import check_agent_id

if TYPE_CHECKING:
    from .runtime import Runtime


TICK = "Go on with what is to be done now."
"""What an agent is asked by `tick` where nothing is said."""


class AgentSummary(msgspec.Struct, frozen=True):
    """One line about an agent. `spec` is its name, `mail` counts what waits for it; times are milliseconds UTC."""

    agent_id: str
    spec: str
    status: AgentStatus
    active_run: str
    mail: int
    records: int
    created_at: int
    updated_at: int


class AgentDetail(AgentSummary, frozen=True, kw_only=True):
    """Everything about an agent that is not a run. `runs` are the newest."""

    spec_digest: str
    state_version: int
    dead_letters: int
    schedules: tuple[Planned, ...]
    runs: tuple[str, ...]


async def create(runtime: Runtime, spec: AgentSpec, *, agent: str | None = None, who: str) -> AgentSummary:
    """Make an agent without sending it a message. A Python agent's `on_create` runs now (its first run is begun by an
    envelope of kind `initialize`); where that fails, the agent has failed. Raises AgentExists."""
    digest, document, program = runtime.library.add(spec)
    agent_id, now = check_agent_id(agent or spec.name), runtime.clock.now()
    row = AgentRow(agent_id, digest, now, status="created", updated_at=now)
    born = encode(AgentChanged(status="created", who=who), agent_id=agent_id, run_id="", key="", at=now)
    ops: list[Op] = [PutSpec(digest, document, now), PutAgent(row), *append(agent_id, [born])]
    first: RunRow | None = None
    if spec.handler is not None:
        id = runtime.ids.new("run")
        envelope = Envelope(runtime.ids.new("env"), agent_id, "initialize", sender=who, created_at=now)
        first = RunRow(id, agent_id, digest, envelope.id, "queued", now, root=id, budget=program.per_run)
        ops += accept(envelope, first, now=now, tools=program.tools)
    try:
        await runtime.store.commit(ops, (NoAgent(agent_id),))
    except KeyExists as error:
        raise AgentExists(f"there is an agent {agent_id!r} already", agent_id=agent_id) from error
    await follow_file(runtime, agent_id, spec.on)
    await subscriptions.follow_file(runtime, agent_id, spec.on)
    if first is not None:
        runtime.engine.wake(agent_id)
        await runtime.wait(first)
    return await _summary(runtime, await find_agent(runtime.store, agent_id))


async def list_agents(
    runtime: Runtime, *, status: Sequence[str] = (), limit: int = 20, cursor: str = ""
) -> Page[AgentSummary]:
    """Agents in order of their ids, those in these states; `cursor` is the `next` of the page before."""
    check_list("agent", status, get_args(AgentStatus), limit)
    found: list[AgentRow] = []
    while True:
        page = await runtime.store.agents(cursor=cursor, limit=MOST if status else limit)
        found += [row for row in page.items if not status or row.status in status]
        cursor = page.next
        if not cursor or len(found) >= limit:
            break
    more = len(found) > limit or bool(cursor)
    rows = found[:limit]
    return Page([await _summary(runtime, row) for row in rows], rows[-1].id if rows and more else "")


async def show_agent(runtime: Runtime, agent_id: str) -> AgentDetail:
    """Everything about one agent. Raises AgentNotFound."""
    row = await find_agent(runtime.store, agent_id)
    runs = await runtime.store.runs(RunFilter(agent_id), limit=10)
    return AgentDetail(
        **msgspec.structs.asdict(await _summary(runtime, row)),
        spec_digest=row.spec,
        state_version=row.state_version,
        dead_letters=await runtime.store.dead_letter_count(agent_id),
        schedules=tuple(await planned(runtime, agent_id)),
        runs=tuple(run.id for run in runs.items),
    )


async def change(
    runtime: Runtime, agent_id: str, verb: LifeVerb, *, who: str, why: str = "", wait: bool = True
) -> AgentSummary:
    """Start, wake, stop, hibernate or terminate an agent. With `wait` it is done when this returns or, where another
    process has the agent, about to be. Raises AgentNotFound, AgentAtRest, AgentTerminated."""
    row = await find_agent(runtime.store, agent_id)
    reached = after(verb, cast(AgentStatus, row.status), agent_id)
    if verb == "terminate" and row.status not in RESTING and reached != row.status:
        await _last_words(runtime, row, who)
    if reached != row.status:
        await runtime.store.reap()
        now, id = runtime.clock.now(), runtime.ids.new("env")
        await runtime.engine.order(agent_id, order(id, agent_id, verb, who=who, why=why, now=now), wait=wait)
    elif reached == "active":
        runtime.engine.wake(agent_id)
    return await _summary(runtime, await find_agent(runtime.store, agent_id))


async def tick(runtime: Runtime, agent_id: str, *, who: str, reason: str = "") -> RunRow:
    """Let an agent take a turn now, because somebody says so: a run begun by an envelope of kind `manual`."""
    row = await find_agent(runtime.store, agent_id)
    if row.status in RESTING:
        raise AgentAtRest(f"agent {agent_id!r} is {row.status}", agent_id=agent_id, status=row.status)
    return await _tell(runtime, agent_id, "manual", reason or TICK, who)


async def send(runtime: Runtime, agent_id: str, input: Any, *, who: str) -> RunRow:
    """Send something to an agent that there is; it is on disk when this returns. For one at rest it waits."""
    return await _tell(runtime, agent_id, "message", input, who)


async def _last_words(runtime: Runtime, row: AgentRow, who: str) -> None:
    """A Python agent hears that it is to end, unless it is busy with something that is cancelled anyway."""
    spec = await runtime.library.stored(row.spec)
    if spec.handler is not None and not row.active_run:
        await runtime.wait(await _tell(runtime, row.id, "terminate", None, who))


async def _tell(runtime: Runtime, agent_id: str, kind: str, payload: Any, who: str) -> RunRow:
    id, now = runtime.ids.new("env"), runtime.clock.now()
    return await deliver(runtime, Envelope(id, agent_id, kind, payload, who, created_at=now))


async def _summary(runtime: Runtime, row: AgentRow) -> AgentSummary:
    return AgentSummary(
        row.id,
        await spec_name(runtime, row.spec),
        cast(AgentStatus, row.status),
        row.active_run,
        await runtime.store.mail_count(row.id),
        row.records,
        row.created_at,
        row.updated_at,
    )
