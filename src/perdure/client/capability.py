"""Capabilities: what a program offers to whoever asks for it by name, each call done by one of those that offer it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec

from perdure.base.errors import ERRORS, InputError, PerdureError, ToolError
from perdure.base.topic import check_topic
from perdure.kernel.context import Context
from perdure.tools.function import FunctionTool

F = TypeVar("F", bound=Callable[..., Any])

TOPICS = "capability"
"""Calls of `weather` in version 1.0 are requests on `capability.call.weather.1.0`."""
OFFERED = f"{TOPICS}.offered"
CLAIMED = f"{TOPICS}.claimed"
_MARK = "__perdure_capability__"


class Offer(msgspec.Struct, frozen=True):
    """A capability as it is announced. `input_schema` is a JSON Schema; `provider` is who offers it."""

    name: str
    version: str
    description: str
    input_schema: dict[str, Any]
    provider: str = ""


class Capability:
    """A function that is offered under a name and a version."""

    def __init__(self, function: Callable[..., Any], name: str, version: str) -> None:
        self._tool: FunctionTool[Any, Any] = FunctionTool(function, name=name, effect="once", timeout=None)
        if self._tool.signature.ctx or self._tool.signature.key:
            raise InputError(f"{name} asks for a run's context or key: outside the server there is none")
        self.offer = Offer(name, version, self._tool.definition.description, self._tool.definition.parameters)
        self.topic = call_topic(name, version)

    async def call(self, payload: Any) -> Any:
        """What the function makes of the payload, as plain data. Raises InvalidArguments, and ToolError."""
        if not isinstance(payload, dict):
            raise InputError(f"{self.offer.name} takes a mapping of arguments")
        return (await self._tool.call(payload, key="", ctx=cast(Context, None))).plain


def capability(name: str, version: str = "1.0") -> Callable[[F], F]:
    """Mark a typed function, sync or async, as a capability: `await bus.offer(function)` lets others call it."""

    def mark(function: F) -> F:
        setattr(function, _MARK, (name, version))
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


def call_topic(name: str, version: str) -> str:
    return check_topic(f"{TOPICS}.call.{name}.{version}")


def done(output: Any) -> dict[str, Any]:
    return {"status": "ok", "output": output}


def failed(error: PerdureError) -> dict[str, Any]:
    return {"status": "error", "error": error.as_dict()}


def outcome(answer: Any) -> Any:
    """The output that an answer tells. Raises the error that it tells."""
    if isinstance(answer, dict) and answer.get("status") == "ok":
        return answer.get("output")
    told = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(told, dict):
        raise ToolError("the answer to a call is none", answer=answer)
    cls = ERRORS.get(str(told.get("code", "")), ToolError)
    raise cls(str(told.get("message", "")), hint=told.get("hint"), **told.get("facts", {}))
