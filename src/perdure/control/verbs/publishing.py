"""What is published, and who hears what its runs say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Coroutine, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from perdure import control

from . import Verbs

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.agents.spec import AgentSpec
    from perdure.control.channels import Channels
    from perdure.control.everywhere import Everywhere
    from perdure.control.flows import FlowShelf
    from perdure.control.handing import GoingOn
    from perdure.control.listening import RunEvent
    from perdure.control.publishing import Shelf
    from perdure.control.reloading import Reloaded, Reloads
    from perdure.kernel.store.rows import RunRow
    from perdure.tools.client import Given


class Publishing(Verbs):
    """What others reach by name, and what they hear."""

    @cached_property
    def shelf(self) -> Shelf:
        """The agents that the project publishes: the files in its folder `agents`."""
        return control.publishing.Shelf(self._runtime)

    async def publish_file(self, file: Path) -> AgentSpec:
        """Publish the agent of a file that is not in the folder `agents`, and let what its `on` says wake it."""
        return await control.publishing.publish_file(self._runtime, file)

    @cached_property
    def reloads(self) -> Reloads:
        """What takes changed files up while this process works."""
        return control.reloading.Reloads(self._runtime)

    async def reload(self) -> Reloaded:
        """Take up all files that have changed, and tell which those are; a wrong one leaves what it was."""
        return await self.reloads.reload()

    @cached_property
    def flows(self) -> FlowShelf:
        """The flows that the project publishes: the files in its folder `flows`."""
        return control.flows.FlowShelf(self._runtime)

    def accept(
        self,
        input: Any,
        *,
        spec: str = "",
        agent: str = "",
        key: str = "",
        who: str = "operator",
        traceparent: str = "",
        tracestate: str = "",
    ) -> Coroutine[Any, Any, RunRow]:
        """Accept `input` for a published `spec`, or for the `agent` of this id; it is on disk when this returns, and
        the same idempotency `key` again gives the same run. `traceparent` and `tracestate` (W3C) put the run into a
        trace."""
        return control.accepting.accept(
            self._runtime,
            input,
            spec=spec,
            agent=agent,
            key=key,
            who=who,
            traceparent=traceparent,
            tracestate=tracestate,
        )

    async def hand_back(self, given: Mapping[str, Given], *, spec: str, who: str = "operator") -> GoingOn | None:
        """Give a run that waits for the client's own tools what their calls gave, by the ids of the calls."""
        return await control.handing.hand_back(self._runtime, given, spec=spec, who=who)

    @cached_property
    def channels(self) -> Channels:
        """What runs of this process say, for whoever hears them."""
        return control.channels.Channels(self._runtime.engine.live)

    def hear(
        self, run: RunRow | str, *, after: int = 0, until: Awaitable[Any] | None = None
    ) -> AsyncIterator[RunEvent]:
        """Everything that happens in a run behind the cursor `after`, what has happened already first, to its end or
        until `until` is done."""
        return control.hearing.hear(self._runtime, run, after=after, until=until)

    @cached_property
    def everywhere(self) -> Mapping[bool, Everywhere]:
        """What all runs say, with the text of answers under way and without."""
        return {text: control.everywhere.Everywhere(self._runtime, text=text) for text in (True, False)}

    def hear_all(self, *, agent: str = "", after: int | None = None, text: bool = True) -> AsyncIterator[RunEvent]:
        """Everything that happens in all runs, or in those of an agent, behind the cursor `after` (None: from now on).
        It has no end."""
        return control.everywhere.hear_all(self._runtime, agent=agent, after=after, text=text)
