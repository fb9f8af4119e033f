"""Capabilities: what a program offers to whoever asks for it by name, each call done by one of those that offer it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from perdure.base.errors import InputError
from perdure.bus.capabilities import call_topic
from perdure.kernel.context import Context
from perdure.tools.capability import Effect, Offer
from perdure.tools.function import FunctionTool

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__perdure_capability__"


class Capability:
    """A function that is offered under a name and a version."""

    def __init__(self, function: Callable[..., Any], name: str, version: str, effect: Effect = "once") -> None:
        self.topic = call_topic(name, version)
        title = name.replace(".", "_")
        self._tool: FunctionTool[Any, Any] = FunctionTool(function, name=title, effect=effect, timeout=None)
        if self._tool.signature.ctx:
            raise InputError(f"{name} asks for a run's context: outside the server there is none")
        made = self._tool.definition
        self.offer = Offer(name, version, made.description, made.parameters, effect=effect)

    async def call(self, payload: Any, *, key: str) -> Any:
        """What the function makes of the payload, as plain data; `key` is the same for every attempt at this call, and
        handed to a function that has a parameter for it. Raises InvalidArguments, and ToolError."""
        if not isinstance(payload, dict):
            raise InputError(f"{self.offer.name} takes a mapping of arguments")
        return (await self._tool.call(payload, key=key, ctx=cast(Context, None))).plain


def capability(name: str, version: str = "1.0", *, effect: Effect = "once") -> Callable[[F], F]:
    """Mark a typed function, sync or async, as a capability: `await bus.offer(function)` lets others call it.

    `effect` says what becomes of a call whose outcome nobody knows: one that only looks (`read`), or that knows its key
    again (`idempotent`: a keyword-only parameter `key: str` gets it), is made again; `once` is put before a person.
    """

    def mark(function: F) -> F:
        setattr(function, _MARK, (name, version, effect))
        return function

    return mark


def capabilities_of(found: object) -> list[Capability]:
    """The capabilities that something offers: a marked function, or an object with marked methods."""
    if (marked := getattr(found, _MARK, None)) is not None:
        return [Capability(cast(Callable[..., Any], found), *marked)]
    members = (getattr(found, name) for name in dir(found) if not name.startswith("__"))
    made = [Capability(member, *getattr(member, _MARK)) for member in members if hasattr(member, _MARK)]
    if not made:
        raise InputError(f"{found!r} offers nothing", hint="Mark functions with @perdure.capability(name).")
    return made
