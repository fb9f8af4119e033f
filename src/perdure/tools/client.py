"""A tool of whoever sent the request: they call it themselves, and the run waits for what it gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from perdure.base.errors import WrongState
from perdure.base.messages import Part, ToolDefinition
from perdure.kernel.classes import EffectClass
from perdure.kernel.context import Context

from .port import Probe, ToolOutput


class Given(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the client says that its call gave."""

    parts: tuple[Part, ...]
    error: bool = False


class ClientTool:
    """The run stands still while the client works, and goes on when `Given` is handed to the wait; after `patience_ms`
    (None: never) it fails with ClientSilent, as nobody is there any more to read what it would say. What the client
    takes for right arguments is its own affair: nothing is checked here."""

    effect: EffectClass | None = None
    timeout_ms: int | None = None
    source_digest = ""

    def __init__(self, definition: ToolDefinition, patience_ms: int | None = None) -> None:
        self.definition = definition
        self._patience_ms = patience_ms

    def check(self, arguments: Mapping[str, Any]) -> None:
        pass

    def effect_of(self, arguments: Mapping[str, Any]) -> EffectClass | None:
        return None

    async def call(self, arguments: Mapping[str, Any], *, key: str, ctx: Context) -> ToolOutput:
        said = await ctx.hand_over(self.definition.name, arguments, timeout_ms=self._patience_ms)
        given = msgspec.convert(said, Given)
        return ToolOutput(given.parts, error=given.error)

    async def reconcile(self, arguments: Mapping[str, Any], *, key: str, ctx: Context) -> Probe:
        raise WrongState(f"{self.definition.name} is the client's: nobody here can look")
