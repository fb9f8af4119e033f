"""Deploying an agent: it is there, its next runs are of this spec, and what its file says wakes it does so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from perdure.agents.project import STATE_FOLDER
from perdure.agents.spec import AgentSpec, document_digest
from perdure.base.codec import digest
from perdure.base.errors import ConfigError, Fenced, Held, KeyExists
from perdure.flows.files import is_flow
from perdure.kernel.store.ops import Claim, Claimable, HasFence, NoAgent, Op, PutAgent, PutSpec, Unclaim
from perdure.kernel.store.rows import AgentRow

from . import subscriptions
from .drivers.files import FileWatch
from .drivers.keeping import WithAgent
from .drivers.port import Driver
from .schedules import Planned, follow_file, planned
from .starting import check_agent_id

if TYPE_CHECKING:
    from perdure.flows.spec import FlowSpec

    from .runtime import Runtime

AGENT_FILES = re.compile(r".*\.(yaml|yml|toml)")
PATIENCE_MS = 10_000
PAUSE_MS = 100


class Deployed(msgspec.Struct, frozen=True):
    """`is_new`: the agent came to be just now."""

    agent_id: str
    spec: str
    is_new: bool
    schedules: tuple[Planned, ...]


async def deploy(runtime: Runtime, spec: AgentSpec | FlowSpec, *, agent: str | None = None) -> Deployed:
    """Deploy a spec as the agent of its name, or as `agent`. A run in flight stays on the spec that it began with.
    Raises Held where the agent is at work for longer than ten seconds."""
    document = runtime.library.document(spec)
    agent_id, wanted, now = check_agent_id(agent or spec.name), document_digest(document), runtime.clock.now()
    keep = PutSpec(wanted, document, now)
    is_new = True
    try:
        row = AgentRow(agent_id, wanted, now, updated_at=now)
        await runtime.store.commit([keep, PutAgent(row)], (NoAgent(agent_id),))
    except KeyExists:
        is_new = False
        found = await runtime.store.load_agent(agent_id)
        if found is not None and found.spec != wanted:
            await _adopt(runtime, agent_id, wanted, keep)
    await follow_file(runtime, agent_id, spec.on)
    await subscriptions.follow_file(runtime, agent_id, spec.on)
    await runtime.drivers.put(agent_id, _drivers(runtime, agent_id, spec))
    return Deployed(agent_id, wanted, is_new, tuple(await planned(runtime, agent_id)))


async def deploy_project(runtime: Runtime) -> None:
    """Deploy the agents in the project's folder `agents` that something wakes, and the flows in `flows` that something
    starts. A file that is wrong keeps no other from its work, and is one of the `problems` of `runtime.reloads`."""
    wrong = runtime.reloads.problems
    names: set[str] = set()
    root = runtime.project.root
    for path in sorted((root / "agents").rglob("*")):
        shown = path.relative_to(root)
        if not AGENT_FILES.fullmatch(path.name) or is_flow(path) or STATE_FOLDER in shown.parts or not path.is_file():
            continue
        try:
            spec = runtime.spec(shown)
        except ConfigError as error:
            wrong[shown.as_posix()] = error.message
            continue
        names.add(spec.name)
        if spec.on:
            await deploy(runtime, spec)
    for file, flow in runtime.flows.specs():
        if flow.on and flow.name not in names:
            names.add(flow.name)
            await deploy(runtime, flow)
        elif flow.on:
            wrong[file] = f"{flow.name} is the name of another file's agent or flow: give the flow another `name`"
    wrong.update((one.file, one.problem) for one in runtime.flows.all() if one.problem)


def _drivers(runtime: Runtime, agent_id: str, spec: AgentSpec | FlowSpec) -> Iterable[Driver]:
    folder = runtime.project.root / spec.folder
    for trigger in spec.on:
        if trigger.file is not None:
            key = f"watch:{digest(trigger.file)}"
            yield FileWatch(
                folder,
                trigger.file,
                owner=agent_id,
                keeping=WithAgent(runtime.store, runtime.clock, agent_id, key),
                clock=runtime.clock,
                to=agent_id,
                input=trigger.input,
            )


async def _adopt(runtime: Runtime, agent_id: str, spec: str, keep: PutSpec) -> None:
    """Let the agent's next runs be of another spec. Its row is written under a fence, as every row that is there; this
    worker has no heartbeat, so that nobody waits for it should it end here."""
    worker, until = runtime.ids.new("wrk"), runtime.clock.now() + PATIENCE_MS
    while True:
        stale_before = runtime.clock.now() - runtime.engine.settings.lease_ms
        try:
            guard = Claimable(agent_id, worker, stale_before)
            (fence,) = await runtime.store.commit([Claim(agent_id, worker)], (guard,))
            row = await runtime.store.load_agent(agent_id)
            assert row is not None
            changed = msgspec.structs.replace(row, spec=spec, updated_at=runtime.clock.now())
            ops: list[Op] = [keep, PutAgent(changed), Unclaim(agent_id, worker, None)]
            await runtime.store.commit(ops, (HasFence(agent_id, worker, fence),))
        except (Held, Fenced):
            if runtime.clock.now() >= until:
                raise
            await runtime.clock.sleep(PAUSE_MS)
        else:
            return
