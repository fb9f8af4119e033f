"""Before a turn: give answers to the run that waits for them, or let the next message begin one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from perdure.base.codec import pack
from perdure.base.envelope import Envelope
from perdure.base.errors import VersionConflict

from . import records as r
from .closing import dropped, give_way
from .commands import obey
from .execution import Execution
from .holding import Entry, Holding
from .inbox import Answer, Intake, Item, sort
from .journal import encode
from .life import STILL, changed
from .living import bury, rises, waits_its_turn
from .outgoing import append
from .store.ops import Acknowledge, CancelTimer, Op, PutAgent, PutRun, RunIs
from .store.rows import RunRow

MAIL_AT_ONCE = 256


async def take(holding: Holding) -> bool:
    """Hand over what has arrived, in one commit. True where the handler has something to do."""
    recovered = False
    if holding.execution is None and holding.agent.active_run:
        run = await holding.load(holding.agent.active_run)
        recovered = run is not None and run.status == "running"
    intake = await read(holding)
    for item in intake.expired:
        await dropped(holding, item, "expired")
    for item in intake.stale:
        await dropped(holding, item, "unknown_run")
    for item in intake.commands:
        if holding.agent.status in STILL and item.envelope.kind == "resume":
            continue
        if await obey(holding, item) or holding.fresh:
            return True
    if holding.released:
        return False
    if holding.agent.status in STILL and not await rises(holding):
        if holding.agent.status == "terminated":
            await bury(holding, intake)
        return False
    if holding.execution is not None and holding.execution.run.status == "paused":
        return False
    if holding.execution is not None:
        if not _gives_way(holding.execution, intake, recovered):
            return await _give(holding, intake.answers, recovered)
        await give_way(holding, intake.starters[0])
    if intake.starters and await waits_its_turn(holding):
        return False
    return await _begin_next(holding, intake.starters)


async def read(holding: Holding) -> Intake:
    """The agent's mail and due timers, sorted for its active run."""
    store, agent_id = holding.house.store, holding.agent.id
    mail = await store.mail(agent_id, MAIL_AT_ONCE)
    holding.last_mail = max((one.seq for one in mail), default=holding.last_mail)
    waits = holding.waits
    pause = {key: wait for key, wait in waits.items() if key.startswith(r.RETRY)}
    waits = pause or waits  # between two attempts there is nobody to hand anything else to
    timers = await store.timers(agent_id) if any(wait.due is not None for wait in waits.values()) else []
    return sort(mail, timers, waits, holding.agent.active_run, holding.house.clock.now(), is_whole=not pause)


def _gives_way(execution: Execution, intake: Intake, recovered: bool) -> bool:
    """Whether a run that waits is to be cancelled by the next message."""
    waits = execution.run.status == "waiting" and not recovered and not intake.answers
    return waits and bool(intake.starters) and execution.program.while_waiting == "cancel"


async def _give(holding: Holding, answers: Sequence[Answer], recovered: bool) -> bool:
    """Write the answers down before the handler sees them, so that what it does next rests on record."""
    execution = holding.execution
    assert execution is not None
    if not answers and not recovered:
        return False
    entries: list[Entry] = [(answer.key, answer.event) for answer in answers]
    if any(answer.key.startswith(r.RETRY) for answer in answers):
        entries.append(("", r.RunResumed(reason="retried", forget=(execution.journal.failed_key,))))
    elif recovered:
        differ = execution.journal.changed(execution.program.tools)
        entries.append(("", r.RunResumed(reason="recovered", worker=holding.house.worker, changed=differ)))
    ops: list[Op] = [CancelTimer(execution.run.id, answer.key) for answer in answers]
    items = [answer.item for answer in answers if answer.item is not None]
    if items:
        ops.append(Acknowledge(holding.agent.id, tuple(item.envelope.id for item in items)))
    for item in items:
        ops += await _swallowed(holding, item)
    execution.run = msgspec.structs.replace(execution.run, status="running", waiting_for="")
    ops.append(PutRun(execution.run))
    if holding.agent.status != "active":
        holding.agent, stirred = changed(holding.agent, "active", why="mail", now=holding.house.clock.now())
        entries += stirred
        ops.append(PutAgent(holding.agent))
    await holding.commit(entries, ops)
    for key, event in entries:
        if not execution.waits.answer(key, event):
            execution.journal.note(key, event)
    return True


async def _swallowed(holding: Holding, item: Item) -> list[Op]:
    """End the run that a message was to begin, where a run that waited for a message took it instead."""
    assert holding.execution is not None
    if item.run_id:
        return []
    run = await holding.house.store.find_run(holding.agent.id, item.envelope.id)
    if run is None:
        return []
    now = holding.house.clock.now()
    finished = r.RunFinished(status="done", body=msgspec.Raw(pack(None)))
    record = encode(finished, agent_id=holding.agent.id, run_id=run.id, key="", at=now)
    return [*append(holding.agent.id, [record]), PutRun(msgspec.structs.replace(run, status="done", finished_at=now))]


async def _begin_next(holding: Holding, starters: Sequence[Item]) -> bool:
    for item in starters:
        run = await holding.house.store.find_run(holding.agent.id, item.envelope.id)
        if run is None or run.status == "queued":
            try:
                await _begin(holding, item.envelope, run)
            except VersionConflict:
                continue  # it was cancelled a moment ago
            return True
        await dropped(holding, item, "duplicate")
    return False


async def _begin(holding: Holding, envelope: Envelope, run: RunRow | None) -> None:
    """Let a message begin its run; one that came from another agent gets its run only now."""
    house = holding.house
    now = house.clock.now()
    entries: list[Entry] = []
    spec = holding.agent.spec if run is None else run.spec
    program = await house.programs.program(spec)
    if run is None:
        id = house.ids.new("run")
        run = RunRow(id, holding.agent.id, spec, envelope.id, "queued", now, root=id, budget=program.per_run)
        body = msgspec.Raw(pack(envelope))
        entries.append(("", r.RunAccepted(spec=spec, budget=run.budget, tools=program.tools, body=body)))
    run = msgspec.structs.replace(run, status="running", started_at=now)
    agent, stirred = changed(holding.agent, "active", why=envelope.kind, now=now)
    agent = msgspec.structs.replace(agent, active_run=run.id, spec=spec, updated_at=now)
    ops: list[Op] = [Acknowledge(agent.id, (envelope.id,)), PutRun(run), PutAgent(agent)]
    guards = [] if entries else [RunIs(run.id, ("queued",))]
    results = await holding.commit([*entries, *stirred], ops, run_id=run.id, guards=guards)
    holding.agent = agent
    if entries:
        run = msgspec.structs.replace(run, first_seq=results[0][0])
    holding.begin(run, program, envelope, await holding.money(run, program))
