"""What the layers above tell the kernel of a spec: the handler, and the rules that hold around it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from .budgets import BudgetRules
from .context import Context
from .store.ops import OverflowPolicy
from .supervision import Supervision

Handler: TypeAlias = Callable[[Context], Coroutine[Any, Any, Any]]


class Yielded(msgspec.Struct, frozen=True):
    """A handler returns this when it came to its step limit: the run can be resumed and is no failure."""

    steps: int
    output: Any = None


class Program(msgspec.Struct, frozen=True):
    """`per_run`, `per_tick` and `per_day` are micro-USD, None for no limit (see `budgets`). `attempts` is how often a
    handler that raised a retryable error is run in all; the pause before the next attempt begins at `backoff_ms` and
    doubles. `tools` maps each Python tool to the digest of its source. A handler that `undoes` is executed once more
    when its run is cancelled: it comes to where it was, there CancelledError is raised, and what it does then behind
    `Context.shielded` is done."""

    handle: Handler
    per_run: int | None = None
    per_tick: int | None = None
    per_day: int | None = None
    attempts: int = 1
    backoff_ms: int = 1_000
    while_waiting: Literal["queue", "cancel"] = "queue"
    capacity: int = 1024
    policy: OverflowPolicy = "dead_letter"
    tools: dict[str, str] = {}
    undoes: bool = False
    supervision: Supervision | None = None
    spending: BudgetRules = BudgetRules()


class Programs(Protocol):
    """Where the engine finds programs; the layers above know how a spec becomes one."""

    async def program(self, digest: str) -> Program:
        """The program of a stored spec. Raises UnknownSpec."""
        ...

    async def find(self, target: Any) -> tuple[str, bytes, Program]:
        """What a handler names to begin a child run: its digest, its document to store, and its program."""
        ...
