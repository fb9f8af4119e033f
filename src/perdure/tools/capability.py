"""What a program beside the server can do, as a tool: the call goes to whichever program offers it just then."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from perdure.base.errors import PerdureError, WrongState
from perdure.base.messages import Text, ToolDefinition
from perdure.kernel.classes import EffectClass, NotDone, Unsure
from perdure.kernel.context import Context

from .port import Probe, ToolOutput
from .result import to_output

Effect: TypeAlias = Literal["read", "idempotent", "once"]
ANYTHING: dict[str, Any] = {"type": "object"}
"""The parameters of a capability that nobody has offered yet."""


class Offer(msgspec.Struct, frozen=True):
    """A capability as it is announced. `input_schema` is a JSON Schema; `provider` is who offers it; `effect` is what a
    call does."""

    name: str
    version: str
    description: str
    input_schema: dict[str, Any]
    provider: str = ""
    effect: Effect = "once"


class Broker(Protocol):
    """The way to the programs that offer capabilities."""

    async def offered(self, name: str, version: str) -> Offer | None:
        """The latest offer of a capability, None where there was none."""
        ...

    async def call(
        self, name: str, version: str, arguments: Mapping[str, Any], *, key: str, sender: str, timeout_ms: int
    ) -> Any:
        """What one of those that offer it makes of the arguments. Raises ToolFailed where nobody began with it in time,
        ToolTimeout where somebody did and has not answered, and the error that it came to."""
        ...

    async def find_out(self, name: str, version: str, *, key: str) -> Any:
        """What became of the call with this key: its outcome, raised where it was an error; NotDone() where nobody has
        begun with it, and nobody will; Unsure() where somebody has."""
        ...


class CapabilityTool:
    """What it is, `offer` says, which is asked for when a run begins: until then it takes anything.

    What is done once can be looked up: who began with a call says so before, and how it ended is kept for an hour. Only
    what was begun and never ended is put before a person.
    """

    source_digest = ""

    def __init__(
        self,
        name: str,
        version: str,
        timeout_ms: int,
        broker: Callable[[], Broker] | None,
        offer: Offer | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.timeout_ms: int | None = None
        self._within_ms = timeout_ms
        self._broker = broker
        described = (
            offer.description if offer is not None else f"`{name}` of a connected program; nobody offers it just now."
        )
        schema = offer.input_schema if offer is not None else ANYTHING
        self.definition = ToolDefinition(re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64], described, schema)
        declared = offer.effect if offer is not None else "once"
        self.effect: EffectClass | None = "checkable" if declared == "once" else declared

    async def offered(self) -> Offer | None:
        return await self._known().offered(self.name, self.version)

    def as_offered(self, offer: Offer) -> CapabilityTool:
        return CapabilityTool(self.name, self.version, self._within_ms, self._broker, offer)

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Whoever does the call checks its arguments."""

    def effect_of(self, arguments: Mapping[str, Any]) -> EffectClass | None:
        return self.effect

    async def call(self, arguments: Mapping[str, Any], *, key: str, ctx: Context) -> ToolOutput:
        within, broker = self._within_ms, self._known()
        called = broker.call(self.name, self.version, arguments, key=key, sender=ctx.agent_id, timeout_ms=within)
        return to_output(await called)

    async def reconcile(self, arguments: Mapping[str, Any], *, key: str, ctx: Context) -> Probe:
        try:
            found = await self._known().find_out(self.name, self.version, key=key)
        except PerdureError as error:  # how the call ended, which is an outcome as well
            return ToolOutput((Text(f"Error: {error.message}"),), error=True)
        return found if isinstance(found, (NotDone, Unsure)) else to_output(found)

    def _known(self) -> Broker:
        if self._broker is None:
            raise WrongState(f"there is no way to the programs that offer {self.name}")
        return self._broker()
