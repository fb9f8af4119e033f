"""What a handler holds: the kernel's context, and the files that its agent reaches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property

from perdure.base.errors import WrongState
from perdure.kernel import context

from .namespace import Namespace
from .reaching import Files

View = Callable[[str], Awaitable[Namespace]]
"""The own view of the agent with this id."""


class Context(context.Context):
    """One run as its handler sees it."""

    def __init__(self, inner: context.Context, view: View | None) -> None:
        super().__init__(inner._x, inner.project)
        self._view = view

    @cached_property
    def files(self) -> Files:
        """The agent's own directory: `await ctx.files.read("/status")`."""
        view = self._view
        if view is None:
            raise WrongState("this run has no directory", hint="Open the project with `perdure.open`.")
        agent_id = self.agent_id
        return Files(self, lambda: view(agent_id))
