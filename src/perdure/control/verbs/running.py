"""Running agents and flows, and waiting for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import TYPE_CHECKING, Any

from perdure import control
from perdure.control.results import result_of

from . import Verbs

if TYPE_CHECKING:
    from perdure.control.listening import RunEvent
    from perdure.control.results import RunResult
    from perdure.control.starting import Runnable
    from perdure.kernel.records import Wait
    from perdure.kernel.store.rows import RunRow


class Running(Verbs):
    """Verbs that begin a run or wait for one."""

    async def run(
        self, target: Runnable, input: Any, *, agent: str | None = None, overrides: Sequence[str] = ()
    ) -> RunResult:
        """Send `input` to an agent and wait until the run ends, yields, or waits for a person.

        `agent` names a durable agent, so that a conversation goes on; without it a new one comes to be.
        """
        return await self.wait(await self.start(target, input, agent=agent, overrides=overrides))

    async def start(
        self,
        target: Runnable,
        input: Any,
        *,
        agent: str | None = None,
        overrides: Sequence[str] = (),
        envelope_id: str | None = None,
        stepwise: bool = False,
    ) -> RunRow:
        """Accept `input`; it is on disk when this returns. The same `envelope_id` again gives the same run. A flow that
        goes `stepwise` asks before each step."""
        return await control.starting.start(
            self._runtime,
            target,
            input,
            agent=agent,
            overrides=overrides,
            envelope_id=envelope_id,
            stepwise=stepwise,
        )

    async def wait(self, run: RunRow | str, *, beyond: Sequence[Wait] = ()) -> RunResult:
        """Wait until a run ends, yields, is paused, or waits for a person: for something else than `beyond`, the waits
        of a result that have been answered since."""
        row = await control.finding.find_run(self._runtime.store, run) if isinstance(run, str) else run
        while True:
            result = result_of(await self._runtime.engine.rest(row), self._runtime.clock.now())
            if not beyond or result.waits != tuple(beyond):
                return result
            # Another process holds the agent, and has not taken the answer in yet.
            await self._runtime.clock.sleep(self._runtime.engine.settings.poll_ms)

    async def look(self, run_id: str) -> RunResult:
        """A run as it stands, without waiting."""
        row = await control.finding.find_run(self._runtime.store, run_id)
        return result_of(await self._runtime.engine.ended(row), self._runtime.clock.now())

    def stream(
        self, target: Runnable, input: Any, *, agent: str | None = None, overrides: Sequence[str] = ()
    ) -> AsyncIterator[RunEvent]:
        """Send `input` and hear what happens: text as it comes, tool calls, and the result last."""
        return control.listening.stream(self._runtime, target, input, agent=agent, overrides=overrides)

    def follow(self, run_id: str, rest: Awaitable[RunResult]) -> AsyncIterator[RunEvent]:
        """Hear what happens in a run, from now until `rest`, such as `rt.resume(run_id)`, has come to its result."""
        return control.listening.follow(self._runtime, run_id, rest)
