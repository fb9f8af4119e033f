"""Replay: a run executed again against its journal, touching nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from perdure.base.codec import pack, unpack
from perdure.base.errors import AgentNotFound, ReplayDivergence
from perdure.kernel import records as r
from perdure.kernel.budgets import Money
from perdure.kernel.effects import ReplayEnd
from perdure.kernel.execution import Execution
from perdure.kernel.journal import decode, fold
from perdure.kernel.program import Yielded
from perdure.kernel.store.rows import AgentRow, RecordFilter, RunRow

from .finding import find_run

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
    records = await records_of(runtime, run)
    journal = fold(records)
    agent = await _agent_before(runtime, run)
    program = await runtime.library.program(run.spec)
    changed = changed_tools(journal.accepted, program.tools)
    execution = Execution(
        agent,
        run,
        program,
        journal,
        store=runtime.store,
        clock=runtime.clock,
        live=runtime.engine.live,
        money=Money(run.id, ()),
        write=None,
        probe=lambda _: None,
        project=runtime.project.root,
    )

    def verdict(what: Verdict, key: str = "", recorded: Any = None, now: Any = None) -> Replay:
        return Replay(run.id, what, key, recorded, now, len(records), changed)

    try:
        if await execution.go() != "ended":
            return verdict("goes on", next(iter(execution.waits.open), ""))
        value = execution.result()
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


def changed_tools(accepted: r.RunAccepted | None, now: dict[str, str]) -> tuple[str, ...]:
    """Python tools whose source is not what it was when the run began."""
    before = accepted.tools if accepted is not None else {}
    return tuple(sorted(name for name, digest in before.items() if now.get(name) != digest))


async def records_of(runtime: Runtime, run: RunRow) -> list[r.Record]:
    """All records of a run, in order."""
    found: list[r.Record] = []
    after = run.first_seq - 1
    while page := await runtime.store.records(RecordFilter(run.agent_id, run.id), after=after, limit=1000):
        found += page
        after = page[-1].seq
    return found
