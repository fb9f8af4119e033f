"""What a supervisor's verdict writes beside the end of the run that failed."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from perdure.base.codec import pack
from perdure.base.envelope import Envelope

from . import records as r
from .holding import Entry, Holding
from .life import changed, timers_of
from .mounting import decide
from .outgoing import CAPACITY, lost
from .store.ops import CancelTimer, Deliver, Op, SetTimer
from .store.rows import AgentRow, RunRow, Timer
from .supervision import Failure, Verdict

QUARANTINE = "quarantine"
"""The key of the timer that ends a quarantine."""
SUPERVISOR = "supervisor"


class Sanction(msgspec.Struct, frozen=True):
    """What a verdict writes, with the end of the run that failed; `agent` is the row that it leaves, and `to` are
    agents to wake after it."""

    agent: AgentRow
    entries: list[Entry]
    ops: list[Op]
    to: tuple[str, ...] = ()


async def sanction(holding: Holding, run: RunRow, verdict: Verdict, failure: Failure) -> Sanction:
    """Make ready what the verdict does to the agent besides ending the run."""
    agent, now = holding.agent, holding.house.clock.now()
    status = _status(verdict, holding)
    why = f"run {run.id} failed: {failure.error.get('message', failure.code)}"
    agent, entries = changed(agent, status, who=SUPERVISOR, why=why, now=now)
    ops: list[Op] = []
    if verdict.measure == "quarantine" and verdict.until is not None:
        ops.append(SetTimer(Timer(agent.id, timers_of(agent.id), QUARANTINE, verdict.until)))
    if verdict.measure == "terminate":
        ops += [CancelTimer(id) for id in {timer.run_id for timer in await holding.house.store.timers(agent.id)}]
    for path in verdict.demote:
        told, kept = decide(agent.id, path, "disabled", who=SUPERVISOR, now=now)
        entries.append(("", told))
        ops.append(kept)
    if not verdict.escalate_to:
        return Sanction(agent, entries, ops)
    letter = _escalation(holding, run, verdict, failure, now)
    if await holding.house.store.load_agent(letter.to) is None:
        return Sanction(agent, entries, [*ops, *lost(letter, "unknown_agent", now=now)])
    delivered = Deliver(letter.to, letter.id, letter.kind, pack(letter), now, priority=0, capacity=CAPACITY)
    entries.append((f"escalate#{failure.attempt}", r.MessageSent(to=letter.to, body=msgspec.Raw(pack(letter.id)))))
    return Sanction(agent, entries, [*ops, delivered], (letter.to,))


def _status(verdict: Verdict, holding: Holding) -> r.AgentStatus:
    match verdict.measure:
        case "quarantine":
            return "quarantined"
        case "terminate":
            return "terminated"
        case _ if holding.execution is not None and holding.execution.envelope.kind == "initialize":
            return "failed"
        case _:
            return cast(r.AgentStatus, holding.agent.status)


def _escalation(holding: Holding, run: RunRow, verdict: Verdict, failure: Failure, now: int) -> Envelope:
    payload: dict[str, Any] = {
        "agent_id": run.agent_id,
        "run_id": run.id,
        "error": dict(failure.error),
        "measure": verdict.measure,
        "until": verdict.until,
    }
    id = f"{run.id}/escalated/{failure.attempt}"
    hops = holding.execution.envelope.hops + 1 if holding.execution is not None else 1
    return Envelope(
        id,
        verdict.escalate_to,
        "event",
        payload,
        run.agent_id,
        topic="agent.failed",
        causation=run.envelope_id,
        hops=hops,
        created_at=now,
    )
