"""Checking a deployment: what the files as they are now would do to what is under way, before they do it.

A run keeps to the definition that it began with, but not to the code that this names: tools, classes and types are read
from their files when the run goes on. Each unfinished run is therefore made ready and executed again against its
journal, touching nothing; each Python agent's state is read with the class that it would be read with.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from perdure.agents.state import load_state
from perdure.base.errors import PerdureError
from perdure.kernel.journal import KERNELS
from perdure.kernel.store.rows import AgentRow, RunFilter, RunRow

from .comparing import UNFINISHED
from .finding import AT_ONCE, each_run
from .listing import spec_name
from .replaying import replay

if TYPE_CHECKING:
    from .runtime import Runtime

Reason: TypeAlias = Literal["file", "gone", "state", "diverges", "tool"]


class Finding(msgspec.Struct, frozen=True):
    """`file`: a file is wrong. `gone`: something that a run's definition names cannot be had any more. `state`: an
    agent's state cannot be read. `diverges`: at `key` the run would do something else than is on record. `tool`: the
    source of a tool is not what it was when the run began, which is on record and breaks nothing."""

    reason: Reason
    what: str
    file: str = ""
    run_id: str = ""
    agent_id: str = ""
    spec: str = ""
    status: str = ""
    key: str = ""
    recorded: Any = None
    now: Any = None

    @property
    def breaks(self) -> bool:
        return self.reason != "tool"


class Check(msgspec.Struct, frozen=True):
    """How many unfinished runs and agents were looked at, and what was found."""

    runs: int
    agents: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not any(finding.breaks for finding in self.findings)


async def check(runtime: Runtime) -> Check:
    """What the files of the project as they are now would break. Asks no model, does nothing and writes nothing."""
    findings = _of_files(runtime)
    runs = 0
    async for run in each_run(runtime.store, RunFilter(status=UNFINISHED)):
        runs += 1
        findings += await _of_run(runtime, run)
    agents = 0
    async for agent in _each_agent(runtime):
        agents += 1
        findings += await _of_agent(runtime, agent)
    return Check(runs, agents, tuple(findings))


def _of_files(runtime: Runtime) -> list[Finding]:
    """Files that are wrong, and those whose agents cannot be made ready for work."""
    findings = [Finding("file", one.problem, file=one.file) for one in runtime.shelf.all() if one.problem]
    for path, spec in runtime.shelf.specs():
        try:
            runtime.library.make(spec, rehearsal=True)
        except PerdureError as error:
            findings.append(Finding("file", error.message, file=runtime.shelf.shown(path), spec=spec.name))
    return findings


async def _of_run(runtime: Runtime, run: RunRow) -> list[Finding]:
    def found(reason: Reason, what: str, **more: Any) -> Finding:
        return Finding(reason, what, run_id=run.id, agent_id=run.agent_id, spec=name, status=run.status, **more)

    name = await spec_name(runtime, run.spec)
    try:
        again = await replay(runtime, run.id)
    except PerdureError as error:
        return [found("gone", error.message)]
    findings = [found("tool", f"the source of {tool} changed") for tool in again.changed_tools]
    if again.verdict == "diverges":
        where = f"at {again.key}" if again.key else "at its end"
        what = f"it would go another way {where}"
        findings.append(found("diverges", what, key=again.key, recorded=again.recorded, now=again.now))
    elif run.status == "waiting" and (missed := await _missed(runtime, run, again.key)):
        what = f"it would no longer wait at {missed}"
        findings.append(found("diverges", what, key=missed, recorded="waits", now=f"goes on to {again.key}"))
    return findings


async def _missed(runtime: Runtime, run: RunRow, reached: str) -> str:
    """Where a run waits that would go past that place now, "" where it would come to stand there again."""
    keys = [wait.key for wait in (await runtime.engine.ended(run)).waits]
    if reached in keys or any(key.startswith(KERNELS) for key in keys):  # the handler knows nothing of the kernel's own
        return ""
    return keys[0] if keys else ""


async def _of_agent(runtime: Runtime, agent: AgentRow) -> list[Finding]:
    """Whether the next run of a Python agent can read the state that the agent has."""
    if agent.state is None or agent.status == "terminated":
        return []
    try:
        spec = await runtime.shelf.follows(agent.spec) or await runtime.library.stored(agent.spec)
        cls = runtime.library.agent_class(spec)
    except PerdureError as error:
        return [Finding("gone", error.message, agent_id=agent.id)]
    if cls is None:
        return []
    try:
        load_state(cls.State, agent.state, agent.state_version)
    except Exception as error:  # the edge: `migrate` is the user's, and says no in any way it likes
        what = f"its state (version {agent.state_version}) cannot be read: {type(error).__name__}: {error}"
        return [Finding("state", what, agent_id=agent.id, spec=spec.name)]
    return []


async def _each_agent(runtime: Runtime) -> AsyncIterator[AgentRow]:
    cursor = ""
    while True:
        page = await runtime.store.agents(cursor=cursor, limit=AT_ONCE)
        for row in page.items:
            yield row
        cursor = page.next
        if not cursor:
            return
