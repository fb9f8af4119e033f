"""Budgets as people see them: what may be spent where, what is, and what waits for more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from perdure.base.envelope import Envelope
from perdure.base.errors import InputError
from perdure.base.money import show_money
from perdure.kernel import records as r
from perdure.kernel.budgets import Scope, agent_scopes, low, pool_scopes
from perdure.kernel.journal import decode, encode
from perdure.kernel.lineage import scopes_of
from perdure.kernel.outgoing import append
from perdure.kernel.standing import BudgetLine, standing
from perdure.kernel.store.ops import Op, SetLimit
from perdure.kernel.store.rows import RecordFilter, RunFilter, RunRow, ScopeRow
from perdure.kernel.store.scopes import RUN

from .finding import AT_ONCE, each_run, find_run

if TYPE_CHECKING:
    from .runtime import Runtime


async def budgets(runtime: Runtime, which: str = "") -> list[BudgetLine]:
    """All scopes that something was reserved on, and the project's; or one by its id; or those of an agent; or all that
    a run draws on. Scopes without a limit are not counted, and not here. Raises InputError, RunNotFound."""
    pools = runtime.engine.settings.pools
    if not which:
        return await _lines(runtime, pool_scopes(pools), await _all(runtime))
    if ":" in which:
        return [await _one(runtime, which)]
    if (scopes := await _agents(runtime, which)) is not None:
        return await _lines(runtime, scopes)
    run = await find_run(runtime.store, which)
    program = await runtime.library.program(run.spec)
    return await _lines(runtime, await scopes_of(runtime.store, runtime.library, run, program, pools))


async def set_budget(runtime: Runtime, scope: str, limit: int | None, *, who: str) -> BudgetLine:
    """Give a scope another limit (micro-USD) than its file says, from now on; None: what the file says holds again.
    Runs that wait for it look again. Raises InputError where there is no such budget."""
    if limit is not None and limit < 0:
        raise InputError(f"not a limit: {show_money(limit)}")
    await _one(runtime, scope)
    ops: list[Op] = [SetLimit(scope, limit)]
    owner = await _owner(runtime, scope)
    if owner is not None:
        agent_id, run_id = owner
        event = r.BudgetChanged(scope=scope, limit=limit, who=who)
        ops += append(agent_id, [encode(event, agent_id=agent_id, run_id=run_id, key="", at=runtime.clock.now())])
    await runtime.store.commit(ops)
    async for run in each_run(runtime.store, RunFilter(status=("waiting",))):
        await look_again(runtime, run, scope=scope, who=who)
    return await _one(runtime, scope)


async def look_again(runtime: Runtime, run: RunRow, *, scope: str = "", who: str = "operator") -> tuple[r.Wait, ...]:
    """Let a run that waits for room in a budget (in this one, where it is named) see whether there is; gives the waits
    that it was told at."""
    waits = (await runtime.engine.ended(run)).waits if run.status == "waiting" else ()
    told = tuple(wait for wait in waits if wait.kind == "budget" and scope in ("", wait.about.get("scope")))
    for wait in told:
        id, now = runtime.ids.new("env"), runtime.clock.now()
        envelope = Envelope(id, run.agent_id, "budget", sender=who, correlation=wait.key, created_at=now)
        await runtime.engine.tell(envelope, run)
    return waits if told else ()


async def warnings(runtime: Runtime, run_id: str) -> list[str]:
    """What a run told of budgets that are nearly spent, a line each."""
    run = await find_run(runtime.store, run_id)
    records = await runtime.store.records(RecordFilter(run.agent_id, run.id, (r.BudgetWarned.type,)))
    events = [event for event in map(decode, records) if isinstance(event, r.BudgetWarned)]
    return [low(event.scope, event.spent, event.limit) for event in events]


async def _all(runtime: Runtime) -> list[ScopeRow]:
    rows: list[ScopeRow] = []
    cursor = ""
    while True:
        page = await runtime.store.scopes_like("", cursor=cursor, limit=AT_ONCE)
        rows += page.items
        cursor = page.next
        if not cursor:
            return rows


async def _one(runtime: Runtime, scope: str) -> BudgetLine:
    """A scope by its id, whether or not anything was reserved on it yet."""
    rows = await runtime.store.scopes([scope])
    known = {one.id: one for one in await _named(runtime, scope)}
    if scope not in known and not any(row.limit is not None for row in rows):
        raise InputError(
            f"there is no budget {scope!r}",
            hint="`perdure budget` lists them; a budget is counted where a file sets a limit for it.",
        )
    (line,) = await _lines(runtime, [known[scope]] if scope in known else [], rows)
    return line


async def _named(runtime: Runtime, scope: str) -> Sequence[Scope]:
    """The scopes with limits in files or rows of whoever this scope's id names."""
    kind, _, rest = scope.partition(":")
    if kind == "agent":
        return await _agents(runtime, rest.rpartition(":")[0]) or ()
    run = await runtime.store.load_run(rest) if kind == "run" else None
    if run is not None and run.budget is not None:
        return [Scope(scope, run.budget)]
    return pool_scopes(runtime.engine.settings.pools)


async def _agents(runtime: Runtime, agent_id: str) -> list[Scope] | None:
    agent = await runtime.store.load_agent(agent_id)
    if agent is None:
        return None
    program = await runtime.library.program(agent.spec)
    return agent_scopes(agent_id, per_tick=program.per_tick, per_day=program.per_day)


async def _owner(runtime: Runtime, scope: str) -> tuple[str, str] | None:
    """The agent and run in whose journal it belongs that the scope's limit was changed; None for a pool's."""
    if scope.startswith(RUN):
        run = await runtime.store.load_run(scope.removeprefix(RUN))
        return None if run is None else (run.agent_id, run.id)
    agent_id = scope.partition(":")[2].rpartition(":")[0]
    is_agents = scope.startswith("agent:") and await runtime.store.load_agent(agent_id) is not None
    return (agent_id, "") if is_agents else None


async def _lines(runtime: Runtime, scopes: Iterable[Scope], rows: Sequence[ScopeRow] = ()) -> list[BudgetLine]:
    """Scopes with limits, and after them the rows of others."""
    known = {scope.id: scope.limit for scope in scopes}
    found = {row.id: row for row in (*await runtime.store.scopes(tuple(known)), *rows)}
    now = runtime.clock.now()
    ids = [*known, *(id for id in found if id not in known)]
    return [standing(id, known.get(id), found.get(id), now) for id in ids]
