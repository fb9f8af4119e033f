"""The tool port: a definition for the model, a check of what the model asks, a call, and a probe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import msgspec

from perdure.base.messages import Part, Text, ToolDefinition
from perdure.kernel.classes import EffectClass, NotDone, Unsure
from perdure.kernel.context import Context

__all__ = ["NotDone", "Probe", "Tool", "ToolOutput", "Unsure"]


class ToolOutput(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a tool gave: `parts` for the model to read, and `value`, the plain data it stands for, for programs.

    `value` is left out where it would only say the text again: `plain` gives it in either case.
    """

    parts: tuple[Part, ...]
    value: Any = None
    error: bool = False

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def plain(self) -> Any:
        """The value, or the text where there is no other."""
        return self.text if self.value is None else self.value


Probe: TypeAlias = ToolOutput | NotDone | Unsure


class Tool(Protocol):
    """Something a model can call.

    `effect` is the class of what a call does. None says that the tool takes the context and journals its own effects:
    it is then part of the handler, executed again on every replay, and must do nothing except through the context.
    `timeout_ms` bounds one call, None for no bound; the tool keeps it itself and raises ToolTimeout.
    `source_digest` stands for the code behind it, "" for built-ins.
    """

    definition: ToolDefinition
    effect: EffectClass | None
    timeout_ms: int | None
    source_digest: str

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Raise InvalidArguments or ToolDenied for a call that can be refused before anything is done. Pure."""
        ...

    def effect_of(self, arguments: Mapping[str, Any]) -> EffectClass | None:
        """The class of this one call; `effect` for most tools, the method's for HTTP. `arguments` passed `check`."""
        ...

    async def call(self, arguments: Mapping[str, Any], *, key: str, ctx: Context) -> ToolOutput:
        """Do it. `key` is the idempotency key: the same on every attempt at this call, and of no other call.

        Raises InvalidArguments (with a message that a model can act on) before anything was done, ToolFailed where it
        is certain that nothing was done, ToolTimeout when the time is up, and any other exception where nothing is
        certain.
        """
        ...

    async def reconcile(self, arguments: Mapping[str, Any], *, key: str, ctx: Context) -> Probe:
        """Find out whether the call with this key happened; only asked of tools whose effect is `checkable`."""
        ...
