"""Replay: a run executed again against its journal, touching nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from perdure.base.codec import pack, unpack
from perdure.base.errors import AgentNotFound, ReplayDivergence
from perdure.kernel import records as r
from perdure.kernel.budgets import Money, Scope
from perdure.kernel.effects import ReplayEnd
from perdure.kernel.execution import Execution
from perdure.kernel.journal import Journal, decode, fold
from perdure.kernel.live import Live
from perdure.kernel.program import Program, Yielded
from perdure.kernel.store.rows import AgentRow, RecordFilter, RunRow

from .finding import find_run, records_of

if TYPE_CHECKING:
    from .runtime import Runtime

Verdict: TypeAlias = Literal["same", "goes on", "diverges"]


class Replay(msgspec.Struct, frozen=True):
    """`same`: the handler came to the same end. `goes on`: the journal ends at `key`, where it would do more.
    `diverges`: at `key` it does something else; `recorded` and `now` show both."""

    run_id: str
    verdict: Verdict
    key: str = ""
    recorded: Any = None
    now: Any = None
    records: int = 0
    changed_tools: tuple[str, ...] = ()


async def replay(runtime: Runtime, run_id: str) -> Replay:
    """Execute a run again with the spec it has; its effects are answered from the journal and never done."""
    run = await find_run(runtime.store, run_id)
    records = await records_of(runtime.store, run)
    journal = fold(records)
    program = await runtime.library.rehearsal(run.spec)
    changed = journal.changed(program.tools)
    execution = await rehearse(runtime, run, program, journal)

    def verdict(what: Verdict, key: str = "", recorded: Any = None, now: Any = None) -> Replay:
        return Replay(run.id, what, key, recorded, now, len(records), changed)

    try:
        if await execution.go() != "ended":
            return verdict("goes on", next(iter(execution.waits.open), ""))
        value = execution.result()
    except asyncio.CancelledError:
        if journal.cancelling is None:
            raise
        return verdict("same")
    except ReplayEnd as end:
        return verdict("goes on", end.key)
    except ReplayDivergence as error:
        return verdict("diverges", error.facts["key"], error.facts["recorded"], error.facts["asked"])
    except Exception as error:
        return _failed(run, records, error, verdict)
    finally:
        await execution.abandon()
    unasked = journal.unasked()
    if unasked:
        return verdict("diverges", unasked[0], recorded="on record", now="never asked for")
    recorded = _output(records)
    now = value.output if isinstance(value, Yielded) else value
    if recorded is None or pack(recorded.body and unpack(recorded.body)) == pack(now):
        return verdict("same")
    return verdict("diverges", "", unpack(recorded.body), now)


async def rehearse(
    runtime: Runtime,
    run: RunRow,
    program: Program,
    journal: Journal,
    *,
    live: Live | None = None,
    scopes: Sequence[Scope] = (),
) -> Execution:
    """The run ready to be executed again, with nobody listening but to `live`, and nothing written or done."""
    return Execution(
        await _agent_before(runtime, run),
        run,
        program,
        journal,
        store=runtime.store,
        clock=runtime.clock,
        live=live or Live(),
        money=Money(run.id, scopes, program.spending, now=runtime.clock.now, tick=lambda: 0),
        write=None,
        probe=lambda _: None,
        project=runtime.project.root,
    )


async def _agent_before(runtime: Runtime, run: RunRow) -> AgentRow:
    """The agent with the state that it had when the run began."""
    agent = await runtime.store.load_agent(run.agent_id)
    if agent is None:
        raise AgentNotFound(f"no agent {run.agent_id}", agent_id=run.agent_id)
    wanted = RecordFilter(run.agent_id, types=(r.StateSet.type,))
    found = await runtime.store.records(wanted, before=run.first_seq, limit=1, order="newest")
    if not found:
        return msgspec.structs.replace(agent, state=None, state_version=0)
    state = decode(found[0])
    assert isinstance(state, r.StateSet)
    return msgspec.structs.replace(agent, state=bytes(state.body), state_version=state.version)


def _failed(run: RunRow, records: list[r.Record], error: Exception, verdict: Any) -> Replay:
    """The handler raised: the same, if that is how it ended before."""
    recorded = _output(records)
    if run.status == "failed" and recorded is not None:
        return verdict("same")  # type: ignore[no-any-return]
    return verdict("diverges", "", recorded and unpack(recorded.body), f"{type(error).__name__}: {error}")  # type: ignore[no-any-return]


def _output(records: list[r.Record]) -> r.Event | None:
    ends = [record for record in records if record.type in ("run.finished", "run.yielded")]
    return decode(ends[-1]) if ends else None
