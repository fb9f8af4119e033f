"""The runtime of one project: the verbs of the system, each in a file of its own, on one object."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from perdure.agents.programs import Library
from perdure.agents.project import ProjectConfig
from perdure.agents.spec import AgentSpec
from perdure.agents.targets import Target
from perdure.base.clock import Clock
from perdure.base.ids import Ids
from perdure.kernel.engine import Engine
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import RunRow

from . import commands, decisions, finding, forking, listening, replaying, starting
from .results import RunResult, result_of


class Runtime:
    """Runs agents of a project. Made by `perdure.open`, and closed with it."""

    def __init__(
        self,
        project: ProjectConfig,
        engine: Engine,
        library: Library,
        *,
        clock: Clock,
        ids: Ids,
        environment: Mapping[str, str],
    ) -> None:
        self.project = project
        self.engine = engine
        self.library = library
        self.clock = clock
        self.ids = ids
        self.environment = environment

    @property
    def store(self) -> Store:
        return self.engine.store

    def spec(self, target: Target, overrides: Sequence[str] = ()) -> AgentSpec:
        """The checked spec of a target. Raises InvalidFile with everything that is wrong."""
        return self.library.spec(target, overrides)

    # -- running ------------------------------------------------------------------------------------------------------

    async def run(
        self, target: Target, input: Any, *, agent: str | None = None, overrides: Sequence[str] = ()
    ) -> RunResult:
        """Send `input` to an agent and wait until the run ends, yields, or waits for a person.

        `agent` names a durable agent, so that a conversation goes on; without it a new one comes to be.
        """
        return await self.wait(await self.start(target, input, agent=agent, overrides=overrides))

    async def start(
        self,
        target: Target,
        input: Any,
        *,
        agent: str | None = None,
        overrides: Sequence[str] = (),
        envelope_id: str | None = None,
    ) -> RunRow:
        """Accept `input`; it is on disk when this returns. The same `envelope_id` again gives the same run."""
        return await starting.start(self, self.spec(target, overrides), input, agent=agent, envelope_id=envelope_id)

    async def wait(self, run: RunRow | str) -> RunResult:
        """Wait until a run ends, yields, is paused, or waits for a person."""
        row = await finding.find_run(self.store, run) if isinstance(run, str) else run
        return result_of(await self.engine.rest(row), self.clock.now())

    def stream(
        self, target: Target, input: Any, *, agent: str | None = None, overrides: Sequence[str] = ()
    ) -> AsyncIterator[listening.RunEvent]:
        """Send `input` and hear what happens: text as it comes, tool calls, and the result last."""
        return listening.stream(self, target, input, agent=agent, overrides=overrides)

    # -- moving runs on -----------------------------------------------------------------------------------------------

    async def resume(self, run_id: str) -> RunResult:
        """Go on with a run that was interrupted, yielded, paused or failed."""
        return await commands.resume(self, run_id)

    async def cancel(self, run_id: str, *, who: str = "operator") -> RunResult:
        """End a run and its children; tools under way are cancelled."""
        return await commands.cancel(self, run_id, who=who)

    async def pause(self, run_id: str, *, who: str = "operator") -> RunResult:
        """Let nothing new begin in a run until it is resumed."""
        return await commands.pause(self, run_id, who=who)

    async def approve(self, run_id: str, answer: Any = "approve", *, key: str = "", who: str = "operator") -> RunRow:
        """Answer what a run asks a person (`key` where it asks several things)."""
        return await decisions.answer(self, run_id, answer, key=key, who=who)

    async def deny(self, run_id: str, *, key: str = "", why: str = "", who: str = "operator") -> RunRow:
        """Refuse what a run asks to do."""
        return await decisions.answer(self, run_id, "deny", key=key, who=who, why=why)

    async def resolve(
        self,
        run_id: str,
        key: str,
        how: Literal["done", "retry", "fail"],
        *,
        value: Any = None,
        why: str = "",
        who: str = "operator",
    ) -> RunRow:
        """Say what became of an effect in doubt: it was `done` with this value, `retry` it, or it is to `fail`."""
        return await decisions.resolve(self, run_id, key, how, value=value, why=why, who=who)

    async def fork(self, run_id: str, at: str, *, overrides: Sequence[str] = (), live: bool = False) -> RunRow:
        """A new run that shares the records before key `at`, on an agent of its own."""
        return await forking.fork(self, run_id, at, overrides=overrides, live=live)

    async def replay(self, run_id: str) -> replaying.Replay:
        """Execute a run again against its journal, touching nothing, and say where it would go another way."""
        return await replaying.replay(self, run_id)
