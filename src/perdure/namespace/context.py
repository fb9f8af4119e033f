"""What a handler holds: the kernel's context, and the files that its agent reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from perdure.base.errors import WrongState
from perdure.kernel import context

if TYPE_CHECKING:
    from .reaching import Files


class Reach(Protocol):
    """What agents reach just now, put together where all services are known."""

    def files(self, ctx: context.Context) -> Files:
        """The own directory of the agent whose run this is."""
        ...

    async def may_call(self, agent_id: str, tool: str) -> bool:
        """Whether a tool that the agent's spec grants has not been taken away since."""
        ...


class Context(context.Context):
    """One run as its handler sees it."""

    def __init__(self, inner: context.Context, reach: Reach | None) -> None:
        super().__init__(inner._x, inner.project)
        self._reach = reach

    @property
    def files(self) -> Files:
        """The agent's own directory: `await ctx.files.read("/status")`."""
        if self._reach is None:
            raise WrongState("this run has no directory", hint="Open the project with `perdure.open`.")
        return self._reach.files(self)

    async def may_call(self, tool: str) -> bool:
        """Whether the agent may call a tool just now: not recorded, so it is asked inside an effect."""
        return self._reach is None or await self._reach.may_call(self.agent_id, tool)
