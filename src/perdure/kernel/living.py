"""An agent comes into another state of its life by a command or its timer, and what is done with mail meanwhile."""

from __future__ import annotations

from typing import cast

import msgspec

from perdure.base.codec import pack
from perdure.base.envelope import Envelope
from perdure.base.errors import PerdureError, VersionConflict

from . import records as r
from .closing import cut_off, dropped
from .failures import told
from .holding import Ended, Entry, Holding
from .inbox import LIFE, Intake, Item
from .life import LifeVerb, after, changed, terminated, timers_of
from .outgoing import answer, reply
from .sanctions import QUARANTINE, SUPERVISOR
from .store.ops import Acknowledge, CancelTimer, Op, PutAgent, PutDeadLetter, PutRun, RunIs, SetTimer
from .store.rows import ENDED, RunFilter, RunRow, RunStatus, Timer
from .supervision import throttled

THROTTLE = "throttle"
"""The key of the timer that lets an agent begin the next run."""
_BEGUN: tuple[RunStatus, ...] = ("running", "waiting", "paused", "done", "failed", "cancelled", "yielded")


class Order(msgspec.Struct, frozen=True):
    """The payload of a command to an agent."""

    do: LifeVerb
    why: str = ""


def command(envelope_id: str, agent_id: str, do: LifeVerb, *, who: str, why: str, now: int) -> list[Op]:
    """What it takes to command an agent. It takes no room in its inbox, and goes before all messages."""
    payload = msgspec.to_builtins(Order(do, why))
    envelope = Envelope(envelope_id, agent_id, LIFE, payload, who, created_at=now)
    return answer(envelope, timers_of(agent_id), now=now)


# -- by a command -----------------------------------------------------------------------------------------------------


async def live(holding: Holding, item: Item) -> None:
    """Carry out a command to the agent. What makes no sense from here is dropped."""
    order = _order(holding, item)
    if order is None:
        return await dropped(holding, item, "unknown_run")
    try:
        status = after(order.do, cast(r.AgentStatus, holding.agent.status), holding.agent.id)
    except PerdureError:
        return await dropped(holding, item, "not_possible")
    if status == "terminated":
        return await _terminate(holding, item, order)
    taken = Acknowledge(holding.agent.id, (item.envelope.id,))
    await _turn(holding, status, item.envelope.sender, order.why, [taken, CancelTimer(timers_of(holding.agent.id))])


def cuts_short(holding: Holding, item: Item) -> bool:
    """Whether a command does not wait for the end of the turn under way."""
    order = _order(holding, item)
    return order is not None and order.do in ("stop", "terminate")


def _order(holding: Holding, item: Item) -> Order | None:
    """What the command says; None where it does not come from who may command, or says nothing known."""
    if item.run_id != timers_of(holding.agent.id):
        return None  # other agents send messages alone
    try:
        return msgspec.convert(item.envelope.payload, Order)
    except msgspec.ValidationError:
        return None


async def _turn(holding: Holding, status: r.AgentStatus, who: str, why: str, ops: list[Op]) -> None:
    row, entries = changed(holding.agent, status, who=who, why=why, now=holding.house.clock.now())
    await holding.commit(entries, [*ops, PutAgent(row)])
    holding.agent = row


async def _terminate(holding: Holding, item: Item, order: Order) -> None:
    """For good: no timer fires any more, and the run under way is cancelled."""
    timers = await holding.house.store.timers(holding.agent.id)
    ops: list[Op] = [CancelTimer(run_id) for run_id in {timer.run_id for timer in timers}]
    await _turn(holding, "terminated", item.envelope.sender, order.why, ops)
    if holding.execution is None and holding.agent.active_run:
        await holding.load(holding.agent.active_run)
    if holding.execution is None:
        await holding.commit([], [Acknowledge(holding.agent.id, (item.envelope.id,))])
        return
    await cut_off(holding, item.envelope, [Acknowledge(holding.agent.id, (item.envelope.id,))])


# -- mail of an agent at rest -----------------------------------------------------------------------------------------


async def rises(holding: Holding) -> bool:
    """Whether an agent that was quarantined until some time is to work again, because that has come."""
    house, agent = holding.house, holding.agent
    if agent.status != "quarantined":
        return False
    timers = await house.store.timers(agent.id)
    mine = [timer for timer in timers if (timer.run_id, timer.key) == (timers_of(agent.id), QUARANTINE)]
    if not mine or mine[0].due > house.clock.now():
        return False
    await _turn(holding, "active", SUPERVISOR, "its time was up", [CancelTimer(mine[0].run_id, QUARANTINE)])
    return True


async def bury(holding: Holding, intake: Intake) -> None:
    """Nobody will ever read this mail: it goes to the dead letters, and the runs that it was to begin end."""
    for item in intake.starters:
        await _buried(holding, item)
    for given in intake.answers:
        if given.item is not None:
            await dropped(holding, given.item, "terminated")


async def _buried(holding: Holding, item: Item) -> None:
    house, agent_id, now = holding.house, holding.agent.id, holding.house.clock.now()
    envelope = item.envelope
    entries: list[Entry] = [("", r.MessageDropped(envelope=envelope.id, reason="terminated"))]
    ops: list[Op] = [
        Acknowledge(agent_id, (envelope.id,)),
        PutDeadLetter(agent_id, envelope.id, "terminated", now, pack(envelope)),
    ]
    run = await house.store.find_run(agent_id, envelope.id)
    if run is None or run.status in ENDED:
        await holding.commit(entries, ops)
        return
    error, body = told(terminated(agent_id))
    row: RunRow = msgspec.structs.replace(run, status="cancelled", finished_at=now, waiting_for="")
    entries.append(("", r.RunFinished(status="cancelled", body=body)))
    ops += [PutRun(row), *reply(row, None, error, now=now)]
    try:
        await holding.commit(entries, ops, run_id=run.id, guards=[RunIs(run.id, (run.status,))])
    except VersionConflict:
        return  # it was cancelled a moment ago
    house.settled(Ended(row, error=error))
    if row.reply_to:
        house.wake(row.reply_to)


async def waits_its_turn(holding: Holding) -> bool:
    """Whether the agent has begun as many runs as it may in a minute; its timer brings it back then."""
    house, agent_id = holding.house, holding.agent.id
    rules = (await house.programs.program(holding.agent.spec)).supervision
    if rules is None or rules.throttle is None:
        return False
    page = await house.store.runs(RunFilter(agent_id, _BEGUN), limit=rules.throttle)
    now = house.clock.now()
    due = throttled(rules, sorted((run.started_at for run in page.items), reverse=True), now)
    timer = Timer(agent_id, timers_of(agent_id), THROTTLE, due or 0)
    if due is None:
        if any((one.run_id, one.key) == (timer.run_id, THROTTLE) for one in await house.store.timers(agent_id)):
            await holding.commit([], [CancelTimer(timer.run_id, THROTTLE)])
        return False
    await holding.commit([], [SetTimer(timer)])
    house.hurry()
    return True
