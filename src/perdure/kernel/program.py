"""What the layers above tell the kernel of a spec: the handler, and the rules that hold around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias

import msgspec

from .context import Context
from .store.ops import OverflowPolicy

Handler: TypeAlias = Callable[[Context], Awaitable[Any]]


class Yielded(msgspec.Struct, frozen=True):
    """A handler returns this when it came to its step limit: the run can be resumed and is no failure."""

    steps: int
    output: Any = None


class Program(msgspec.Struct, frozen=True):
    """`per_run` and `per_day` are micro-USD, None for no limit. `attempts` is how often a handler that raised a
    retryable error is run in all; the pause before the next attempt begins at `backoff_ms` and doubles. `tools` maps
    each Python tool to the digest of its source."""

    handle: Handler
    per_run: int | None = None
    per_day: int | None = None
    attempts: int = 1
    backoff_ms: int = 1_000
    while_waiting: Literal["queue", "cancel"] = "queue"
    capacity: int = 1024
    policy: OverflowPolicy = "dead_letter"
    tools: dict[str, str] = {}


Programs: TypeAlias = Callable[[str], Awaitable[Program]]
"""Find the program of the spec with this digest. Raises UnknownSpec."""
