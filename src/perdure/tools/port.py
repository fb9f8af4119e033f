"""The tool port: a definition for the model, and a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import msgspec

from perdure.base.messages import Part, ToolDefinition
from perdure.kernel.classes import EffectClass
from perdure.kernel.context import Context


class ToolOutput(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a tool gave: `parts` for the model to read, and `value`, the plain data it stands for, for programs."""

    parts: tuple[Part, ...]
    value: Any = None
    error: bool = False


class NotDone(msgspec.Struct, frozen=True):
    """A probe's answer: the effect did not happen, so it is safe to do it now."""


class Unsure(msgspec.Struct, frozen=True):
    """A probe's answer: it cannot tell, so a person has to."""


Probe: TypeAlias = ToolOutput | NotDone | Unsure


class Tool(Protocol):
    """Something a model can call.

    `effect` is the class of what a call does. None says that the tool takes the context and journals its own effects:
    it is then part of the handler, executed again on every replay, and must do nothing except through the context.
    `timeout_ms` bounds one call, None for no bound. `source_digest` stands for the code behind it, "" for built-ins.
    """

    definition: ToolDefinition
    effect: EffectClass | None
    timeout_ms: int | None
    source_digest: str

    async def call(self, arguments: Mapping[str, Any], *, key: str, ctx: Context) -> ToolOutput:
        """Do it. `key` is the idempotency key: the same on every attempt at this call, and of no other call.

        Raises InvalidArguments (with a message that a model can act on) before anything was done, ToolFailed where it
        is certain that nothing was done, and any other exception where that is not certain.
        """
        ...

    async def reconcile(self, arguments: Mapping[str, Any], *, key: str, ctx: Context) -> Probe:
        """Find out whether the call with this key happened; only asked of tools whose effect is `checkable`."""
        ...
